package outbox

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"roost/testkit/dbtest"
	"roost/testkit/pgtest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// both runs a test on each way.
func both(t *testing.T, fn func(t *testing.T, r *Run)) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*Run, error){
		"log":   func(t *testing.T) (*Run, error) { return NewLog(t.Context(), dbtest.Postgres(t)) },
		"plain": func(t *testing.T) (*Run, error) { return NewPlain(t.Context(), pgtest.URL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
			fn(t, r)
		})
	}
}

func TestEveryEventHasItsEffect(t *testing.T) {
	both(t, func(t *testing.T, r *Run) {
		for range 2 { // it can be started again
			if err := r.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			closed, err := r.Closed(t.Context(), 4, 10, 100*time.Millisecond)
			if err != nil || closed.Latency.Count() < 10 || closed.Latency.Count()%10 != 0 || closed.Elapsed <= 0 {
				t.Errorf("closed: %d events in %s, %v", closed.Latency.Count(), closed.Elapsed, err)
			}
			open, err := r.Open(t.Context(), 4, 100, 200*time.Millisecond)
			if err != nil || open.Latency.Count() != 20 || open.Latency.Max() <= 0 {
				t.Errorf("open: %d events, at most %s, %v", open.Latency.Count(), open.Latency.Max(), err)
			}
			if err := r.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What a broken way would leave behind is noticed.
func TestLostEffectsAreNoticed(t *testing.T) {
	both(t, func(t *testing.T, r *Run) {
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Closed(t.Context(), 2, 3, 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if _, err := r.way.pool().ExecContext(t.Context(), "DELETE FROM effects WHERE event = 2"); err != nil {
			t.Fatal(err)
		}
		if err := r.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "had effects") {
			t.Errorf("an effect is gone: %v", err)
		}
	})
}

func TestLedger(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	l.begin()
	start := time.Now()
	a, b := l.open(2), l.open(1)
	if a.first != 1 || b.first != 3 {
		t.Fatalf("events %d and %d come first", a.first, b.first)
	}
	l.committed(a.first)
	l.effect([]int64{3, 1}) // 3 before its writer has its commit
	select {
	case <-b.done:
	default:
		t.Error("the only event of a transaction had its effect")
	}
	select {
	case <-a.done:
		t.Error("one of two events is both")
	default:
	}
	l.committed(b.first)
	l.effect([]int64{2})
	<-a.done
	res, err := l.result(start)
	if err != nil || res.Latency.Count() != 3 || res.Elapsed <= 0 || res.Latency.Max() > time.Minute {
		t.Errorf("%d events in %s, at most %s, %v", res.Latency.Count(), res.Elapsed, res.Latency.Max(), err)
	}
	for _, n := range []int64{2, 0, 4} {
		l.err = nil
		if l.effect([]int64{n}); l.err == nil {
			t.Errorf("an effect of event %d is one too many", n)
		}
	}
}
