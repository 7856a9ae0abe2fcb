package rows

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/domain/follows"
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
	store   *Store
	tweets  *tweets.Tweets
	follows *follows.Follows
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
		all[i] = node{s, tweets.New(r.client, log, gen), follows.New(r.client, r.db, log, gen)}
	}
	return all
}

// homePage reads a page as a query does: the authors, the page, and which of its tweets are visible.
func (n node) homePage(ctx context.Context, viewer int64, w cursors.Window,
) (page cursors.Page[timelines.Entry], visible []int64, err error) {
	ctx, _ = moment.With(ctx)
	followed, err := n.store.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return page, nil, err
	}
	page, err = n.store.HomePage(ctx, viewer, timelines.HomeAuthors(viewer, followed[viewer]), w)
	if err != nil {
		return page, nil, err
	}
	found, err := n.store.Tweets.Load(ctx, itemsOf(page))
	for _, e := range page.Items {
		if tweets.Visible(found[e.Item]) != nil {
			visible = append(visible, e.Item)
		}
	}
	return page, visible, err
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

func itemsOf(page cursors.Page[timelines.Entry]) (out []int64) {
	for _, e := range page.Items {
		out = append(out, e.Item)
	}
	return out
}

// oracle is what home timelines are, in the simplest form.
type oracle struct {
	follows map[follows.Edge]bool
	tweets  []timelines.Post // oldest first
}

func (o *oracle) page(viewer int64, w cursors.Window) (ids []int64, more bool) {
	for _, p := range o.tweets {
		if (p.AuthorID == viewer || o.follows[follows.Edge{FollowerID: viewer, FolloweeID: p.AuthorID}]) &&
			p.TweetID > w.Below && p.TweetID < w.Above {
			ids = append(ids, p.TweetID)
		}
	}
	more = len(ids) > w.Size
	switch {
	case more && w.Backward:
		ids = ids[:w.Size]
	case more:
		ids = ids[len(ids)-w.Size:]
	}
	slices.Reverse(ids)
	return ids, more
}

// window returns a random window, which often begins at a tweet, also at one that is deleted.
func (o *oracle) window(dice *rand.Rand, ever []timelines.Post) cursors.Window {
	w := cursors.Whole(dice.IntN(12))
	w.Backward = dice.IntN(4) == 0
	at := int64(0)
	if len(ever) > 0 && dice.IntN(3) > 0 {
		at = ever[dice.IntN(len(ever))].TweetID
	}
	switch {
	case at != 0 && w.Backward:
		w.Below = at
	case at != 0:
		w.Above = at
	}
	return w
}

// own is a page of a user's own timeline.
func (o *oracle) own(user int64, w cursors.Window) (ids []int64, more bool) {
	none := oracle{tweets: o.tweets}
	return none.page(user, w)
}

// ownPage reads a page of a user's own timeline as a query does.
func (n node) ownPage(ctx context.Context, user int64, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	ctx, _ = moment.With(ctx)
	q := n.store.AskTimelines([]sqldb.Key{{Owner: user, Window: w}})
	if req := q.Request(); req != nil {
		n.store.Answer(ctx, req)
	}
	return q.At(ctx, 0)
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

func (r *rig) randomHistory(t *testing.T, keep bool) {
	seed := rand.Uint64()
	dice, nodes := rand.New(rand.NewPCG(seed, 0)), r.nodes(t, keep)
	o := &oracle{follows: map[follows.Edge]bool{}}
	w := &world{rig: r, dice: dice}
	for range 8 {
		w.signUp(t)
	}
	var ever []timelines.Post
	for op := range testtime.Soak(1000, 10_000) {
		n, user, other := nodes[dice.IntN(2)], pick(w, w.users), pick(w, w.users)
		what, err := o.do(t.Context(), n, dice, &ever, user, other)
		var refused *errs.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("operation %d, %s: %v; seed %d", op, what, err, seed)
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
			if !slices.Equal(itemsOf(page), want) || page.More != more || !slices.Equal(visible, want) {
				t.Fatalf("after operation %d, %s: node %d has for %+v the page %v, more %t, of which %v are visible; want %v, %t; seed %d",
					op, what, i, window, itemsOf(page), page.More, visible, want, more, seed)
			}
			owner, window := pick(w, w.users), o.window(dice, ever)
			if page, err = n.ownPage(t.Context(), owner, window); err != nil {
				t.Fatal(err)
			}
			if want, more := o.own(owner, window); !slices.Equal(itemsOf(page), want) || page.More != more {
				t.Fatalf("after operation %d, %s: node %d has for %+v of the user's own tweets %v, more %t; want %v, %t; seed %d",
					op, what, i, window, itemsOf(page), page.More, want, more, seed)
			}
		}
	}
	for i, n := range nodes {
		lists, kept, deeper := pagesFrom(t, n.store, "lists"), pagesFrom(t, n.store, "kept"), pagesFrom(t, n.store, "deeper")
		if lists+kept < deeper || deeper == 0 || keep && kept == 0 || !keep && kept > 0 {
			t.Errorf("node %d has made %d pages from lists, %d from lists that were kept, and %d were deeper", i, lists, kept, deeper)
		}
		list, deeper, fromSQL := pagesIn(t, n.store.ownPages.count, "list"), pagesIn(t, n.store.ownPages.count, "deeper"),
			pagesIn(t, n.store.ownPages.count, "sql")
		if keep && (list < 3*deeper || deeper == 0 || fromSQL > 0) || !keep && fromSQL == 0 && r.redis != nil {
			t.Errorf("node %d has made %d pages of own timelines from lists, %d were deeper, and %d came from SQL", i, list, deeper, fromSQL)
		}
	}
}

// do does something at random, and notes what it changes.
func (o *oracle) do(ctx context.Context, n node, dice *rand.Rand, ever *[]timelines.Post, user, other int64) (what string, err error) {
	switch at := dice.IntN(20); {
	case at < 13 || len(o.tweets) == 0:
		author := user
		if at < 6 && len(*ever) > 0 {
			author = (*ever)[0].AuthorID // so much by one that the author's list does not hold all of it
		}
		tweet, err := n.tweets.Post(ctx, author, "hello")
		if err == nil {
			p := timelines.Post{TweetID: int64(tweet.ID), AuthorID: author}
			at, _ := slices.BinarySearchFunc(o.tweets, p, func(a, b timelines.Post) int { return int(a.TweetID - b.TweetID) })
			o.tweets, *ever = slices.Insert(o.tweets, at, p), append(*ever, p)
		}
		return "a tweet", err
	case at < 16:
		at := dice.IntN(len(o.tweets))
		if err := n.tweets.Delete(ctx, o.tweets[at].AuthorID, o.tweets[at].TweetID); err != nil {
			return "a deletion", err
		}
		o.tweets = slices.Delete(o.tweets, at, at+1)
		return "a deletion", nil
	case at < 19:
		err := n.follows.Follow(ctx, user, other)
		if err == nil {
			o.follows[follows.Edge{FollowerID: user, FolloweeID: other}] = true
		}
		return "a follow", err
	default:
		err := n.follows.Unfollow(ctx, user, other)
		if err == nil {
			delete(o.follows, follows.Edge{FollowerID: user, FolloweeID: other})
		}
		return "an unfollow", err
	}
}
