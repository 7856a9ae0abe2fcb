package cache

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"roost/testkit/redistest"
)

func listsOf(t *testing.T, r *Redis) *Lists {
	t.Helper()
	l, err := NewLists(r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// mover moves marks as a worker does, which stores the name of the last move when its transaction commits.
type mover struct {
	lists *Lists
	last  string
	n     int
}

func (m *mover) name() string {
	m.n++
	return "move" + strconv.Itoa(m.n)
}

// move appends, and moves the marks to an offset. Without commit the name of the move is forgotten.
func (m *mover) move(t *testing.T, seq int64, commit bool, all ...Append) (renewed int, err error) {
	t.Helper()
	var to Appends
	this := m.name()
	if err := m.lists.Push(t.Context(), this, &to, all, 1000, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	renewed, err = m.lists.Move(t.Context(), &to, Move{Last: m.last, This: this, Generation: "gen" + strconv.Itoa(m.n),
		Mark: Mark{Epoch: 3, Seq: seq, Settled: seq - 1, Except: []int64{4, 5}}})
	if err == nil && commit {
		m.last = this
	}
	return renewed, err
}

func (m *mover) must(t *testing.T, renewed int, seq int64, commit bool, all ...Append) {
	t.Helper()
	if got, err := m.move(t, seq, commit, all...); err != nil || got != renewed {
		t.Fatalf("%d sections have a new generation, not %d; %v", got, renewed, err)
	}
}

func one(owner int64, elements ...any) Append { return Append{owner, elements} }

func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		l := listsOf(t, openFor(t, url, patience))
		m, ctx := &mover{lists: l, last: "none"}, t.Context()
		if _, ok, err := l.Begin(ctx, 7, "", "B12345678", time.Minute); ok || err != nil {
			t.Fatalf("a list began without a mark: %v", err)
		}
		m.must(t, sections, 10, true, one(7, "lost: there is no list"))
		mark, ok, err := l.Begin(ctx, 7, "", "B12345678", time.Minute)
		if err != nil || !ok || mark.Generation != "gen1" || mark.Epoch != 3 || mark.Seq != 10 || mark.Settled != 9 ||
			!slices.Equal(mark.Except, []int64{4, 5}) {
			t.Fatalf("%+v, %v, %v", mark, ok, err)
		}
		if _, ok, err := l.Begin(ctx, 7, "", "B87654321", time.Minute); ok || err != nil {
			t.Fatalf("a list began twice: %v", err)
		}
		m.must(t, 0, 11, true, one(7, "a", "b"), one(8, "lost"))
		if ok, err := l.Finish(ctx, 7, "B00000000", "S", time.Hour); ok || err != nil {
			t.Fatalf("another's list was finished: %v", err)
		}
		if ok, err := l.Finish(ctx, 7, "B12345678", "Ssnapshot", time.Hour); !ok || err != nil {
			t.Fatalf("finish: %v", err)
		}
		m.must(t, 0, 12, true, one(7, "c"))
		s, err := l.Read(ctx, 7)
		if err != nil || !slices.Equal(s.Elements, []string{"Ssnapshot", "a", "b", "c"}) || s.Mark.Seq != 12 || s.Left < 59*time.Minute {
			t.Fatalf("%+v, %v", s, err)
		}
		if ok, err := l.Replace(ctx, 7, "Sother", 3, []string{"x"}); ok || err != nil {
			t.Fatalf("another's elements were replaced: %v", err)
		}
		if ok, err := l.Replace(ctx, 7, "Ssnap", 3, []string{"Snew", "b"}); !ok || err != nil {
			t.Fatalf("replace: %v", err)
		}
		if s, err = l.Read(ctx, 7); err != nil || !slices.Equal(s.Elements, []string{"Snew", "b", "c"}) || s.Left < 59*time.Minute {
			t.Fatalf("%+v, %v", s, err)
		}
		if ok, err := l.Replace(ctx, 7, "Snew", 3, []string{"Sall"}); !ok || err != nil {
			t.Fatalf("replace: %v", err)
		}
		if s, err = l.Read(ctx, 7); err != nil || !slices.Equal(s.Elements, []string{"Sall"}) || s.Left < 59*time.Minute {
			t.Fatalf("%+v, %v", s, err)
		}
		var long []int64
		note := func(owner int64) { long = append(long, owner) }
		if err := l.Push(ctx, "w", &Appends{}, []Append{one(7, "d"), one(8, "d")}, 1, note); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(long, []int64{7}) {
			t.Errorf("long: %v", long)
		}
		if _, ok, err := l.Begin(ctx, 7, "Sall", "Bagain", time.Minute); !ok || err != nil {
			t.Fatalf("begin again: %v", err)
		}
		if err := errors.Join(l.Keep(ctx, 7, time.Hour), l.Drop(ctx, 7)); err != nil {
			t.Fatal(err)
		}
		if s, err = l.Read(ctx, 7); err != nil || len(s.Elements) > 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		if there, err := l.Moved(ctx, m.last); !there || err != nil {
			t.Errorf("the marks are not there: %v", err)
		}
		if there, err := l.Moved(ctx, "other"); there || err != nil {
			t.Errorf("the marks are there: %v", err)
		}
	})
}

// A move that was not committed leaves nothing to repair; a mark that has missed a committed one gets a new generation.
func TestMarksOfLists(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		l := listsOf(t, openFor(t, url, patience))
		m, ctx := &mover{lists: l, last: "none"}, t.Context()
		generation := func() string {
			s, err := l.Read(ctx, 7)
			if err != nil {
				t.Fatal(err)
			}
			return s.Mark.Generation
		}
		m.must(t, sections, 10, true)
		m.must(t, 0, 11, false)
		m.must(t, 0, 11, false)
		m.must(t, 0, 11, true)
		if g := generation(); g != "gen1" {
			t.Errorf("generation %s", g)
		}
		earlier := *m
		m.must(t, 0, 12, true)
		m.must(t, 0, 13, true)
		m.last = earlier.last // as if the server had not seen the last two moves, or a frozen worker went on
		m.must(t, sections, 12, true)
		if g := generation(); g == "gen1" {
			t.Error("the generation is the same")
		}
		var to Appends
		renew := Move{Last: m.last, This: m.name(), Generation: "renewed!", Renew: true, Mark: Mark{Epoch: 3}}
		if _, err := l.Move(ctx, &to, renew); err != nil {
			t.Fatal(err)
		}
		if g := generation(); g != "renewed!" {
			t.Errorf("generation %s", g)
		}
		m.last = "move" + strconv.Itoa(m.n)
		epoch := Move{Last: m.last, This: m.name(), Generation: "epoch...", Mark: Mark{Epoch: 4}}
		if n, err := l.Move(ctx, &to, epoch); err != nil || n != sections {
			t.Fatalf("%d sections have a new generation in another epoch, %v", n, err)
		}
		if err := l.Push(ctx, "w1", &to, []Append{one(7, "x")}, 1000, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		to.counts[Section(7)]++
		if _, err := l.Move(ctx, &to, Move{Last: m.last, This: m.name()}); !errors.Is(err, ErrAppendsLost) {
			t.Errorf("appends that Redis does not have: %v", err)
		}
	})
}

// After a failover the new primary has the appends that its mark covers, or another generation.
func TestListsAfterAFailover(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t, redistest.Fast()...), redistest.Start(t, redistest.Fast()...)
	second.Follow(first)
	a, b := listsOf(t, openFor(t, first.URL(), patience)), listsOf(t, openFor(t, second.URL(), patience))
	m := &mover{lists: a, last: "none"}
	m.must(t, sections, 1, true)
	if _, ok, err := a.Begin(t.Context(), 7, "", "Slist", time.Hour); !ok || err != nil {
		t.Fatal(err)
	}
	m.must(t, 0, 2, true, one(7, "two"))
	second.Follow(first)
	second.Promote()
	// This is acknowledged by the old primary only.
	var to Appends
	if err := a.Push(t.Context(), "w", &to, []Append{one(7, "three")}, 1000, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	early := Move{Last: m.last, This: "x", Generation: "g", Mark: Mark{Epoch: 3}}
	if _, err := b.Move(t.Context(), &to, early); !errors.Is(err, ErrAppendsLost) {
		t.Fatalf("the mark was moved on a server that lacks an append: %v", err)
	}
	m.lists = b
	m.must(t, 0, 3, true, one(7, "three")) // repeated: nothing was lost
	s, err := b.Read(t.Context(), 7)
	if err != nil || !slices.Equal(s.Elements, []string{"Slist", "two", "three"}) || s.Mark.Generation != "gen1" {
		t.Fatalf("%+v, %v", s, err)
	}
	m.lists = a // back to a server that has missed a committed move
}
