package lag

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A meter remembers how late the process ran, for as long as it is asked about.
func TestSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New()
		began := time.Now()
		if got := m.Since(began.Add(-time.Hour)); got != 0 {
			t.Errorf("a meter that does not run is %v late", got)
		}
		m.record(time.Now(), 300*time.Millisecond)
		m.record(time.Now(), 100*time.Millisecond)
		time.Sleep(time.Second)
		m.record(time.Now(), 40*time.Millisecond)
		for _, c := range []struct {
			since time.Time
			want  time.Duration
		}{
			{began, 300 * time.Millisecond},
			{time.Now().Add(-500 * time.Millisecond), 40 * time.Millisecond},
			{time.Now().Add(span), 0},
		} {
			if got := m.Since(c.since); got != c.want {
				t.Errorf("since %v ago it was %v late, want %v", time.Since(c.since), got, c.want)
			}
		}
		time.Sleep(memory * span)
		m.record(time.Now(), time.Millisecond) // in the place of an old one
		if got := m.Lag(); got != time.Millisecond {
			t.Errorf("lately it was %v late", got)
		}
	})
}

// What is overdue counts before the meter has noticed it: after a stop the first to run may be anybody.
func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New()
		m.due.Store(time.Now().UnixNano())
		time.Sleep(400 * time.Millisecond)
		if got := m.Lag(); got != 400*time.Millisecond {
			t.Errorf("it is %v late, want 400ms", got)
		}
	})
}

// An idle meter rests. The first question makes it measure again at once.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New()
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		beats := func(d time.Duration) (n int) {
			for last, end := m.due.Load(), time.Now().Add(d); time.Now().Before(end); time.Sleep(beat / 4) {
				if due := m.due.Load(); due != last {
					n, last = n+1, due
				}
			}
			return n
		}
		time.Sleep(2 * awake)
		if n, most := beats(10*restBeat), 11; n > most || n == 0 {
			t.Errorf("it runs %d times in %s while nobody asks, want at most %d", n, 10*restBeat, most)
		}
		m.Lag()
		if due := m.due.Load(); due > time.Now().Add(beat).UnixNano() {
			t.Error("after a question it does not run within a beat")
		}
		if n, least := beats(10*beat), 9; n < least {
			t.Errorf("it runs %d times in %s after a question, want at least %d", n, 10*beat, least)
		}
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A process with more to run than there are processors is late, and is not any more when that is over.
func TestABusyProcess(t *testing.T) {
	m := New()
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if got := m.Since(time.Now()); got < 0 {
			t.Errorf("a stopped meter is %v late", got)
		}
	}()
	var done atomic.Bool
	var all sync.WaitGroup
	for range 50 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for !done.Load() { // without a call that lets other goroutines run
			}
		})
	}
	until(t, "the meter to see that it is late", func() bool { return m.Lag() > 30*time.Millisecond })
	done.Store(true)
	all.Wait()
	until(t, "the meter to see that it is not late", func() bool { return m.Lag() < 30*time.Millisecond })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		runtime.Gosched()
	}
}
