package policies

import (
	"context"
	"slices"
	"testing"
	"time"
)

// world are two nodes of a policy with everything empty, and one key.
type world struct {
	t     *testing.T
	table *table
	redis string
	steps *Steps // of both
	a, b  Policy
}

const theKey = 1

func newWorld(t *testing.T, s Stores, way Way) *world {
	t.Helper()
	w := &world{t: t, redis: s.Redis, steps: &Steps{}}
	var err error
	if w.table, err = newTable(t.Context(), s.DB, 1); err != nil {
		t.Fatal(err)
	}
	if err := emptied(t.Context(), s.Redis); err != nil {
		t.Fatal(err)
	}
	at := node{table: w.table, redis: s.Redis, flush: time.Hour, steps: Steps{
		Read: func(ctx context.Context, key int64) {
			if fn := w.steps.Read; fn != nil {
				fn(ctx, key)
			}
		},
		Write: func(ctx context.Context, key int64) error {
			if fn := w.steps.Write; fn != nil {
				return fn(ctx, key)
			}
			return nil
		},
	}}
	for _, p := range []*Policy{&w.a, &w.b} {
		if *p, err = way.open(at); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) end() {
	w.t.Helper()
	for _, p := range []Policy{w.a, w.b} {
		if p == nil {
			continue
		}
		if err := p.Stop(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) read(p Policy) int64 {
	w.t.Helper()
	change, err := p.Read(w.t.Context(), theKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return change
}

func (w *world) write(p Policy, change int64) {
	w.t.Helper()
	if err := p.Write(w.t.Context(), theKey, change); err != nil {
		w.t.Fatal(err)
	}
}

// slowReader lets a node read SQL, holds it before its fill while during runs, and then lets it fill.
func (w *world) slowReader(p Policy, during func()) {
	w.t.Helper()
	held, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w.steps.Read = func(context.Context, int64) { close(held); <-goOn }
	go func() {
		_, err := p.Read(w.t.Context(), theKey)
		done <- err
	}()
	<-held
	w.steps.Read = nil
	during()
	close(goOn)
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

// The schedules. Each ends after the acknowledgement of change 1, so a read that shows 0 is stale.
var schedules = map[string]func(w *world){
	// A reader reads SQL before the write, and fills after it.
	"slow reader": func(w *world) { w.slowReader(w.a, func() { w.write(w.b, 1) }) },
	// A reader misses between the two steps of a write.
	"reader within the write": func(w *world) {
		w.steps.Write = func(context.Context, int64) error { w.read(w.a); return nil }
		w.write(w.b, 1)
	},
	// Two writers take their second steps in the other order.
	"writers cross": func(w *world) {
		w.steps.Write = func(context.Context, int64) error {
			w.steps.Write = nil
			w.write(w.b, 1)
			return nil
		}
		w.write(w.a, 2)
	},
	// Redis is emptied after the write, and the other node is asked.
	"flush": func(w *world) {
		w.write(w.a, 1)
		if err := emptied(w.t.Context(), w.redis); err != nil {
			w.t.Fatal(err)
		}
	},
}

// shows says what reads at both nodes show after a schedule.
func (w *world) shows(schedule func(w *world)) []int64 {
	w.t.Helper()
	schedule(w)
	w.steps.Read, w.steps.Write = nil, nil
	return []int64{w.read(w.b), w.read(w.a)}
}

// stale reports whether a change is older than the last of all. Call it when the nodes have ended.
func (w *world) stale(change int64) bool {
	var last int64
	for _, c := range w.table.commits {
		last = max(last, c.version)
	}
	return max(1, w.table.commits[change].version) < last
}

// Each policy of the field shows something stale in a schedule that nobody had to time; Roost's in none.
func TestSchedules(t *testing.T) {
	t.Parallel()
	s := stores(t)
	stale := map[string][]string{
		"delete, write": {"slow reader", "reader within the write"},
		"write, delete": {"slow reader"},
		"set, write":    {"slow reader", "writers cross"},
		"write, set":    {"slow reader", "writers cross"},
		"write-through": {"slow reader", "writers cross"},
		"write-behind":  {"slow reader", "flush"},
		"roost":         nil,
	}
	for _, way := range Ways {
		for name, schedule := range schedules {
			w := newWorld(t, s, way)
			shown := w.shows(schedule)
			w.end()
			got := w.stale(shown[0]) || w.stale(shown[1])
			if want := slices.Contains(stale[way.Name], name); got != want {
				t.Errorf("%s, %s: stale is %v, want %v; reads show changes %v of %v", way.Name, name, got, want, shown, w.table.commits)
			}
		}
	}
}

// In a node write-through keeps others from the key between the two steps of fills and writes.
func TestWriteThroughLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores(t), Way{"write-through", openThrough})
	defer w.end()
	free := func() bool { return w.a.(*through).locks.of(theKey).TryLock() }
	w.slowReader(w.a, func() {
		if free() {
			t.Error("a fill does not hold the lock")
		}
	})
	w.steps.Write = func(context.Context, int64) error {
		if free() {
			t.Error("a write does not hold the lock")
		}
		return nil
	}
	w.write(w.a, 1)
	if !free() {
		t.Error("the lock is still held")
	}
}
