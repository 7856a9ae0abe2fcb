package admission

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/internal/errs"
)

// network is one of many.
func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)
}

// enter wants to be let in at once.
func enter(t *testing.T, g *Gate, n int) *Ticket {
	t.Helper()
	began := time.Now()
	ticket, err := g.Enter(t.Context(), network(n), Request)
	if err != nil || time.Since(began) != 0 {
		t.Fatalf("let in after %v: %v", time.Since(began), err)
	}
	return ticket
}

// waiters are requests that wait in front of a gate, in the order in which they came.
type waiters struct {
	mu sync.Mutex
	in []string // names of those that were let in
}

// wait has a request come and wait; it leaves as soon as it is let in, if leave is set.
func (w *waiters) wait(t *testing.T, g *Gate, name string, n int, kind Kind, leave bool) {
	t.Helper()
	go func() {
		ticket, err := g.Enter(t.Context(), network(n), kind)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.in = append(w.in, name+" refused")
			return
		}
		w.in = append(w.in, name)
		if leave {
			ticket.Leave()
		}
	}()
	synctest.Wait()
}

func (w *waiters) got() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.in)
}

// So many run; the next one waits until one leaves.
func TestSoManyRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 2})
		first := enter(t, g, 1)
		enter(t, g, 1)
		var w waiters
		w.wait(t, g, "third", 1, Request, false)
		if got := w.got(); got != "[]" {
			t.Errorf("let in: %s", got)
		}
		first.Leave()
		first.Leave() // once is enough
		w.wait(t, g, "fourth", 1, Request, false)
		if got, l := w.got(), g.Load(); got != "[third]" || l.Running != 2 || l.Inside != 2 || l.Waiting != [2]int{1, 0} {
			t.Errorf("let in: %s, %+v", got, l)
		}
		time.Sleep(time.Second)
		if got, l := w.got(), g.Load(); got != "[third fourth refused]" || l.Waiting != [2]int{} {
			t.Errorf("let in: %s, %+v", got, l)
		}
	})
}

// Whoever is not let in is refused as soon as the time is up, with the time to come back after.
func TestTheWaitIsShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 1})
		enter(t, g, 1)
		for kind, want := range map[Kind]time.Duration{Request: 100 * time.Millisecond, Patient: 4 * time.Second} {
			began := time.Now()
			_, err := g.Enter(t.Context(), network(1), kind)
			e, ok := errors.AsType[*errs.Error](err)
			if !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 || time.Since(began) != want {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := g.Enter(ctx, network(1), Request); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves gets %v", err)
		}
		if l := g.Load(); l.Refused != [2]int64{1, 1} || l.Waiting != [2]int{} {
			t.Errorf("%+v", l)
		}
	})
}

// Networks take turns, and so do requests and operations of sockets; within one the first comes first.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 1})
		first := enter(t, g, 1)
		var w waiters
		for _, name := range []string{"a1", "a2", "a3"} {
			w.wait(t, g, name, 1, Request, true)
		}
		for _, name := range []string{"b1", "b2"} {
			w.wait(t, g, name, 2, Request, true)
		}
		w.wait(t, g, "s1", 1, Patient, true)
		w.wait(t, g, "s2", 1, Patient, true)
		first.Leave()
		if got := w.got(); got != "[a1 s1 b1 s2 a2 b2 a3]" {
			t.Errorf("let in: %s", got)
		}
	})
}

// A request that waits for the database lets another run. When it goes on, too many run, and the gate is shut until
// one has left.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 1, Inside: 3})
		first := enter(t, g, 1)
		resume := first.Pause()
		also := first.Pause() // another part of the same request
		second := enter(t, g, 1)
		also()
		if l := g.Load(); l.Running != 1 || l.Inside != 2 {
			t.Errorf("one runs, one is paused: %+v", l)
		}
		resume()
		if l := g.Load(); l.Running != 2 {
			t.Errorf("both run: %+v", l)
		}
		first.Leave()
		var w waiters
		w.wait(t, g, "third", 1, Request, false)
		if got := w.got(); got != "[]" {
			t.Errorf("let in: %s", got)
		}
		late := second.Pause()
		if got := w.got(); got != "[third]" {
			t.Errorf("let in: %s", got)
		}
		second.Leave() // before it goes on
		late()
		if l := g.Load(); l.Running != 1 || l.Inside != 1 {
			t.Errorf("only the third is left: %+v", l)
		}
		var none *Ticket
		none.Pause()()
		none.Leave()
	})
}

// Those that are paused are not without bound.
func TestSoManyAreInside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 1, Inside: 5})
		for range 5 {
			enter(t, g, 1).Pause()
		}
		if _, err := g.Enter(t.Context(), network(1), Request); !errs.Is(err, errs.Unavailable) {
			t.Errorf("the sixth gets %v", err)
		}
	})
}

// The queue is bounded, and one network gets an eighth of it.
func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Running: 1, Queue: 16, PatientQueue: 4})
		enter(t, g, 1)
		var w waiters
		for i := range 3 {
			w.wait(t, g, "flood", 1, Request, false)
			if got := g.Load().Waiting[Request]; got != min(i+1, 2) {
				t.Errorf("%d of one network wait", got)
			}
		}
		for i := range 20 {
			w.wait(t, g, "other", 2+i, Request, false)
			w.wait(t, g, "socket", 1, Patient, false)
		}
		if l := g.Load(); l.Waiting != [2]int{16, 4} || l.Refused != [2]int64{7, 16} {
			t.Errorf("%+v", l)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// While the process is late fewer requests run, but never none; afterwards as many as before.
func TestALateProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := time.Duration(0)
		g := New(Config{Running: 1000, Lag: func() time.Duration { return late }})
		look := func() int {
			for range 100 {
				time.Sleep(adjustEvery)
				enter(t, g, 1).Leave()
			}
			return g.Load().Limit
		}
		if got := look(); got != 1000 {
			t.Errorf("the limit is %d at first", got)
		}
		late = maxLag + 1
		if got := look(); got != g.least || got < 4 {
			t.Errorf("the limit is %d while the process is late", got)
		}
		late = maxLag
		if got := look(); got != 1000 {
			t.Errorf("the limit is %d afterwards", got)
		}
	})
}

// machine is a model of a node: two processors on which every request needs ten turns of a millisecond, first come
// first served, and clients who leave after a quarter of a second.
type machine struct {
	gate       *Gate
	processors chan struct{}
	mu         sync.Mutex
	good       int
}

func (m *machine) request(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	ticket, err := m.gate.Enter(ctx, network(1), Request)
	if err != nil {
		return
	}
	defer ticket.Leave()
	for range 10 {
		select {
		case m.processors <- struct{}{}:
			time.Sleep(time.Millisecond)
			<-m.processors
		case <-ctx.Done():
			return
		}
	}
	if ctx.Err() == nil {
		m.mu.Lock()
		m.good++
		m.mu.Unlock()
	}
}

// goodput is how many requests a second are answered well when so many a second come.
func goodput(t *testing.T, gate *Gate, rate int) (perSecond int) {
	t.Helper()
	const seconds = 5
	synctest.Test(t, func(t *testing.T) {
		m := &machine{gate: gate, processors: make(chan struct{}, 2)}
		var all sync.WaitGroup
		for range seconds * rate {
			all.Go(func() { m.request(t.Context()) })
			time.Sleep(time.Second / time.Duration(rate))
		}
		all.Wait()
		perSecond = m.good / seconds
	})
	return perSecond
}

// Goodput does not fall when more comes than the node can do; without a gate it falls to nearly nothing.
func TestGoodput(t *testing.T) {
	t.Parallel()
	const saturation = 200
	atSaturation := goodput(t, New(Config{Running: 16}), saturation)
	if atSaturation < saturation*95/100 {
		t.Errorf("%d a second at saturation, want %d", atSaturation, saturation)
	}
	for _, times := range []int{2, 4} {
		got, without := goodput(t, New(Config{Running: 16}), times*saturation), goodput(t, nil, times*saturation)
		t.Logf("%d times saturation: %d a second, without a gate %d", times, got, without)
		if got*10 < atSaturation*9 {
			t.Errorf("%d times saturation: %d a second, at saturation %d", times, got, atSaturation)
		}
		if without*10 > atSaturation*9 {
			t.Errorf("the model is too kind: %d a second without a gate", without)
		}
	}
}
