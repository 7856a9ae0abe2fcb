package loaders

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"roost/internal/reqstats"
)

// wait is how long a loader gathers keys into a batch, unless Sources.Wait is set. On an idle process the runtime's timers do not
// fire sooner than after a millisecond.
const wait = time.Millisecond

// loader looks up values of one kind by key. It fetches many keys at once, and each key once.
type loader[K comparable, V any] struct {
	// asking is locked while a key is looked up and, if it is not known, added. The dataloader does this in two steps, and a promise
	// made between them would fetch the key twice.
	asking  sync.Mutex
	batched *dataloader.Loader[K, V]
	known   *answers[K, V]
	fetch   func(ctx context.Context, keys []K) (map[K]V, error)
}

// newLoader returns a loader that gathers keys for a while and fetches them with fetch. Keys that fetch leaves out have V's zero value,
// or the error if it returns one.
func newLoader[K comparable, V any](wait time.Duration, fetch func(ctx context.Context, keys []K) (map[K]V, error)) *loader[K, V] {
	known := &answers[K, V]{thunks: map[K]dataloader.Thunk[V]{}}
	batch := func(ctx context.Context, keys []K) []*dataloader.Result[V] {
		reqstats.From(ctx).Waited()
		out := make([]*dataloader.Result[V], len(keys))
		got, err := fetch(ctx, keys)
		for i, k := range keys {
			out[i] = &dataloader.Result[V]{}
			out[i].Data, out[i].Error = resultOf(got, k, err)
		}
		return out
	}
	return &loader[K, V]{fetch: fetch, known: known,
		batched: dataloader.NewBatchedLoader(batch, dataloader.WithWait[K, V](wait), dataloader.WithInputCapacity[K, V](64),
			dataloader.WithCache[K, V](known))}
}

// resultOf returns the value of a key of a batch. The batch's error is that of keys without a value.
func resultOf[K comparable, V any](got map[K]V, k K, err error) (V, error) {
	v, ok := got[k]
	if ok {
		err = nil
	}
	return v, err
}

// Load returns the value of one key. If it is not known yet, Load waits for up to a millisecond and fetches it together with other keys.
func (l *loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	l.asking.Lock()
	answer := l.batched.Load(ctx, key)
	l.asking.Unlock()
	return answer()
}

// LoadAll returns the values of keys, in their order, or the first error. It waits as Load does.
func (l *loader[K, V]) LoadAll(ctx context.Context, keys []K) ([]V, error) {
	l.asking.Lock()
	all := make([]dataloader.Thunk[V], len(keys))
	for i, k := range keys {
		all[i] = l.batched.Load(ctx, k)
	}
	l.asking.Unlock()
	out := make([]V, len(keys))
	for i, answer := range all {
		var err error
		if out[i], err = answer(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Prefetch fetches keys in one batch, without waiting for others. Load then returns their values, or the error of the batch.
func (l *loader[K, V]) Prefetch(ctx context.Context, keys []K) { l.reserve(ctx, keys)() }

// reserve is Prefetch in two steps. It reserves the keys: no other call fetches them, and Load waits for them. The function that
// it returns fetches the keys and must be called.
func (l *loader[K, V]) reserve(ctx context.Context, keys []K) (fetch func()) {
	promised, missing := l.promise(keys)
	return func() {
		defer close(promised.done)
		if len(missing) == 0 {
			return
		}
		promised.got, promised.err = l.fetch(ctx, missing)
	}
}

// promise reserves the keys that are not known yet, and returns them as missing. Load waits for them until promised is done.
func (l *loader[K, V]) promise(keys []K) (promised *promise[K, V], missing []K) {
	promised = &promise[K, V]{done: make(chan struct{}), err: errPanicked}
	l.asking.Lock()
	defer l.asking.Unlock()
	return promised, l.known.promise(keys, promised)
}

// errPanicked is the result of keys whose prefetch did not return.
var errPanicked = errors.New("the prefetch of this key did not finish")

// promise is the result of a batch that is under way. got and err may be read once done is closed.
type promise[K comparable, V any] struct {
	done chan struct{}
	got  map[K]V
	err  error
}

// Prime adds a value that was read elsewhere, unless the key has one.
func (l *loader[K, V]) Prime(ctx context.Context, key K, v V) {
	l.known.prime(key, v)
	l.batched.Prime(ctx, key, v)
}

// answers holds the values that a loader has. Unlike the dataloader's own cache, it can promise many keys at once.
type answers[K comparable, V any] struct {
	mu     sync.Mutex
	thunks map[K]dataloader.Thunk[V]
	primed map[K]V
}

// prime notes a value for those who ask without the loader.
func (a *answers[K, V]) prime(k K, v V) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.thunks[k]; ok {
		return
	}
	if a.primed == nil {
		a.primed = map[K]V{}
	}
	a.primed[k] = v
}

// fail notes the error of a key that has no answer.
func (a *answers[K, V]) fail(k K, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.thunks[k]; !ok {
		a.thunks[k] = func() (none V, _ error) { return none, err }
	}
}

func (a *answers[K, V]) primedFor(k K) (V, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.primed[k]
	return v, ok
}

func (a *answers[K, V]) anyPrimed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.primed) > 0
}

// Get is called by the dataloader.
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

// promise sets p as the result of the keys that have none, and returns these keys, each once.
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
			return resultOf(p.got, k, p.err)
		}
	}
	return missing
}
