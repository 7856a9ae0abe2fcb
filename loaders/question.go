package loaders

import (
	"context"

	"roost/cache"
	"roost/domain/follows"
	"roost/internal/caller"
	"roost/rows"
)

// Question is what can be asked about many keys at once: the rows of one kind through the cache, or pages of lists from SQL.
// Resolvers ask it through a loader of the operation's Set. Plans ask it for a whole level, without a loader.
type Question[K comparable, V any] struct {
	ask   func(s *Set, keys []K) (Requests, answer[V])
	fetch func(ctx context.Context, s *Set, keys []K) (map[K]V, error)
}

// Requests are what the cache is asked for a question; nil where there is nothing to ask.
type Requests [2]*cache.Request

// AppendTo appends the requests to those of other questions.
func (r Requests) AppendTo(all []*cache.Request) []*cache.Request {
	for _, req := range r {
		if req != nil && req.Len() > 0 {
			all = append(all, req)
		}
	}
	return all
}

// answer returns the answer for the key with an index, after its request was answered.
type answer[V any] func(ctx context.Context, i int) (V, error)

// Load returns the answer for one key. If it is not there yet, Load waits for up to a millisecond and fetches it together with other
// keys. ctx contains the operation's Set.
func (q *Question[K, V]) Load(ctx context.Context, key K) (V, error) {
	return q.of(From(ctx)).Load(ctx, key)
}

// LoadNow is Load without the wait.
func (q *Question[K, V]) LoadNow(ctx context.Context, key K) (V, error) {
	l := q.of(From(ctx))
	l.Prefetch(ctx, []K{key})
	return l.Load(ctx, key)
}

// LoadAll returns the answers for keys, in their order, or the first error. It waits as Load does.
func (q *Question[K, V]) LoadAll(ctx context.Context, keys []K) ([]V, error) {
	return q.of(From(ctx)).LoadAll(ctx, keys)
}

// LoadAllNow is LoadAll without the wait.
func (q *Question[K, V]) LoadAllNow(ctx context.Context, keys []K) ([]V, error) {
	l := q.of(From(ctx))
	l.Prefetch(ctx, keys)
	return l.LoadAll(ctx, keys)
}

// Prefetch fetches keys at once. Load then returns their answers, or the error.
func (q *Question[K, V]) Prefetch(ctx context.Context, s *Set, keys []K) {
	if len(keys) > 0 {
		q.of(s).Prefetch(ctx, keys)
	}
}

// Prime adds an answer that was read elsewhere, unless the key has one.
func (q *Question[K, V]) Prime(ctx context.Context, key K, v V) { q.Keep(ctx, From(ctx), key, v) }

// Keep is Prime for a set that is not the context's.
func (q *Question[K, V]) Keep(ctx context.Context, s *Set, key K, v V) { q.of(s).Prime(ctx, key, v) }

// KeepError makes an error the answer for a key, unless the key has one.
func (q *Question[K, V]) KeepError(s *Set, key K, err error) { q.of(s).known.fail(key, err) }

// Known returns the answer that was primed for a key.
func (q *Question[K, V]) Known(s *Set, key K) (V, bool) {
	if l, ok := s.loader(q).(*loader[K, V]); ok {
		return l.known.primedFor(key)
	}
	var none V
	return none, false
}

// AnyKnown reports whether an answer was primed.
func (q *Question[K, V]) AnyKnown(s *Set) bool {
	l, ok := s.loader(q).(*loader[K, V])
	return ok && l.known.anyPrimed()
}

// Cached reports whether the question is asked with Ask, not with Fetch.
func (q *Question[K, V]) Cached() bool { return q.ask != nil }

// Ask returns the requests for keys, which Set.Answer answers together with others, and the function that then reads the answers by
// index. The function must not be called concurrently.
func (q *Question[K, V]) Ask(s *Set, keys []K) (Requests, func(ctx context.Context, i int) (V, error)) {
	return q.ask(s, keys)
}

// Fetch reads the answers for keys. Keys that are left out have V's zero value.
func (q *Question[K, V]) Fetch(ctx context.Context, s *Set, keys []K) (map[K]V, error) {
	s.Position()
	return q.fetch(ctx, s, keys)
}

// of returns the set's loader of the question.
func (q *Question[K, V]) of(s *Set) *loader[K, V] {
	return s.loaderOr(q, func() any {
		if q.ask == nil {
			return newLoader(s.sources.wait(), func(ctx context.Context, keys []K) (map[K]V, error) { return q.Fetch(ctx, s, keys) })
		}
		return newLoader(s.sources.wait(), func(ctx context.Context, keys []K) (map[K]V, error) {
			asked, at := q.ask(s, keys)
			s.Answer(ctx, asked.AppendTo(nil)...)
			return byKey(ctx, keys, at)
		})
	}).(*loader[K, V])
}

// byKey returns the answers for keys, or the first error.
func byKey[K comparable, V any](ctx context.Context, keys []K, at answer[V]) (map[K]V, error) {
	out := make(map[K]V, len(keys))
	for i, k := range keys {
		v, err := at(ctx, i)
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

// about is a question about the rows of one kind.
type about[K, R comparable, E, V any] struct {
	entity func(*rows.Store) *rows.Entity[R, E]
	// key returns the row's key for a key of the question; ok is false if there cannot be a row. It is nil if K is R, and each key is the
	// row's own.
	key func(who *caller.Caller, k K) (r R, ok bool)
	// value makes the answer from the row; ok is false if there is no row.
	value func(s *Set, k K, row E, ok bool) V
}

func (q about[K, R, E, V]) ask(s *Set, keys []K) (Requests, answer[V]) {
	if q.key == nil {
		rows := q.entity(s.sources.Rows).Ask(any(keys).([]R))
		return Requests{rows.Request()}, func(ctx context.Context, i int) (V, error) {
			row, ok, err := rows.At(ctx, i)
			if err != nil {
				var none V
				return none, err
			}
			return q.value(s, keys[i], row, ok), nil
		}
	}
	asked, at := make([]R, 0, len(keys)), make([]int32, len(keys))
	for i, k := range keys {
		at[i] = -1
		if r, ok := q.key(s.who, k); ok {
			at[i] = int32(len(asked))
			asked = append(asked, r)
		}
	}
	rows := q.entity(s.sources.Rows).Ask(asked)
	return Requests{rows.Request()}, func(ctx context.Context, i int) (V, error) {
		var row E
		var ok bool
		var err error
		if at[i] >= 0 {
			if row, ok, err = rows.At(ctx, int(at[i])); err != nil {
				var none V
				return none, err
			}
		}
		return q.value(s, keys[i], row, ok), nil
	}
}

func asIs[K comparable, E any](_ *Set, _ K, row E, _ bool) E { return row }

func isActive(_ *Set, _ int64, s follows.State, _ bool) bool { return s.Active }
