package sqldb

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/errs"
	"roost/internal/reqstats"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, what, ok)
}

// request is the context of a new request.
func request(ctx context.Context) context.Context {
	ctx, _ = reqstats.With(ctx)
	return ctx
}

// goingOn is that of a request which has had a statement.
func goingOn(ctx context.Context) context.Context {
	ctx, stats := reqstats.With(ctx)
	stats.SQL(time.Millisecond)
	return ctx
}

// take gets a permit that is free.
func take(t *testing.T, l *limit) *permit {
	t.Helper()
	s, err := l.acquire(request(t.Context()))
	if err != nil || s == nil {
		t.Fatalf("a free permit: %v, %v", s, err)
	}
	return s
}

// wait makes somebody wait, who sends his name when it is his turn.
func wait(t *testing.T, l *limit, ctx context.Context, name string, turns chan<- string) {
	t.Helper()
	before := l.load().Waiting
	go func() {
		s, err := l.acquire(ctx)
		if err != nil {
			name += ": " + err.Error()
		}
		turns <- name
		s.release()
	}()
	until(t, name+" to wait", func() bool { return l.load().Waiting == before+1 })
}

// Requests that have begun come first, new ones take turns with subscriptions, each in the order of arrival.
func TestOrderOfTheQueue(t *testing.T) {
	t.Parallel()
	l := newLimit(1, patience)
	held, turns := take(t, l), make(chan string)
	for _, w := range []struct {
		name string
		ctx  context.Context
	}{
		{"new 1", request(t.Context())}, {"new 2", request(t.Context())}, {"new 3", request(t.Context())},
		{"socket 1", Patient(goingOn(t.Context()))}, {"socket 2", Patient(request(t.Context()))},
		{"begun 1", goingOn(t.Context())}, {"begun 2", goingOn(t.Context())},
	} {
		wait(t, l, w.ctx, w.name, turns)
	}
	held.release()
	for _, want := range []string{"begun 1", "begun 2", "socket 1", "new 1", "socket 2", "new 2", "new 3"} {
		if got := <-turns; got != want {
			t.Errorf("it is the turn of %s, want %s", got, want)
		}
	}
	until(t, "the permit to be free", func() bool { return l.load() == Load{Permits: 1} })
}

// What exceeds the queue is refused at once, what waits too long then, both with UNAVAILABLE and a time to come
// back; background work and subscriptions are not.
func TestTheExcessIsRefused(t *testing.T) {
	t.Parallel()
	l := newLimit(2, patience)
	l.queue = 3
	a, b, turns := take(t, l), take(t, l), make(chan string, 20)
	for range l.queue {
		wait(t, l, request(t.Context()), "new", turns)
		wait(t, l, goingOn(t.Context()), "begun", turns)
	}
	for range l.queue + 1 {
		wait(t, l, Patient(request(t.Context())), "socket", turns)
	}
	waiting := 3*l.queue + 1
	refused := func(err error) {
		t.Helper()
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 || !IsUnavailable(err) {
			t.Errorf("refused with %v", err)
		}
	}
	for i, ctx := range []context.Context{request(t.Context()), goingOn(t.Context()), request(t.Context())} {
		began := time.Now()
		_, err := l.acquire(ctx)
		refused(err)
		if took := time.Since(began); took > patience/2 {
			t.Errorf("a refusal takes %s", took)
		}
		if got, want := l.load(), (Load{Permits: 2, Held: 2, Waiting: waiting, Refused: [refusals]int64{QueueFull: int64(i + 1)}}); got != want {
			t.Errorf("the load is %+v, want %+v", got, want)
		}
	}
	for _, ctx := range []context.Context{t.Context(), Background(request(t.Context())), Background(Patient(t.Context()))} {
		if s, err := l.acquire(ctx); s != nil || err != nil {
			t.Errorf("background work gets %v, %v", s, err)
		}
	}
	a.release()
	a.release() // a second time is nothing
	b.release()
	for range waiting {
		if got := <-turns; got != "new" && got != "begun" && got != "socket" {
			t.Error(got)
		}
	}
	until(t, "the permits to be free", func() bool { return l.load().Held == 0 })

	l = newLimit(1, time.Millisecond)
	take(t, l)
	_, err := l.acquire(request(t.Context()))
	refused(err)
	if got, want := l.load(), (Load{Permits: 1, Held: 1, Refused: [refusals]int64{WaitedInVain: 1}}); got != want {
		t.Errorf("the load is %+v, want %+v", got, want)
	}
}

// Whoever leaves, while waiting or in the moment of being served, leaves nothing behind; and there are never
// more than there are permits.
func TestLeavingTheQueue(t *testing.T) {
	t.Parallel()
	const clients, rounds, size = 24, 300, 3
	l := newLimit(size, 300*time.Microsecond)
	l.queue = 5
	var running, most, served, refused, left atomic.Int64
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(c), 1))
			for range rounds {
				ctx, leave := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(600))*time.Microsecond)
				ctx = []func(context.Context) context.Context{request, goingOn, Patient}[rnd.IntN(3)](ctx)
				s, err := l.acquire(ctx)
				switch {
				case err == nil:
					n := running.Add(1)
					for now := most.Load(); n > now && !most.CompareAndSwap(now, n); now = most.Load() {
					}
					for range rnd.IntN(20_000) { // hold it for a moment
						_ = rnd.Uint64()
					}
					running.Add(-1)
					s.release()
					served.Add(1)
				case errs.Is(err, errs.Unavailable):
					refused.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					left.Add(1)
				default:
					t.Error(err)
				}
				leave()
			}
		})
	}
	all.Wait()
	load := l.load()
	if load.Held != 0 || load.Waiting != 0 || load.Refused[0]+load.Refused[1] != refused.Load() {
		t.Errorf("at the end %+v, with %d refused", load, refused.Load())
	}
	if got := most.Load(); got > size {
		t.Errorf("%d ran at once, of %d", got, size)
	}
	if got := served.Load() + refused.Load() + left.Load(); got != clients*rounds {
		t.Errorf("%d outcomes of %d", got, clients*rounds)
	}
	t.Logf("%d served, %d refused, %d left", served.Load(), refused.Load(), left.Load())
}

func TestPermitsOf(t *testing.T) {
	t.Parallel()
	for conns, want := range map[int]int{0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 7: 5, 8: 5, 12: 9, 32: 28, 128: 112} {
		if got := permitsOf(conns); got != want {
			t.Errorf("of %d connections requests get %d, want %d", conns, got, want)
		}
	}
}
