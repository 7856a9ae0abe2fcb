package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/cache"
	"roost/testkit/redistest"
)

func (a *Auditor) must(t testing.TB, c Config) (*Report, Counts) {
	t.Helper()
	if c.settle == 0 {
		c.settle = 10 * time.Millisecond
	}
	c.Rate, c.Examples = 1_000_000, 100
	r, err := a.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r, r.Sum()
}

// An audit sees every entry of every server once, finds each way in which one may differ, names it, and with
// repair removes it and nothing else.
func TestAudit(t *testing.T) {
	onEach(t, func(t *testing.T, x *cache.Tier) {
		b, c := newTable("b"), newTable("bc")
		keys := b.fill(t, x, 1500)
		c.fill(t, x, 500)
		a := NewAuditor(x, b, c)
		if _, sum := a.must(t, Config{}); sum.Compared != 2000 || sum.Equal != 2000 {
			t.Errorf("at rest: %+v", sum)
		}
		absent := b.Prefix() + "absent"
		b.load(t, x, absent)
		b.set("absent", 1, "came to be")
		b.set("1", 2, "second")
		b.set("2", 1, "other")
		b.set("3", 0, "")
		b.set("4", 9, "first") // a later version of the same
		later := c.Prefix() + "6"
		if err := x.Drop(t.Context(), later); err != nil {
			t.Fatal(err)
		}
		c.set("6", 9, "first")
		c.load(t, x, later)
		c.set("6", 2, "first") // SQL is as it was before, and so is the data
		c.set("5", 2, "second")
		report, sum := a.must(t, Config{})
		if sum.Compared != 2001 || sum.Equal != 1995 || sum.Behind != 3 || sum.Differs != 1 || sum.Ahead != 2 || report.Found() != 6 ||
			sum.Removed != 0 {
			t.Errorf("found %+v", sum)
		}
		problems := map[string]Problem{}
		for _, f := range report.Examples {
			problems[f.Key] = f.Problem
		}
		want := map[string]Problem{absent: Behind, b.Prefix() + "1": Behind, b.Prefix() + "2": Differs, b.Prefix() + "3": Ahead,
			c.Prefix() + "5": Behind, later: Ahead}
		if fmt.Sprint(problems) != fmt.Sprint(want) {
			t.Errorf("reported %v, want %v", problems, want)
		}
		if _, sum := a.must(t, Config{Repair: true}); sum.Removed != 6 || sum.Behind != 3 {
			t.Errorf("repair: %+v", sum)
		}
		if report, sum := a.must(t, Config{}); report.Found() != 0 || sum.Compared != 1995 {
			t.Errorf("after repair: %+v", sum)
		}
		b.load(t, x, keys...)
		if _, sum := a.must(t, Config{}); sum.Equal != 1500+498 {
			t.Errorf("read again: %+v", sum)
		}
	})
}

// What is in flight is not found: an entry that is older than SQL and goes within the time that a writer has.
func TestAuditWaitsForWriters(t *testing.T) {
	onEach(t, func(t *testing.T, x *cache.Tier) {
		b := newTable("b")
		keys := b.fill(t, x, 300)
		for _, name := range []string{"1", "2", "3"} {
			b.set(name, 2, "second")
		}
		const settle = 500 * time.Millisecond
		seen := false
		report, sum := NewAuditor(x, b).must(t, Config{settle: settle, Progress: func(p Progress) {
			if p.Found != 3 || seen {
				return
			}
			seen = true
			for _, name := range []string{"1", "3"} {
				if err := x.Invalidate(t.Context(), cache.Announcement{}, cache.Invalidation{Key: b.Prefix() + name, Version: 2}); err != nil {
					t.Error(err)
				}
			}
			b.load(t, x, b.Prefix()+"3") // and it is written again
			b.set("3", 3, "third")
		}})
		if sum.Settled != 2 || sum.Behind != 1 || report.Examples[0].Key != b.Prefix()+"2" || sum.Compared != int64(len(keys)) {
			t.Errorf("%+v, %+v", sum, report.Examples)
		}
		if report.Took < settle {
			t.Errorf("writers had %s", report.Took)
		}
	})
}

// Values that are no entries, and keys of no kind, are found. Minimum versions, leases, announcements and entries of a
// previous epoch are not.
func TestAuditOfWhatIsNoEntry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b := tierAt(t, server.URL()), newTable("b")
	b.fill(t, x, 3)
	if _, err := x.Announce(t.Context(), b.Prefix()+"intended"); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"SET " + b.Prefix() + "text 1",
		"HSET " + b.Prefix() + "foreign v 1 d x",
		"HSET " + b.Prefix() + "previous e 0123 v 1 d first",
		"HSET " + b.Prefix() + "1 v many",
		"HSET " + b.Prefix() + "?key v 1",
		"HSET " + cache.EntryPrefix + "nokind:1 v 1",
		"SET " + cache.EntryPrefix + "nothing 1",
		"SET v1:query:1 text",
	} {
		if _, err := server.Do(command); err != nil {
			t.Fatal(err)
		}
	}
	a := NewAuditor(x, b)
	report, sum := a.must(t, Config{})
	if sum.Unreadable != 6 || sum.PreviousEpoch != 1 || sum.Empty != 1 || sum.Equal != 2 || report.Found() != 6 {
		t.Errorf("%+v %+v", sum, report.Examples)
	}
	if c := report.of(UnknownKind); c.Unreadable != 3 {
		t.Errorf("of no kind: %+v", c)
	}
	if _, sum := a.must(t, Config{Repair: true}); sum.Removed != 7 {
		t.Errorf("removed %+v", sum)
	}
	left, err := server.Do("DBSIZE")
	if _, sum := a.must(t, Config{}); err != nil || sum.Unreadable+sum.PreviousEpoch != 0 || sum.Equal != 2 || left != "4" {
		t.Errorf("left %s %v %+v", left, err, sum)
	}
}

// The rate holds, whoever leaves ends it, and a server that is away is named and does not keep the others
// from being compared.
func TestAuditIsBounded(t *testing.T) {
	t.Parallel()
	one, two := redistest.Start(t), redistest.Start(t)
	x, b := tierAt(t, redistest.RingURL(one, two)), newTable("b")
	b.fill(t, x, 600)
	a := NewAuditor(x, b)
	begin := time.Now()
	if r, err := a.Run(t.Context(), Config{Rate: 1200}); err != nil || r.Sum().Equal != 600 {
		t.Errorf("%v %+v", err, r.Sum())
	}
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Errorf("600 keys at 1,200 a second took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := a.Run(ctx, Config{Rate: 10, Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) || r.Sum().Compared >= 600 {
		t.Errorf("left: %v %+v", err, r.Sum())
	}
	one.Stop()
	r, err = a.Run(t.Context(), Config{})
	if err == nil || !strings.Contains(err.Error(), one.Addr()) || r.Sum().Equal == 0 || r.Sum().Equal >= 600 {
		t.Errorf("one away: %v %+v", err, r.Sum())
	}
}
