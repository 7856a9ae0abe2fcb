package deadline_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"roost/internal/deadline"
)

type key struct{}

// kind makes contexts that end after a time.
type kind func(parent context.Context, after time.Duration) (context.Context, func())

var (
	ours kind = func(parent context.Context, after time.Duration) (context.Context, func()) {
		c := deadline.New(parent, after)
		return c, c.Cancel
	}
	standard kind = func(parent context.Context, after time.Duration) (context.Context, func()) {
		return context.WithTimeout(parent, after)
	}
)

// steps are what may happen to a context, one after another.
var steps = map[string]func(s *state){
	"wait":   func(s *state) { _ = s.ctx.Done() },
	"err":    func(s *state) { _ = s.ctx.Err() },
	"child":  func(s *state) { s.child, s.end = context.WithCancel(s.ctx) },
	"cancel": func(s *state) { s.cancel() },
	"parent": func(s *state) { s.cancelParent() },
	"half":   func(*state) { time.Sleep(300 * time.Millisecond) },
	"over":   func(*state) { time.Sleep(1100 * time.Millisecond) },
}

type state struct {
	ctx, child                context.Context
	cancel, cancelParent, end func()
}

// see describes all that can be seen of the contexts.
func (s *state) see() string {
	synctest.Wait()
	end, ok := s.ctx.Deadline()
	out := fmt.Sprint(end.UnixNano(), ok, s.ctx.Err(), s.ctx.Value(key{}), context.Cause(s.ctx))
	for _, c := range []context.Context{s.child, s.ctx} {
		if c != nil {
			select {
			case <-c.Done():
				out += " done " + c.Err().Error()
			default:
				out += " goes on"
			}
		}
	}
	return out
}

// Whatever happens in whatever order, a Context looks like one of context.WithTimeout.
func TestLooksLikeTheStandardOne(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	for _, first := range names {
		for _, second := range names {
			for _, third := range names {
				var seen [2]string
				for i, k := range []kind{standard, ours} {
					synctest.Test(t, func(t *testing.T) { seen[i] = after(t, k, first, second, third) })
				}
				if seen[0] != seen[1] {
					t.Errorf("after %s, %s, %s: %s, want %s", first, second, third, seen[1], seen[0])
				}
			}
		}
	}
}

func after(t *testing.T, k kind, names ...string) string {
	parent, cancelParent := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	defer cancelParent()
	s := &state{cancelParent: cancelParent, end: func() {}}
	s.ctx, s.cancel = k(parent, time.Second)
	defer s.cancel()
	for _, name := range names {
		if name == "parent" { // which end came first cannot be seen later
			_ = s.ctx.Err()
		}
		steps[name](s)
		synctest.Wait()
	}
	defer func() { s.end() }()
	return s.see()
}

// As long as nobody waits, there is no timer, and no allocation.
//
//nolint:paralleltest // it counts allocations
func TestCostsNothing(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	var c deadline.Context
	n := testing.AllocsPerRun(100, func() {
		c = deadline.Context{}
		c.Begin(parent, time.Hour)
		if c.Err() != nil || c.Value(key{}) != nil {
			t.Error("it has ended")
		}
		c.Cancel()
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
