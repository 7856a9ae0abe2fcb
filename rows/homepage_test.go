package rows

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"roost/cache"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/moment"
	"roost/internal/sqldb"
	"roost/testkit/testtime"
)

// node is a node that writes and derives home pages.
type node struct {
	store    *Store
	tweets   *tweets.Tweets
	follows  *follows.Follows
	retweets *retweets.Retweets
	redis    *cache.Redis
}

// nodes returns two nodes, each of which writes through a log of its own. If they keep copies of rows, each has copies of its own, unless
// Redis is in the process. If not, they derive home pages all the same.
func (r *rig) nodes(t *testing.T, keep bool) (all [2]node) {
	t.Helper()
	var shared *cache.Redis
	for i := range all {
		c := cache.Config{Copies: -1}
		if keep {
			c.Copies = 0
		}
		if r.redis != nil {
			c.URL = r.redis.URL()
		}
		redis := shared
		if redis == nil {
			var err error
			if redis, err = cache.Open(c); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = redis.Close() })
		}
		if r.redis == nil {
			shared = redis
		}
		s := newStore(t, redis, r.Sources)
		s.home.always = true
		log, gen := events.New(r.client, r.clock), ids.NewGenerator(r.clock, idlease.New(r.db))
		log.SetInvalidator(s)
		_ = reactions.New(r.client, r.db, log) // it reads the counts after a retweet
		all[i] = node{s, tweets.New(r.client, r.db, log, gen), follows.New(r.client, r.db, log, gen), retweets.New(r.client, r.db, log, gen),
			redis}
	}
	return all
}

// homePage reads a page as a query does: the authors, the page, and which of its tweets are visible.
func (n node) homePage(ctx context.Context, viewer int64, w cursors.Window,
) (page cursors.Page[timelines.Entry], visible []timelines.Entry, err error) {
	ctx, _ = moment.With(ctx)
	followed, err := n.store.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return page, nil, err
	}
	authors := n.store.HomeAuthors(viewer, followed[viewer])
	page, visible, err = n.settled(ctx, func() (cursors.Page[timelines.Entry], error) {
		return n.store.HomePage(ctx, viewer, slices.Clone(authors), w)
	})
	return page, visible, err
}

// settled reads a page until all of its tweets are visible, as a query does that fills a page up. A page has tweets that were deleted only
// as retweets, and each of them at most once.
func (n node) settled(ctx context.Context, read func() (cursors.Page[timelines.Entry], error),
) (page cursors.Page[timelines.Entry], visible []timelines.Entry, err error) {
	seen := map[int64]bool{}
	for {
		if page, err = read(); err != nil {
			return page, nil, err
		}
		found, err := n.store.Tweets.Load(ctx, itemsOf(page))
		if err != nil {
			return page, nil, err
		}
		visible, gone := []timelines.Entry(nil), false
		for _, e := range page.Items {
			switch {
			case n.store.VisibleTweet(found[e.Item]) != nil:
				visible = append(visible, e)
			case e.By == 0 || seen[e.Item]:
				return page, visible, nil
			default:
				seen[e.Item], gone = true, true
			}
		}
		if !gone {
			return page, visible, nil
		}
	}
}

// fromSQL compares the pages of both ways to read one from SQL with what is wanted.
func (n node) fromSQL(ctx context.Context, viewer int64, w cursors.Window, want []timelines.Entry, more bool) error {
	followed, err := n.store.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return err
	}
	atOnce := func(ctx context.Context, _ []int64, w cursors.Window) (cursors.Page[timelines.Entry], error) {
		return n.store.timelines.ExactHome(ctx, timelines.HomeAuthors(viewer, followed[viewer]), w)
	}
	for name, read := range map[string]func(context.Context, []int64, cursors.Window) (cursors.Page[timelines.Entry], error){
		"read in steps": n.store.timelines.Home, "read at once": atOnce} {
		page, err := read(ctx, n.store.HomeAuthors(viewer, followed[viewer]), w)
		if err != nil || !slices.Equal(page.Items, want) || page.More != more {
			return fmt.Errorf("%s, %+v is %v, more %t, %w; want %v, %t", name, w, page.Items, page.More, err, want, more)
		}
	}
	return nil
}

// pagesFrom returns how many home pages a store has read from a source.
func pagesFrom(t *testing.T, s *Store, source string) int {
	t.Helper()
	return pagesIn(t, s.home.count, source)
}

// pagesIn returns how many pages from a source were counted.
func pagesIn(t *testing.T, count *prometheus.CounterVec, source string) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(count)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == source {
			return int(m.GetCounter().GetValue())
		}
	}
	t.Fatalf("no pages are counted from %s", source)
	return 0
}

func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func itemsOf(page cursors.Page[timelines.Entry]) (out []int64) {
	for _, e := range page.Items {
		out = append(out, e.Item)
	}
	return out
}

// ownPage reads a page of a user's own timeline as a query does.
func (n node) ownPage(ctx context.Context, user int64, kinds uint8, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	ctx, _ = moment.With(ctx)
	page, _, err := n.settled(ctx, func() (cursors.Page[timelines.Entry], error) {
		q := n.store.AskTimelines([]sqldb.Key{{Owner: user, Window: w, Kinds: kinds}})
		if req := q.Request(); req != nil {
			n.store.Answer(ctx, req)
		}
		return q.At(ctx, 0)
	})
	return page, err
}

// After every operation of a random history on two nodes, a page that either node derives from lists equals the naive one,
// and shows no tweet that was deleted. The same holds for pages of users' own timelines.
func TestHomePagesEqualTheNaiveTimeline(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) { r.randomHistory(t, false) })
}

// The same holds for pages of lists that are kept.
func TestKeptHomePagesEqualTheNaiveTimeline(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) { r.randomHistory(t, true) })
}

// suspend suspends or restores a user, as all nodes then read. Few users are suspended at a time.
func (o *oracle) suspend(t *testing.T, w *world, nodes []node) string {
	t.Helper()
	user := pick(w, w.users)
	for _, u := range w.users {
		if o.suspended[u] && w.dice.IntN(2) == 0 {
			user = u
		}
	}
	row, err := w.client.User.Get(t.Context(), user)
	what, change := "a suspension", w.Accounts.Suspend
	if o.suspended[user] {
		what, change = "a restoration", w.Accounts.Restore
	}
	if err == nil {
		_, err = change(t.Context(), row.Username)
	}
	if err != nil {
		t.Fatal(err)
	}
	if o.suspended[user] = !o.suspended[user]; !o.suspended[user] {
		delete(o.suspended, user)
	}
	for _, n := range nodes {
		if err := n.store.LoadSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return what
}

func (r *rig) randomHistory(t *testing.T, keep bool) {
	seed := rand.Uint64()
	dice, nodes := rand.New(rand.NewPCG(seed, 0)), r.nodes(t, keep)
	o := &oracle{follows: map[follows.Edge]bool{}, parents: map[int64]int64{}, suspended: map[int64]bool{}}
	w := &world{rig: r, dice: dice}
	for range 8 {
		w.signUp(t)
	}
	var ever []timelines.Post
	brought := 0
	for op := range testtime.Soak(700, 10_000) {
		n, user, other := nodes[dice.IntN(2)], pick(w, w.users), pick(w, w.users)
		what, err := o.do(t.Context(), n, dice, &ever, user, other)
		var refused *errs.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("operation %d, %s: %v; seed %d", op, what, err, seed)
		}
		if dice.IntN(20) == 0 {
			what += " and " + o.suspend(t, w, nodes[:])
		}
		if dice.IntN(200) == 0 {
			if err := nodes[dice.IntN(2)].store.tier.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range nodes {
			viewer, window := pick(w, w.users), o.window(dice, ever)
			page, visible, err := n.homePage(t.Context(), viewer, window)
			if err != nil {
				t.Fatal(err)
			}
			want, more := o.page(viewer, window)
			if !slices.Equal(page.Items, want) || page.More != more || !slices.Equal(visible, want) {
				t.Fatalf("after operation %d, %s: node %d has for %+v the page %v, more %t, of which %v are visible; want %v, %t; seed %d",
					op, what, i, window, page.Items, page.More, visible, want, more, seed)
			}
			if slices.ContainsFunc(page.Items, func(e timelines.Entry) bool { return e.By != 0 }) {
				brought++
			}
			if dice.IntN(4) > 0 {
				continue
			}
			if err := n.fromSQL(t.Context(), viewer, window, want, more); err != nil {
				t.Fatalf("after operation %d, %s: %v; seed %d", op, what, err, seed)
			}
			owner, window := pick(w, w.users), o.window(dice, ever)
			kinds := 1 + uint8(dice.IntN(7))
			if o.suspended[owner] {
				continue
			}
			if page, err = n.ownPage(t.Context(), owner, kinds, window); err != nil {
				t.Fatal(err)
			}
			if want, more := o.own(owner, kinds, window); !slices.Equal(page.Items, want) || page.More != more {
				t.Fatalf("after operation %d, %s: node %d has for %+v of the user's own entries of kinds %d %v, more %t; want %v, %t; seed %d",
					op, what, i, window, kinds, page.Items, page.More, want, more, seed)
			}
		}
	}
	if brought == 0 {
		t.Error("no page had a retweet")
	}
	ownDeeper := 0
	for i, n := range nodes {
		lists, kept, deeper := pagesFrom(t, n.store, "lists"), pagesFrom(t, n.store, "kept"), pagesFrom(t, n.store, "deeper")
		if lists+kept < deeper || deeper == 0 || keep && kept == 0 || !keep && kept > 0 {
			t.Errorf("node %d has made %d pages from lists, %d from lists that were kept, and %d were deeper", i, lists, kept, deeper)
		}
		list, deeper, fromSQL := pagesIn(t, n.store.ownPages.count, "list"), pagesIn(t, n.store.ownPages.count, "deeper"),
			pagesIn(t, n.store.ownPages.count, "sql")
		ownDeeper += deeper
		if keep && (list < 3*deeper || fromSQL > 0) || !keep && fromSQL == 0 && r.redis != nil {
			t.Errorf("node %d has made %d pages of own timelines from lists, %d were deeper, and %d came from SQL", i, list, deeper, fromSQL)
		}
	}
	if least := testtime.Soak(0, 1); keep && ownDeeper < least { // in a short history hardly anybody has more entries than a list
		t.Error("no page of an own timeline was deeper than its list")
	}
}
