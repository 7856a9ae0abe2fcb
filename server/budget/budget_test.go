package budget_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/gcra"
	"roost/server/budget"
)

// shared is a store of debts, which says what the script of package cache says.
type shared struct {
	now func() time.Duration

	mu    sync.Mutex
	ends  map[string]time.Duration
	calls int
	away  bool
}

var errAway = errors.New("the store is away")

func (s *shared) Spend(_ context.Context, entries []gcra.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	for i := range entries {
		e := &entries[i]
		if s.away {
			e.Err = errAway
			continue
		}
		now := s.now()
		e.Debt = e.Add(s.ends[e.Key] - now)
		s.ends[e.Key] = now + e.Debt
	}
}

// world is a clock, a store and nodes.
type world struct {
	time  time.Duration
	store *shared
	nodes []*budget.Budgets
}

func newWorld(nodes int, c budget.Config) *world {
	w := &world{time: time.Hour}
	c.Now = func() time.Duration { return w.time }
	w.store = &shared{now: c.Now, ends: map[string]time.Duration{}}
	if nodes > 1 {
		c.Store = w.store
	}
	for range nodes {
		w.nodes = append(w.nodes, budget.New(c))
	}
	return w
}

func network(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", n)) }

func userAt(user int64, address int) *caller.Caller {
	c := caller.New(user, user)
	c.Address = network(address)
	return c
}

func charge(t *testing.T, b *budget.Budgets, who *caller.Caller, points int) *errs.Error {
	t.Helper()
	err := b.Charge(t.Context(), who, points)
	if err != nil && (err.Kind != errs.RateLimited || err.RetryAfter <= 0) {
		t.Fatalf("refused with %+v", err)
	}
	if who.Budget.Cost != points {
		t.Fatalf("%d points cost %+v", points, who.Budget)
	}
	return err
}

// A caller may spend the whole budget at once, then is refused until enough has come back, and asking for nothing is always free.
func TestBudgetOfACaller(t *testing.T) {
	t.Parallel()
	w := newWorld(1, budget.Config{User: 600, Address: 1200})
	b := w.nodes[0]
	for name, c := range map[string]struct {
		who   *caller.Caller
		limit int
	}{"user": {userAt(1, 1), 600}, "address": {userAt(0, 1), 1200}} {
		if err := charge(t, b, c.who, c.limit-100); err != nil || c.who.Budget.Limit != c.limit || c.who.Budget.Remaining != 100 {
			t.Fatalf("%s: %v, %+v", name, err, c.who.Budget)
		}
		err := charge(t, b, c.who, 101)
		if err == nil || c.who.Budget.Remaining != 100 || c.who.Budget.Limit != c.limit {
			t.Fatalf("%s: beyond the budget: %v, %+v", name, err, c.who.Budget)
		}
		if per := time.Minute / time.Duration(c.limit); err.RetryAfter != per {
			t.Errorf("%s: one point comes back in %s, and the client is told %s", name, per, err.RetryAfter)
		}
		if err := charge(t, b, c.who, 100); err != nil || c.who.Budget.Remaining != 0 || c.who.Budget.Reset != time.Minute {
			t.Fatalf("%s: what was left: %v, %+v", name, err, c.who.Budget)
		}
		if !b.IsSpent(c.who) || b.Refuse(c.who) == nil {
			t.Errorf("%s: nothing is left, and IsSpent does not say so", name)
		}
		if err := charge(t, b, c.who, 0); err != nil || c.who.Budget.Remaining != 0 {
			t.Errorf("%s: for nothing: %v", name, err)
		}
		w.time += 6 * time.Second // a tenth of the window
		if err := charge(t, b, c.who, 0); err != nil || c.who.Budget.Remaining != c.limit/10 || b.IsSpent(c.who) || b.Refuse(c.who) != nil {
			t.Errorf("%s: after a tenth of the window: %v, %+v", name, err, c.who.Budget)
		}
	}
	if got := b.Stats().Refused; got != [3]int64{2, 2, 0} {
		t.Errorf("refused: %v", got)
	}
}

// Whoever is behind an address: visitors take nothing from users, users nothing from each other and from visitors, and another address has
// a budget of its own. Many users of one address together have a limit, which leaves each a tenth.
func TestFairBehindAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(1, budget.Config{User: 600, Address: 600})
	b := w.nodes[0]
	if charge(t, b, userAt(0, 1), 600) != nil || charge(t, b, userAt(0, 1), 1) == nil {
		t.Fatal("the budget of visitors is not 600")
	}
	if err := charge(t, b, userAt(0, 2), 600); err != nil {
		t.Errorf("a visitor elsewhere: %v", err)
	}
	for user := range int64(budget.ManyUsers) {
		if err := charge(t, b, userAt(1+user, 1), 600); err != nil {
			t.Fatalf("user %d: %v", user, err)
		}
	}
	late := userAt(1000, 1)
	if err := charge(t, b, late, 60); err != nil || late.Budget.Remaining != 0 {
		t.Errorf("a user's own tenth: %v, %+v", err, late.Budget)
	}
	if err := charge(t, b, late, 1); err == nil || late.Budget.Limit != 600 || late.Budget.Remaining != 0 {
		t.Errorf("beyond it: %v, %+v", err, late.Budget)
	}
	if got := b.Stats().Refused; got != [3]int64{0, 1, 1} {
		t.Errorf("refused: %v", got)
	}
	if err := charge(t, b, userAt(1000, 2), 540); err != nil {
		t.Errorf("the same user elsewhere: %v", err)
	}
	if err := charge(t, b, late, 1); err == nil {
		t.Error("a user whose budget is spent was served")
	}
	other := userAt(1001, 1)
	for range 60 { // as fast as a tenth of a budget comes back, whatever the others do
		w.time += 6 * time.Second
		_ = charge(t, b, userAt(1, 1), 60)
		if err := charge(t, b, other, 60); err != nil {
			t.Fatalf("a user within the tenth: %v", err)
		}
	}
}

// Without limits everything is allowed, and says what it costs.
func TestNoBudget(t *testing.T) {
	t.Parallel()
	b := newWorld(1, budget.Config{}).nodes[0]
	for _, who := range []*caller.Caller{userAt(1, 1), userAt(0, 1)} {
		if err := charge(t, b, who, 1<<30); err != nil || who.Budget.Limit != 0 || b.IsSpent(who) {
			t.Errorf("%v, %+v", err, who.Budget)
		}
	}
}

// However a caller spreads operations over nodes and time, all nodes together allow no more than one node would, and a twentieth of the
// limit for each node, and another one each time that Redis loses the debts; and a caller who stays below the rate is never refused.
func TestNodesTogether(t *testing.T) {
	t.Parallel()
	const limit, window, cheap = 60_000, 60_000, 3_000 // a point is a millisecond
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rapid.IntRange(2, 5).Draw(rt, "nodes"), budget.Config{User: limit})
		type paid struct {
			at     time.Duration
			points int
		}
		var all []paid
		losses, mayLose := 0, rapid.Bool().Draw(rt, "may lose")
		for range rapid.IntRange(1, 250).Draw(rt, "steps") {
			w.time += time.Duration(rapid.IntRange(0, 50).Draw(rt, "ms")) * time.Millisecond
			node := w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(rt, "node")]
			if rapid.IntRange(0, 10).Draw(rt, "report") == 0 {
				for node.Report(rt.Context()) {
				}
				continue
			}
			if mayLose && rapid.IntRange(0, 40).Draw(rt, "lost") == 0 { // Redis is flushed
				w.store.ends = map[string]time.Duration{}
				losses++
			}
			points := rapid.IntRange(1, cheap).Draw(rt, "points")
			who := userAt(1, 1)
			if err := node.Charge(rt.Context(), who, points); err == nil {
				all = append(all, paid{w.time, points})
			}
			if left := who.Budget.Remaining; left < 0 || left > limit {
				rt.Fatalf("%d points are left", left)
			}
		}
		lost := (1 + losses) * len(w.nodes) * limit / 20
		for i := range all {
			sum := 0
			for _, p := range all[i:] {
				sum += p.points
				if most := limit + int((p.at-all[i].at)/time.Millisecond)*limit/window + lost; sum > most {
					rt.Fatalf("%d points within %s on %d nodes, at most %d are right", sum, p.at-all[i].at, len(w.nodes), most)
				}
			}
		}
	})
	w := newWorld(3, budget.Config{User: limit})
	for i := range 500 {
		w.time += time.Second
		if err := charge(t, w.nodes[i%3], userAt(1, 1), limit/60); err != nil {
			t.Fatalf("second %d, at the rate: %v", i, err)
		}
		for _, b := range w.nodes {
			b.Report(t.Context())
		}
	}
}

// A store that does not answer is not waited for: each node allows the whole budget. The next report makes up for those that failed.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(2, budget.Config{User: 60_000})
	one, other := w.nodes[0], w.nodes[1]
	w.store.away = true
	for range 60 {
		if err := charge(t, one, userAt(1, 1), 1000); err != nil {
			t.Fatal(err)
		}
	}
	if charge(t, one, userAt(1, 1), 1000) == nil {
		t.Error("a node without its store has no limit")
	}
	if s := one.Stats(); w.store.calls != 1 || s.Waited != 1 || s.Failed != 1 {
		t.Errorf("the store was asked %d times: %+v", w.store.calls, s)
	}
	w.store.away = false
	w.time += 2 * time.Second
	if err := charge(t, one, userAt(1, 1), 2000); err != nil {
		t.Fatal(err)
	}
	w.time += budget.ReportAfter
	one.Report(t.Context())
	if err := charge(t, other, userAt(1, 1), 1); err != nil {
		t.Error(err)
	}
	w.time += budget.ReportAfter
	other.Report(t.Context())
	if who := userAt(1, 1); charge(t, other, who, 0) != nil || who.Budget.Remaining > 10_000 {
		t.Errorf("what one node knew, the other does not: %+v", who.Budget)
	}
}

// A caller who spends a little takes no report but one in a while, and what has been paid back takes nothing of the store's debt.
func TestReportsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(2, budget.Config{User: 60_000})
	b := w.nodes[0]
	for range 100 {
		w.time += 100 * time.Millisecond
		if err := charge(t, b, userAt(1, 1), 10); err != nil {
			t.Fatal(err)
		}
		b.Report(t.Context())
	}
	if w.store.calls != 1 {
		t.Errorf("%d reports in 10 s", w.store.calls)
	}
	w.time += time.Minute
	b.Report(t.Context())
	if who := userAt(1, 1); charge(t, b, who, 0) != nil || who.Budget.Remaining != 60_000 {
		t.Errorf("after a minute: %+v", who.Budget)
	}
}

// Limits with which allowed operations could never run are refused.
func TestCheck(t *testing.T) {
	t.Parallel()
	for limit, ok := range map[int]bool{0: true, 99: false, 100: true, -1: false, 1<<31 - 1: true, 1 << 31: false} {
		if err := budget.Check(limit, 100); (err == nil) != ok {
			t.Errorf("%d: %v", limit, err)
		}
	}
}

// Many callers at once, on two nodes that report meanwhile, lose nothing and wait for nobody for ever.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	start := time.Now()
	s := &shared{now: func() time.Duration { return time.Since(start) }, ends: map[string]time.Duration{}}
	const limit = 1_000_000
	nodes := []*budget.Budgets{budget.New(budget.Config{User: limit, Store: s}), budget.New(budget.Config{User: limit, Store: s})}
	ctx, cancel := context.WithCancel(t.Context())
	var reporters, spenders sync.WaitGroup
	for _, b := range nodes {
		r := b.Reporter()
		if err := r.Start(ctx); err != nil {
			t.Fatal(err)
		}
		reporters.Go(func() { <-ctx.Done(); _ = r.Stop(context.Background()) })
	}
	var mu sync.Mutex
	spent := 0
	for i := range 8 {
		spenders.Go(func() {
			for range 1000 {
				if err := nodes[i%2].Charge(ctx, userAt(1, 1), 1000); err == nil {
					mu.Lock()
					spent += 1000
					mu.Unlock()
				}
			}
		})
	}
	spenders.Wait()
	took := time.Since(start)
	cancel()
	reporters.Wait()
	most := limit + int(float64(limit)*took.Minutes()) + 2*limit/20
	if spent < limit || spent > most {
		t.Errorf("%d points were spent, want between %d and %d", spent, limit, most)
	}
}
