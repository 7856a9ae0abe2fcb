package loaders

import (
	"context"
	"sync"

	"roost/cache"
	"roost/events"
	"roost/rows"
)

// reads performs the cached reads of a set.
type reads struct {
	store *rows.Store
	once  sync.Once
	// now returns the node's position of the log. It is called once, before the first read.
	now  func() events.Position
	from events.Position
}

// position returns the node's position of the log, as it was before the first read.
func (r *reads) position() events.Position {
	r.once.Do(func() { r.from = r.now() })
	return r.from
}

func (r *reads) answer(ctx context.Context, all ...*cache.Request) {
	r.position()
	r.store.Answer(ctx, all...)
}

// cached returns a loader over an entity. key maps a key of the loader to the key of a row; ok is false if there cannot be a row.
// value makes the loader's value from the row; it is called with ok false if there is no row.
func cached[K, R comparable, E, V any](rows *reads, e *rows.Entity[R, E], key func(K) (r R, ok bool),
	value func(k K, row E, ok bool) V) *Loader[K, V] {
	ask := func(keys []K) (*cache.Request, answer[K, V]) {
		asked, at := make([]R, 0, len(keys)), make([]int, len(keys))
		for i, k := range keys {
			at[i] = -1
			if r, ok := key(k); ok {
				at[i] = len(asked)
				asked = append(asked, r)
			}
		}
		q := e.Ask(asked)
		return q.Request(), func(ctx context.Context) (map[K]V, error) {
			out := make(map[K]V, len(keys))
			for i, k := range keys {
				var row E
				var ok bool
				if at[i] >= 0 {
					var err error
					if row, ok, err = q.At(ctx, at[i]); err != nil {
						return nil, err
					}
				}
				out[k] = value(k, row, ok)
			}
			return out, nil
		}
	}
	l := newLoader(func(ctx context.Context, keys []K) (map[K]V, error) {
		req, answer := ask(keys)
		rows.answer(ctx, req)
		return answer(ctx)
	})
	l.ask = ask
	return l
}

// Level collects the keys that one level of an operation needs, and fetches all of them in one round trip of the cache. After a call
// of Want, Fetch or Abandon must be called.
type Level struct {
	rows     *reads
	requests []*cache.Request
	settle   []func(ctx context.Context)
	end      []func()
}

// Level returns a new, empty level.
func (s *Set) Level() *Level { return &Level{rows: s.rows} }

// Want adds keys to the level. After it returns, no other call fetches them, and Load waits for them. The loader must read through
// the cache.
func (l *Loader[K, V]) Want(lv *Level, keys []K) {
	promised, missing := l.promise(keys)
	if len(missing) == 0 {
		return
	}
	lv.end = append(lv.end, func() { close(promised.done) })
	req, answer := l.ask(missing)
	lv.requests = append(lv.requests, req)
	lv.settle = append(lv.settle, func(ctx context.Context) { promised.got, promised.err = answer(ctx) })
}

// Empty reports whether no key was added.
func (lv *Level) Empty() bool { return len(lv.requests) == 0 }

// Fetch fetches all keys of the level. Load then returns their values, or the error that concerns them.
func (lv *Level) Fetch(ctx context.Context) {
	defer lv.Abandon()
	lv.rows.answer(ctx, lv.requests...)
	for _, fn := range lv.settle {
		fn(ctx)
	}
}

// Abandon unblocks waiters on keys that were never fetched; they get an error.
func (lv *Level) Abandon() {
	for _, fn := range lv.end {
		fn()
	}
	lv.end = nil
}
