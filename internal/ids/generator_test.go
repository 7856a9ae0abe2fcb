package ids

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/internal/clock"
	"roost/internal/errs"
)

func next(t testing.TB, g *Generator) int64 {
	t.Helper()
	id, err := g.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestIDsOfManyGoroutinesAreUnique(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 5000
	g := NewGenerator(clock.Real{}, Fixed(7))
	made := make([][]int64, goroutines)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			for range each {
				made[i] = append(made[i], next(t, g))
			}
		})
	}
	all.Wait()
	for _, own := range made {
		if !slices.IsSorted(own) {
			t.Error("the ids that one goroutine got do not grow")
		}
	}
	flat := slices.Concat(made...)
	slices.Sort(flat)
	if n := len(slices.Compact(flat)); n != goroutines*each {
		t.Errorf("of %d ids %d are different", goroutines*each, n)
	}
	if flat[0] <= 0 || time.Since(Time(flat[0])) > time.Hour {
		t.Errorf("the first id is %d, of %s", flat[0], Time(flat[0]))
	}
}

func TestIDsGrowWhenTheClockStepsBack(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	g := NewGenerator(c, Fixed(0))
	first := next(t, g)
	c.Add(-time.Hour)
	second := next(t, g)
	c.Add(2 * time.Hour)
	third := next(t, g)
	if second != first+1 || third <= second || Time(third).Sub(Time(first)) != time.Hour {
		t.Errorf("ids are %d, an hour earlier %d, an hour later %d", first, second, third)
	}
}

// A millisecond holds 4,096 ids; what is beyond belongs to the next one.
func TestFullMillisecond(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	g := NewGenerator(c, Fixed(3))
	last := int64(0)
	for i := range 3 * 4096 {
		id := next(t, g)
		want := Compose(Millis(c.Now())+int64(i/4096), 3, i%4096)
		if id != want || id <= last {
			t.Fatalf("id %d is %d, want %d", i, id, want)
		}
		last = id
	}
	c.Add(time.Millisecond) // the clock is behind still
	if id := next(t, g); id != Compose(Millis(c.Now())+2, 3, 0) {
		t.Errorf("the next id is %d", id)
	}
}

// spans grants spans of node numbers as a script says, none overlapping another of the same number.
type spans struct {
	ends  map[int]int64 // by node: what was granted ends there
	given []Grant
	pick  func(now int64, held *Grant) (node int, length int64)
	err   error
}

func (s *spans) Grant(_ context.Context, now int64, held *Grant) (Grant, error) {
	if s.err != nil {
		return Grant{}, s.err
	}
	node, length := s.pick(now, held)
	if held != nil && node == held.Node {
		g := Grant{Node: node, After: held.After, Until: max(held.Until, now+length)}
		s.ends[node] = g.Until
		s.given = append(s.given, g)
		return g, nil
	}
	after, ok := s.ends[node]
	if !ok {
		after = -1
	}
	g := Grant{Node: node, After: after, Until: max(now, after) + length}
	s.ends[node] = g.Until
	s.given = append(s.given, g)
	return g, nil
}

// Whatever grants come, extended, of another number, of a span that begins later than the clock shows,
// and however the clock moves: ids grow and are within a grant.
func TestIDsStayInTheirGrants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		s := &spans{ends: map[int]int64{}}
		s.pick = func(_ int64, held *Grant) (int, int64) {
			if held != nil && rapid.Bool().Draw(rt, "extend") {
				return held.Node, rapid.Int64Range(1, 50).Draw(rt, "length")
			}
			return rapid.IntRange(0, 3).Draw(rt, "node"), rapid.Int64Range(1, 50).Draw(rt, "length")
		}
		g := NewGenerator(c, s)
		last := int64(0)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			c.Add(time.Duration(rapid.IntRange(-100, 100).Draw(rt, "move")) * time.Millisecond)
			for range rapid.SampledFrom([]int{1, 3, 5000}).Draw(rt, "ids") {
				id, err := g.Next(context.Background())
				if err != nil {
					rt.Fatal(err)
				}
				ms, node := id>>22, int(id>>12)&(1<<10-1)
				if id <= last {
					rt.Fatalf("after %d comes %d", last, id)
				}
				if !slices.ContainsFunc(s.given, func(g Grant) bool { return g.Node == node && g.After < ms && ms <= g.Until }) {
					rt.Fatalf("id %d of node %d and %d ms lies in no grant: %v", id, node, ms, s.given)
				}
				last = id
			}
		}
	})
}

func TestGeneratorWithoutGrant(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := &spans{ends: map[int]int64{}, pick: func(int64, *Grant) (int, int64) { return 1, 60_000 }, err: errors.New("no database")}
	g := NewGenerator(c, s)
	if _, err := g.Next(t.Context()); !errs.Is(err, errs.Unavailable) || !errors.Is(err, s.err) {
		t.Errorf("without a grant: %v", err)
	}
	s.err = nil
	first := next(t, g)
	s.err = errors.New("no database")
	c.Add(time.Minute) // to the end of the grant
	if id := next(t, g); id <= first {
		t.Errorf("after %d comes %d", first, id)
	}
	c.Add(time.Millisecond)
	if _, err := g.Next(t.Context()); !errs.Is(err, errs.Unavailable) {
		t.Errorf("behind the grant: %v", err)
	}
	s.err = nil
	next(t, g)
	for _, when := range []time.Time{Epoch.Add(-time.Second), Epoch.Add(time.Duration(MaxMillis+1) * time.Millisecond)} {
		if _, err := NewGenerator(clock.NewFake(when), s).Next(t.Context()); !errs.Is(err, errs.Internal) {
			t.Errorf("at %s: %v", when, err)
		}
	}
}

// Renewing in time asks for nothing; near the end it extends, so that Next never has to.
func TestRenewLooksAhead(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := &spans{ends: map[int]int64{}, pick: func(int64, *Grant) (int, int64) { return 1, 120_000 }}
	g := NewGenerator(c, s)
	for step, want := range []int{1, 1, 2, 2, 3} {
		if err := g.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(s.given) != want {
			t.Fatalf("step %d: %d grants, want %d", step, len(s.given), want)
		}
		c.Add(89*time.Second + time.Duration(step%2)*2*time.Second)
		next(t, g)
	}
}

func ExampleCompose() {
	id := Compose(Millis(time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)), 5, 7)
	fmt.Println(Time(id).Format(time.RFC3339Nano))
	// Output: 2026-01-02T03:04:05.006Z
}

// An id after another one is larger than it, and so is every later one, also in the milliseconds that the grant does not cover yet. The
// clock goes on from there.
func TestAfter(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(Epoch.Add(time.Hour))
	g := NewGenerator(now, Fixed(3))
	first, err := g.After(t.Context(), 0)
	if err != nil || Time(first) != now.Now() {
		t.Fatalf("after nothing: %s, %v", Time(first), err)
	}
	other := Compose(Millis(now.Now())+5_000, ImportNode, maxSeq) // the last of its millisecond
	after, err := g.After(t.Context(), other)
	if err != nil || after <= other || Time(after).Sub(Time(other)) > time.Millisecond {
		t.Errorf("after %d: %d, %v", other, after, err)
	}
	next, err := g.Next(t.Context())
	if err != nil || next <= after {
		t.Errorf("then %d, %v", next, err)
	}
	now.Add(time.Minute)
	if later, err := g.After(t.Context(), other); err != nil || Time(later) != now.Now() {
		t.Errorf("a minute later: %s, %v", Time(later), err)
	}
}
