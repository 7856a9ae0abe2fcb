package rows

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/domain/follows"
	"roost/domain/timelines"
	"roost/internal/errs"
	"roost/testkit/testtime"
)

// After every operation of a random history on two nodes, a page that comes from a prepared timeline equals the naive one, once the node
// has followed the log: whether the workers are behind, stopped, or killed in the middle, whether Redis was flushed, and whoever is merged.
func TestPreparedHomePagesEqualTheNaiveTimeline(t *testing.T) {
	for name, cfg := range map[string]timelines.FanoutConfig{
		"all pushed": {}, "in chunks": {Chunk: 2}, "some merged": {MaxPushed: 3, Chunk: 3}, "most merged": {MaxPushed: 1}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, r *rig) { r.preparedHistory(t, PreparedAlways, false, cfg) })
		})
	}
}

// The same holds if first visits are prepared and later ones merged.
func TestFirstVisitsEqualTheNaiveTimeline(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		r.preparedHistory(t, PreparedPolicy, true, timelines.FanoutConfig{MaxPushed: 4, Chunk: 2})
	})
}

func (r *rig) preparedHistory(t *testing.T, mode PreparedMode, keep bool, cfg timelines.FanoutConfig) {
	seed := rand.Uint64()
	p := r.prepared(t, mode, keep, cfg)
	dice := rand.New(rand.NewPCG(seed, 0))
	o := &oracle{follows: map[follows.Edge]bool{}, parents: map[int64]int64{}, suspended: map[int64]bool{}}
	w := &world{rig: r, dice: dice}
	for range 8 {
		w.signUp(t)
	}
	p.work(t)
	var ever []timelines.Post
	for op := range testtime.Soak(500, 10_000) {
		n, user, other := p.nodes[dice.IntN(2)], pick(w, w.users), pick(w, w.users)
		what, err := o.do(t.Context(), n, dice, &ever, user, other)
		var refused *errs.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("operation %d, %s: %v; seed %d", op, what, err, seed)
		}
		switch dice.IntN(60) {
		case 0:
			what += " and a flush"
			p.flush(t)
		case 1, 2:
			what += " and a pause of the workers"
			p.rest()
		case 3:
			what += " and " + o.suspend(t, w, p.nodes[:])
		}
		if p.stop == nil && dice.IntN(8) == 0 {
			p.work(t)
		}
		for i, n := range p.nodes {
			viewer, window := pick(w, w.users), o.window(dice, ever)
			if err := n.store.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			page, visible, err := n.homePage(t.Context(), viewer, window)
			if err != nil {
				t.Fatal(err)
			}
			want, more := o.page(viewer, window)
			if !slices.Equal(page.Items, want) || page.More != more || !slices.Equal(visible, want) {
				t.Fatalf("after operation %d, %s: node %d has for %+v of %d the page %v, more %t, of which %v are visible; want %v, %t; seed %d",
					op, what, i, window, viewer, page.Items, page.More, visible, want, more, seed)
			}
		}
	}
	if mode != PreparedAlways {
		return
	}
	for i, n := range p.nodes {
		if prepared := pagesFrom(t, n.store, "prepared"); prepared < testtime.Soak(100, 1000) {
			t.Errorf("node %d has made %d pages from prepared timelines", i, prepared)
		}
	}
	t.Logf("%+v", p.fanout.Stats())
}
