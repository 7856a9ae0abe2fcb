package rows

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/events"
	"roost/internal/clock"
	"roost/testkit/testtime"
)

// reactor is a viewer and tweets of somebody.
type reactor struct {
	*rig
	viewer int64
	tweets []int64 // ascending
}

func newReactor(t *testing.T, r *rig, tweets int) *reactor {
	t.Helper()
	in, err := r.Accounts.SignUp(t.Context(), accounts.SignUp{Username: "viewer", Email: "viewer@example.com", Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	w := &reactor{rig: r, viewer: in.UserID}
	for i := range tweets {
		id := int64(1000 + i)
		r.exec(t, "INSERT INTO tweets (id, author_id, text, created_at, version) VALUES ($1, 1, 'hello', $2, 1)", id, r.clock.Now())
		w.tweets = append(w.tweets, id)
	}
	return w
}

func (w *reactor) set(t *testing.T, tweet int64, kind reactions.Kind) {
	t.Helper()
	if _, err := w.Reactions.Set(t.Context(), w.viewer, tweet, kind); err != nil {
		t.Fatal(err)
	}
}

// agree compares the viewer's reactions to tweets with what SQL says. It returns the keys that were read first.
func (w *reactor) agree(t *testing.T, s *Store, tweets ...int64) (keys []string) {
	t.Helper()
	q := s.AskReactions(w.viewer, tweets, nil)
	for _, req := range q.Requests() {
		if req != nil {
			req.Name()
			keys = append(keys, req.Keys...)
			s.Answer(t.Context(), req)
		}
	}
	asked := make([]reactions.Key, len(tweets))
	for i, id := range tweets {
		asked[i] = reactions.Key{TweetID: id, UserID: w.viewer}
	}
	rows, err := w.Reactions.ByKey(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range tweets {
		if got, err := q.At(t.Context(), i); err != nil || got != rows[asked[i]].Kind {
			t.Fatalf("the reaction to %d is %s, %v; SQL says %s", id, got, err, rows[asked[i]].Kind)
		}
	}
	return keys
}

// After every reaction to a tweet of the list, below it, or at its bound, both nodes read what SQL says.
func TestReactionsAroundTheBound(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		const tweets = reactions.MaxListed + 40
		w, dice := newReactor(t, r, tweets), rand.New(rand.NewPCG(5, 6))
		for _, id := range w.tweets[30:] { // ten more than a list has
			r.exec(t, "INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version) VALUES ($1, $2, 1, 0, $3, 1)",
				id, w.viewer, r.clock.Now())
		}
		bounds := map[bool]int{}
		for range testtime.Soak(60, 2000) {
			w.set(t, w.tweets[dice.IntN(80)], reactions.Kind(dice.IntN(3)))
			for _, s := range []*Store{r.there, r.here} {
				w.agree(t, s, w.tweets...)
				// A page of a few tweets, in no order.
				w.agree(t, s, w.tweets[dice.IntN(60)], w.tweets[dice.IntN(tweets)], w.tweets[dice.IntN(60)])
			}
			list, err := w.Reactions.Lists(t.Context(), []int64{w.viewer})
			if err != nil {
				t.Fatal(err)
			}
			bounds[list[w.viewer].CompleteFrom > 0]++
			if t.Failed() {
				return
			}
		}
		if bounds[true] == 0 {
			t.Error("the list always had all reactions")
		}
	})
}

// countingClock counts its readings: each attempt of a transaction takes one.
type countingClock struct {
	clock.Clock
	n atomic.Int64
}

func (c *countingClock) Now() time.Time {
	c.n.Add(1)
	return c.Clock.Now()
}

// Reactions of the same users to the same tweets at once, also of the previous release, do not deadlock: every one takes one attempt.
// Afterwards each list has a version for each change.
func TestReactionsAtOnceDoNotDeadlock(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 3)
	attempts := &countingClock{Clock: clock.Real{}}
	const writers, each, users = 6, 25, 3
	var all sync.WaitGroup
	for i := range writers {
		dice := rand.New(rand.NewPCG(7, uint64(i)))
		set := reactions.New(r.client, r.db, events.New(r.client, attempts)) // of its own, so that each reaction is a transaction
		all.Go(func() {
			for n := range each {
				tweet, user := w.tweets[dice.IntN(len(w.tweets))], int64(1+dice.IntN(users))
				if i == 0 {
					if err := r.unlistedSet(t.Context(), user, tweet, int64(1+n%2)); err != nil {
						t.Error(err)
					}
				} else if _, err := set.Set(t.Context(), user, tweet, reactions.Kind(dice.IntN(3))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := attempts.n.Load(); n != (writers-1)*each {
		t.Errorf("%d reactions took %d attempts", (writers-1)*each, n)
	}
	var lists, wrong int
	err := r.db.Writer().QueryRowContext(t.Context(), `SELECT count(*), count(*) FILTER (WHERE l.version - 1 <>
		(SELECT sum(version) FROM reactions WHERE user_id = l.user_id)) FROM reaction_lists AS l`).Scan(&lists, &wrong)
	if err != nil || lists != users || wrong > 0 {
		t.Errorf("%d of %d lists have not one version for each change, %v", wrong, lists, err)
	}
}

// unlistedSet sets a reaction as the release before lists does, up to the commit.
func (r *rig) unlistedSet(ctx context.Context, user, tweet, kind int64) error {
	tx, err := r.db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version, revision int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
		VALUES ($1, $2, $3, 0, now(), 1) ON CONFLICT (tweet_id, user_id) DO UPDATE SET kind = excluded.kind,
		version = reactions.version + 1 RETURNING version`, tweet, user, kind).Scan(&version); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, revision) VALUES ($1, 1, 0, 1)
		ON CONFLICT (tweet_id) DO UPDATE SET revision = tweet_stats.revision + 1 RETURNING revision`, tweet).Scan(&revision); err != nil {
		return err
	}
	payload := fmt.Sprintf(`{"TweetID":%d,"UserID":%d,"Ver":%d,"Kind":%d,"Prev":0,"LikeCount":1,"DislikeCount":0,"Revision":%d}`,
		tweet, user, version, kind, revision)
	if _, err := tx.ExecContext(ctx, `INSERT INTO events (type, version, aggregate, payload, created_at)
		VALUES ('ReactionSet', 1, $1, $2, now())`, tweet, payload); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return r.here.tier.Invalidate(ctx, cache.Announcement{}, r.here.Reactions.at(reactions.Key{TweetID: tweet, UserID: user}, version),
		r.here.TweetCounts.at(tweet, revision))
}

// While nodes of the release before lists set reactions, which do not invalidate lists, the others read reactions one by one.
func TestReactionsOfThePreviousRelease(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 3)
	w.set(t, w.tweets[0], reactions.Like)
	node := r.follows(t, r.there)
	list := cache.EntryPrefix + fmt.Sprint("vr:", w.viewer)
	if keys := w.agree(t, r.there, w.tweets...); len(keys) != 1 || keys[0] != list {
		t.Fatalf("the keys %v are read", keys)
	}
	old := func(tweet, kind int64) {
		t.Helper()
		if err := r.unlistedSet(t.Context(), w.viewer, tweet, kind); err != nil {
			t.Fatal(err)
		}
	}
	old(w.tweets[1], 1)
	if err := node.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, s := range []*Store{r.there, r.there, newStoreLike(t, r)} {
		if i > 0 { // at once: the nodes need not have followed the log
			old(w.tweets[1], int64(1+i%2))
		}
		if i == 2 {
			r.follows(t, s) // it starts after the other release has written
		}
		if keys := w.agree(t, s, w.tweets...); len(keys) != 3 {
			t.Errorf("while the other release writes the keys %v are read", keys)
		}
	}
	if list, err := w.Reactions.Lists(t.Context(), []int64{w.viewer}); err != nil || list[w.viewer].Version != 5 {
		t.Errorf("after 4 changes the list is %+v, %v", list[w.viewer], err)
	}
	// The entry has been dropped: the events name the list.
	if err := node.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, r.there, r.there.Reacted, []int64{w.viewer})
	var noted int
	if err := r.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM events WHERE payload LIKE '%"ListVer":%"Unlisted":true}'`).
		Scan(&noted); err != nil || noted != 3 {
		t.Errorf("%d events name the list and that it was not invalidated, %v", noted, err)
	}
	// Long after the last such write lists are used again.
	r.exec(t, "UPDATE reaction_list_upgrades SET unlisted_at = clock_timestamp() - $1 * interval '1 second'", unlistedFor.Seconds()+1)
	later := newStoreLike(t, r)
	if err := later.startUnlisted(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := w.agree(t, later, w.tweets...); len(keys) != 1 || keys[0] != list {
		t.Errorf("later the keys %v are read", keys)
	}
}

// newStoreLike returns the store of one more node.
func newStoreLike(t *testing.T, r *rig) *Store {
	t.Helper()
	redis, err := cache.Open(cache.Config{URL: r.redis.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	return newStore(t, redis, r.Sources)
}

// A reaction writes no row that two users share: it does not wait for the counts of its tweet.
func TestReactionsDoNotWaitForCounts(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 1)
	if _, _, err := w.Retweets.Retweet(t.Context(), w.viewer, w.tweets[0]); err != nil {
		t.Fatal(err)
	}
	held, err := r.db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback() }()
	for _, row := range []string{"tweet_stats WHERE tweet_id", "tweets WHERE id"} {
		if _, err := held.ExecContext(t.Context(), "SELECT FROM "+row+" = $1 FOR UPDATE", w.tweets[0]); err != nil {
			t.Fatal(err)
		}
	}
	after, err := w.Reactions.Set(t.Context(), w.viewer, w.tweets[0], reactions.Dislike)
	now := after.Counts
	if err != nil || now == nil || now.DislikeCount != 1 || now.RetweetCount != 1 || now.Revision != 2 {
		t.Errorf("while the counts are locked: %+v, %v", now, err)
	}
	w.agree(t, r.there, w.tweets...)
}
