package loaders

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"roost/cache"
	"roost/internal/reqstats"
)

// wait is how long a batch gathers keys on the paths that nothing prefetched. Below a millisecond the
// runtime's timer does not go on an idle process.
const wait = time.Millisecond

// Loader answers one question for many keys at once, and each key once.
type Loader[K comparable, V any] struct {
	// asking is held from looking whether a key is known to making it so: the dataloader does that in two
	// steps, and a promise between them would have the key fetched twice.
	asking  sync.Mutex
	batched *dataloader.Loader[K, V]
	known   *answers[K, V]
	fetch   func(ctx context.Context, keys []K) (map[K]V, error)
	// ask, for a loader over the cache, splits fetch around the cache's answer; nil for others.
	ask func(keys []K) (*cache.Request, answer[K, V])
}

// answer takes apart what the cache answered.
type answer[K comparable, V any] func(ctx context.Context) (map[K]V, error)

// newLoader makes a loader; keys that fetch leaves out get V's zero value.
func newLoader[K comparable, V any](fetch func(ctx context.Context, keys []K) (map[K]V, error)) *Loader[K, V] {
	known := &answers[K, V]{thunks: map[K]dataloader.Thunk[V]{}}
	batch := func(ctx context.Context, keys []K) []*dataloader.Result[V] {
		reqstats.From(ctx).Waited()
		out := make([]*dataloader.Result[V], len(keys))
		got, err := fetch(ctx, keys)
		for i, k := range keys {
			out[i] = &dataloader.Result[V]{Data: got[k], Error: err}
		}
		return out
	}
	return &Loader[K, V]{fetch: fetch, known: known,
		batched: dataloader.NewBatchedLoader(batch, dataloader.WithWait[K, V](wait), dataloader.WithInputCapacity[K, V](64),
			dataloader.WithCache[K, V](known))}
}

// Load answers for one key: at once if it is known, else together with the others that are asked for
// within a millisecond.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	l.asking.Lock()
	answer := l.batched.Load(ctx, key)
	l.asking.Unlock()
	return answer()
}

// Prefetch makes the answers for the keys known, in one batch and without waiting for others. An error
// is what Load then gives for these keys.
func (l *Loader[K, V]) Prefetch(ctx context.Context, keys []K) { l.Promise(ctx, keys)() }

// Promise is Prefetch in two steps: from now on nobody else asks for the keys, and the function that it
// returns, which must be called, fetches them.
func (l *Loader[K, V]) Promise(ctx context.Context, keys []K) (fetch func()) {
	promised, missing := l.promise(keys)
	return func() {
		defer close(promised.done)
		if len(missing) == 0 {
			return
		}
		promised.got, promised.err = l.fetch(ctx, missing)
	}
}

// promise makes the keys known that are not, to be answered by what it returns.
func (l *Loader[K, V]) promise(keys []K) (promised *promise[K, V], missing []K) {
	promised = &promise[K, V]{done: make(chan struct{}), err: errPanicked}
	l.asking.Lock()
	defer l.asking.Unlock()
	return promised, l.known.promise(keys, promised)
}

// errPanicked is what those get who wait for a prefetch that never returned.
var errPanicked = errors.New("a prefetch ended in a panic")

// promise is a batch under way.
type promise[K comparable, V any] struct {
	done chan struct{}
	got  map[K]V
	err  error
}

// Prime makes an answer known that came from elsewhere.
func (l *Loader[K, V]) Prime(ctx context.Context, key K, v V) { l.batched.Prime(ctx, key, v) }

// answers is the loader's memory; unlike dataloader's own it takes a promise for many keys at once.
type answers[K comparable, V any] struct {
	mu     sync.Mutex
	thunks map[K]dataloader.Thunk[V]
}

// Get is asked by the dataloader.
func (a *answers[K, V]) Get(_ context.Context, k K) (dataloader.Thunk[V], bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.thunks[k]
	return t, ok
}

// Set is called by the dataloader.
func (a *answers[K, V]) Set(_ context.Context, k K, t dataloader.Thunk[V]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.thunks[k] = t
}

// Delete is called by the dataloader.
func (a *answers[K, V]) Delete(_ context.Context, k K) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.thunks[k]
	delete(a.thunks, k)
	return ok
}

// Clear is called by the dataloader.
func (a *answers[K, V]) Clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.thunks)
}

// promise sets the batch as the answer for the keys that have none, and gives them, each once.
func (a *answers[K, V]) promise(keys []K, p *promise[K, V]) (missing []K) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range keys {
		if _, ok := a.thunks[k]; ok {
			continue
		}
		missing = append(missing, k)
		a.thunks[k] = func() (V, error) {
			<-p.done
			return p.got[k], p.err
		}
	}
	return missing
}
