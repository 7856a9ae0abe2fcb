package loaders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"roost/internal/reqstats"
)

// source answers with ten times the key, and notes what it is asked.
type source struct {
	mu    sync.Mutex
	asked [][]int
	// hold, if it is set, is waited for before answers.
	hold  chan struct{}
	begun chan struct{}
	err   error
	panic any
}

func (s *source) fetch(_ context.Context, keys []int) (map[int]int, error) {
	s.mu.Lock()
	s.asked = append(s.asked, slices.Clone(keys))
	s.mu.Unlock()
	if s.hold != nil {
		s.begun <- struct{}{}
		<-s.hold
	}
	if s.panic != nil {
		panic(s.panic)
	}
	if s.err != nil {
		return nil, s.err
	}
	out := map[int]int{}
	for _, k := range keys {
		if k > 0 {
			out[k] = 10 * k
		}
	}
	return out, nil
}

// times is how often each key was asked for.
func (s *source) times() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[int]int{}
	for _, keys := range s.asked {
		for _, k := range keys {
			out[k]++
		}
	}
	return out
}

func want(t *testing.T, l *loader[int, int], key, value int) {
	t.Helper()
	if got, err := l.Load(t.Context(), key); err != nil || got != value {
		t.Errorf("key %d is %d, %v; want %d", key, got, err, value)
	}
}

func TestPrefetchedKeysAreKnown(t *testing.T) {
	t.Parallel()
	s := &source{}
	l := newLoader(wait, s.fetch)
	ctx, stats := reqstats.With(t.Context())
	l.Prefetch(ctx, []int{1, 2, 2, -3, 1})
	l.Prefetch(ctx, []int{2, 4})
	l.Prefetch(ctx, []int{4, 1})
	l.Prefetch(ctx, nil)
	if len(s.asked) != 2 || !slices.Equal(s.asked[0], []int{1, 2, -3}) || !slices.Equal(s.asked[1], []int{4}) {
		t.Errorf("asked for %v", s.asked)
	}
	for key, value := range map[int]int{1: 10, 2: 20, 4: 40, -3: 0} {
		if got, err := l.Load(ctx, key); err != nil || got != value {
			t.Errorf("key %d is %d, %v", key, got, err)
		}
	}
	if stats.Waits() != 0 || len(s.asked) != 2 {
		t.Errorf("%d batches waited, asked for %v", stats.Waits(), s.asked)
	}
	// What nobody prefetched is gathered.
	if got, err := l.Load(ctx, 5); err != nil || got != 50 || stats.Waits() != 1 {
		t.Errorf("key 5 is %d, %v after %d batches that waited", got, err, stats.Waits())
	}
}

func TestPrimedAnswersStay(t *testing.T) {
	t.Parallel()
	s := &source{}
	l := newLoader(wait, s.fetch)
	l.Prime(t.Context(), 1, 111)
	l.Prefetch(t.Context(), []int{1, 2})
	l.Prime(t.Context(), 2, 222)
	want(t, l, 1, 111)
	want(t, l, 2, 20)
}

// From a promise on nobody else asks for its keys; those who want them wait for it.
func TestReservedKeys(t *testing.T) {
	t.Parallel()
	s := &source{}
	l := newLoader(wait, s.fetch)
	fetch := l.reserve(t.Context(), []int{1, 2})
	l.Prefetch(t.Context(), []int{2, 3})
	if !slices.EqualFunc(s.asked, [][]int{{3}}, slices.Equal) {
		t.Errorf("asked for %v", s.asked)
	}
	var all sync.WaitGroup
	all.Go(func() { want(t, l, 1, 10) })
	all.Go(func() { want(t, l, 2, 20) })
	fetch()
	all.Wait()
	l.reserve(t.Context(), []int{1})() // nothing is left to do
	if !maps.Equal(s.times(), map[int]int{1: 1, 2: 1, 3: 1}) {
		t.Errorf("asked for %v", s.asked)
	}
}

// However many load and prefetch overlapping keys at once, each key is fetched once.
func TestEachKeyIsFetchedOnce(t *testing.T) {
	t.Parallel()
	for range 50 {
		s := &source{}
		l := newLoader(wait, s.fetch)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				keys := []int{1 + i%3, 2 + i%4, 3 + i}
				if i%2 == 0 {
					l.Prefetch(t.Context(), keys)
				}
				for _, k := range keys {
					want(t, l, k, 10*k)
				}
			})
		}
		all.Wait()
		for k, n := range s.times() {
			if n != 1 {
				t.Fatalf("key %d was fetched %d times: %v", k, n, s.asked)
			}
		}
	}
}

// Who loads a key that is being fetched waits for that.
func TestLoadWaitsForAPrefetch(t *testing.T) {
	t.Parallel()
	s := &source{hold: make(chan struct{}), begun: make(chan struct{}, 1)}
	l := newLoader(wait, s.fetch)
	var all sync.WaitGroup
	all.Go(func() { l.Prefetch(t.Context(), []int{1}) })
	<-s.begun
	got := make(chan int, 1)
	all.Go(func() {
		v, _ := l.Load(t.Context(), 1)
		got <- v
	})
	select {
	case v := <-got:
		t.Fatalf("it is %d before it is fetched", v)
	default:
	}
	close(s.hold)
	if v := <-got; v != 10 || len(s.asked) != 1 {
		t.Errorf("it is %d, asked for %v", v, s.asked)
	}
	all.Wait()
}

func TestErrorsAreOfTheirKeys(t *testing.T) {
	t.Parallel()
	s := &source{err: errors.New("no database")}
	l := newLoader(wait, s.fetch)
	l.Prefetch(t.Context(), []int{1, 2})
	for _, k := range []int{1, 2, 3} { // 3 through the dataloader
		if _, err := l.Load(t.Context(), k); !errors.Is(err, s.err) {
			t.Errorf("key %d: %v", k, err)
		}
	}
	s.err = nil
	l.Prefetch(t.Context(), []int{4})
	want(t, l, 4, 40)
	if _, err := l.Load(t.Context(), 1); err == nil {
		t.Error("the error of a key is forgotten within the operation")
	}
}

// A panic goes to who prefetches; those who wait for the keys get an error and do not hang.
func TestPanicOfAPrefetch(t *testing.T) {
	t.Parallel()
	s := &source{hold: make(chan struct{}), begun: make(chan struct{}, 1), panic: "broken"}
	l := newLoader(wait, s.fetch)
	raised := make(chan any, 1)
	go func() {
		defer func() { raised <- recover() }()
		l.Prefetch(t.Context(), []int{1})
	}()
	<-s.begun
	waits := make(chan error, 1)
	go func() {
		_, err := l.Load(t.Context(), 1)
		waits <- err
	}()
	close(s.hold)
	if p := <-raised; p != "broken" {
		t.Errorf("who prefetches gets %v", p)
	}
	if err := <-waits; !errors.Is(err, errPanicked) {
		t.Errorf("who waits gets %v", err)
	}
}

// A panic in a batch that the dataloader runs is an error of its keys, and the process lives.
func TestPanicOfABatch(t *testing.T) {
	t.Parallel()
	s := &source{panic: "broken"}
	l := newLoader(wait, s.fetch)
	if _, err := l.Load(t.Context(), 1); err == nil {
		t.Error("no error")
	}
}

// A batch may fail in part: keys that were answered have their answers, whether they were gathered or prefetched.
func TestAnsweredKeysOutliveTheFailureOfOthers(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	fetch := func(_ context.Context, keys []int) (map[int]int, error) {
		got := map[int]int{}
		for _, k := range keys {
			if k > 0 {
				got[k] = 10 * k
			}
		}
		return got, failed
	}
	for name, prefetched := range map[string]bool{"gathered": false, "prefetched": true} {
		l := newLoader(wait, fetch)
		if prefetched {
			l.Prefetch(t.Context(), []int{1, -1})
		}
		if v, err := l.Load(t.Context(), 1); v != 10 || err != nil {
			t.Errorf("%s: %d, %v", name, v, err)
		}
		if _, err := l.Load(t.Context(), -1); !errors.Is(err, failed) {
			t.Errorf("%s: %v, want %v", name, err, failed)
		}
	}
}
