package countaudit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"roost/domain/countaudit"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
	"roost/testkit/testtime"
)

// world is users, tweets, and an auditor of their counts.
type world struct {
	*domaintest.Domain
	auditor       *countaudit.Auditor
	users, tweets []int64
}

// onBoth runs a test on both kinds of databases.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		w := &world{Domain: d, auditor: countaudit.New(d.DB, d.Log, nil), users: d.Users(t, 6)}
		for i := range 12 {
			w.tweets = append(w.tweets, w.Post(t, w.users[i%4], "hello"))
		}
		test(t, w)
	})
}

// write does something at random. That it is refused, or changes nothing, is fine.
func (w *world) write(ctx context.Context, dice *rand.Rand) (err error) {
	user, other, tweet := w.users[dice.IntN(len(w.users))], w.users[dice.IntN(len(w.users))], w.tweets[dice.IntN(len(w.tweets))]
	switch dice.IntN(12) {
	case 10, 11:
		_, err = w.Tweets.PostDraft(ctx, user, tweets.Draft{Text: "me too", InReplyTo: tweet})
	case 0:
		err = w.Follows.Follow(ctx, user, other)
	case 1:
		err = w.Follows.Unfollow(ctx, user, other)
	case 2:
		_, _, err = w.Retweets.Retweet(ctx, user, tweet)
	case 3:
		_, _, err = w.Retweets.Undo(ctx, user, tweet)
	case 4:
		_, err = w.Tweets.Post(ctx, user, "hello")
	default:
		_, err = w.Reactions.Set(ctx, user, tweet, reactions.Kind(dice.IntN(3)))
	}
	if kind := errs.KindOf(err); kind == errs.NotFound || kind == errs.Self {
		return nil
	}
	return err
}

// drain drains the deltas of all tweets, as the consumer group does.
func (w *world) drain(ctx context.Context) error {
	batch := make([]events.Entry, len(w.tweets))
	for i, id := range w.tweets {
		batch[i].Aggregate = id
	}
	tx, err := w.Client.Tx(ctx)
	if err != nil {
		return err
	}
	if err := w.Reactions.Drain().Handler.Handle(ctx, tx, batch); err != nil {
		return fmt.Errorf("%w, %v", err, tx.Rollback())
	}
	return tx.Commit()
}

func (w *world) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := w.DB.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (w *world) run(t *testing.T, c countaudit.Config) *countaudit.Report {
	t.Helper()
	c.Examples = 100
	r, err := w.auditor.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clean fails the test if an audit finds something.
func (w *world) clean(t *testing.T, when string) {
	t.Helper()
	if r := w.run(t, countaudit.Config{}); r.Found() != 0 || r.Tweets == 0 || r.Users != int64(len(w.users)) {
		t.Errorf("%s: %d tweets, %d users, %+v", when, r.Tweets, r.Users, r.Examples)
	}
}

// Whatever people do, drained or not, counts agree with their rows.
func TestNothingIsFoundAfterWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		dice := rand.New(rand.NewPCG(3, 4))
		for i := range testtime.Soak(150, 600) {
			if err := w.write(t.Context(), dice); err != nil {
				t.Fatal(err)
			}
			switch {
			case i%50 == 30:
				w.Do(t, w.drain)
			case i%50 == 10:
				w.Do(t, func(ctx context.Context) error {
					gone, err := w.Tweets.PostDraft(ctx, w.users[0], tweets.Draft{Text: "soon gone", InReplyTo: w.tweets[3]})
					if err != nil {
						return err
					}
					return w.Tweets.Delete(ctx, w.users[0], int64(gone.ID))
				})
			case i%50 == 40:
				w.clean(t, fmt.Sprint("after ", i, " writes"))
			}
		}
		if n := apart(t, w); n == 0 {
			t.Error("no deltas were left to add up")
		}
		w.clean(t, "in the end")
		w.Do(t, w.drain)
		if n := apart(t, w); n != 0 {
			t.Errorf("%d deltas are left after draining", n)
		}
		w.clean(t, "drained")
	})
}

// apart returns how many deltas are not drained.
func apart(t *testing.T, w *world) (n int) {
	t.Helper()
	if err := sqldb.ScanOne(t.Context(), w.DB, "SELECT count(*) FROM reaction_deltas", nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Each wrong count is found, with the stored and the recounted number; a repair corrects it through an event, once, and leaves
// the others alone.
func TestWrongCountsAreRepaired(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		dice := rand.New(rand.NewPCG(5, 6))
		for i := range 100 {
			if err := w.write(t.Context(), dice); err != nil {
				t.Fatal(err)
			}
			if i == 60 {
				w.Do(t, w.drain)
			}
		}
		tweet, user := w.tweets[0], w.users[1]
		w.exec(t, "INSERT INTO tweet_stats (tweet_id) VALUES ($1) ON CONFLICT DO NOTHING", tweet)
		w.exec(t, "INSERT INTO user_stats (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user)
		for _, c := range []struct {
			of, set string
			counts  map[countaudit.Count]int64 // stored minus recounted
		}{
			{countaudit.Tweet, "like_count = like_count + 3", map[countaudit.Count]int64{countaudit.Likes: 3}},
			{countaudit.Tweet, "like_count = like_count - 9", map[countaudit.Count]int64{countaudit.Likes: -9}},
			{countaudit.Tweet, "dislike_count = dislike_count + 1", map[countaudit.Count]int64{countaudit.Dislikes: 1}},
			{countaudit.Tweet, "retweet_count = retweet_count - 2", map[countaudit.Count]int64{countaudit.Retweets: -2}},
			{countaudit.Tweet, "reply_count = reply_count + 4", map[countaudit.Count]int64{countaudit.Replies: 4}},
			{countaudit.Tweet, "retweet_count = retweet_count + 2, dislike_count = dislike_count - 1",
				map[countaudit.Count]int64{countaudit.Retweets: 2, countaudit.Dislikes: -1}},
			{countaudit.User, "tweet_count = tweet_count + 5", map[countaudit.Count]int64{countaudit.Tweets: 5}},
			{countaudit.User, "follower_count = follower_count - 1", map[countaudit.Count]int64{countaudit.Followers: -1}},
			{countaudit.User, "following_count = following_count + 1, tweet_count = tweet_count - 1",
				map[countaudit.Count]int64{countaudit.Following: 1, countaudit.Tweets: -1}},
		} {
			table, id := "tweet_stats SET "+c.set+" WHERE tweet_id = ", tweet
			if c.of == countaudit.User {
				table, id = "user_stats SET "+c.set+" WHERE user_id = ", user
			}
			before := w.stored(t)
			w.exec(t, "UPDATE "+table+"$1", id)
			for _, repair := range []bool{false, true} {
				w.Emitted()
				r := w.run(t, countaudit.Config{Repair: repair})
				if len(r.Examples) != len(c.counts) || r.Found() != int64(len(c.counts)) || r.Repaired() != r.Found() && repair {
					t.Errorf("%s, repair %v: %+v", c.set, repair, r)
				}
				for _, f := range r.Examples {
					if want, ok := c.counts[f.Count]; !ok || f.Of != c.of || f.Stored-f.Recounted != want || f.Repaired != repair {
						t.Errorf("%s, repair %v: found %+v", c.set, repair, f)
					}
				}
				if n := len(w.Emitted()); (n == 1) != repair {
					t.Errorf("%s, repair %v: %d events", c.set, repair, n)
				}
			}
			w.clean(t, "after the repair of "+c.set)
			after := w.stored(t)
			for of, was := range before {
				if now := after[of]; now.counts != was.counts || of == (owner{c.of, id}) && now.version <= was.version ||
					of != (owner{c.of, id}) && now.version != was.version {
					t.Errorf("%s: the counts of %v were %v and are %v", c.set, of, was, now)
				}
			}
		}
	})
}

// owner is the tweet or the user that counts belong to, and numbers are the counts with their version or revision.
type (
	owner struct {
		of string
		id int64
	}
	numbers struct {
		counts  [4]int64
		version int64
	}
)

// stored returns all counts, as reads return them.
func (w *world) stored(t *testing.T) map[owner]numbers {
	t.Helper()
	all := map[owner]numbers{}
	found, err := w.Reactions.CountsOf(t.Context(), w.tweets)
	if err != nil {
		t.Fatal(err)
	}
	for id, c := range found {
		counts := [4]int64{int64(c.LikeCount), int64(c.DislikeCount), int64(c.RetweetCount), int64(c.ReplyCount)}
		all[owner{countaudit.Tweet, id}] = numbers{counts, int64(c.Revision)}
	}
	users, err := w.Counts.ByUser(t.Context(), w.users)
	if err != nil {
		t.Fatal(err)
	}
	for id, c := range users {
		all[owner{countaudit.User, id}] = numbers{[4]int64{int64(c.Tweets), int64(c.Followers), int64(c.Following)}, c.Version}
	}
	return all
}

// A revision that is lower than the number of changes is found, and becomes higher than any that was acknowledged. A higher one is fine.
func TestRevisionsNeverFall(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		tweet := w.tweets[0]
		for i := range 4 {
			w.Do(t, func(ctx context.Context) error {
				_, err := w.Reactions.Set(ctx, w.users[2], tweet, reactions.Kind(1+i%2))
				return err
			})
		}
		w.Do(t, w.drain)
		w.exec(t, "UPDATE tweet_stats SET revision = 1, like_count = 7 WHERE tweet_id = $1", tweet)
		r := w.run(t, countaudit.Config{Repair: true})
		if r.Found() != 2 || r.Repaired() != 2 || r.Examples[1].Count != countaudit.Revision || r.Examples[1].Recounted != 4 {
			t.Errorf("%+v", r)
		}
		if got := w.stored(t)[owner{countaudit.Tweet, tweet}]; got != (numbers{[4]int64{0, 1, 0, 0}, 5}) {
			t.Errorf("after the repair the counts are %+v", got)
		}
		w.exec(t, "UPDATE tweet_stats SET revision = 100 WHERE tweet_id = $1", tweet)
		w.clean(t, "with a higher revision")
	})
}

// An audit covers all batches, the last of which is not full. Counts without a tweet are found and not repaired.
func TestBatches(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const more = 1100
		w.exec(t, `INSERT INTO tweets (id, author_id, text, created_at, version)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 1000 + 2 * i, author_id, 'bulk', created_at, 1 FROM n, tweets WHERE id = $2`, more-1, w.tweets[1])
		w.exec(t, "INSERT INTO tweet_stats (tweet_id, like_count) VALUES (1000, 1), (2500, 1), (2501, 1), (3198, 1)")
		var last countaudit.Progress
		batches := 0
		r := w.run(t, countaudit.Config{Repair: true, Progress: func(p countaudit.Progress) { last, batches = p, batches+1 }})
		if r.Tweets != more+12 || r.Users != 6 || batches != 4 || last != (countaudit.Progress{Tweets: more + 12, Users: 6, Found: 5}) {
			t.Errorf("%d tweets and %d users in %d batches, at last %+v", r.Tweets, r.Users, batches, last)
		}
		if r.Found() != 5 || r.Repaired() != 4 || r.Examples[4].Recounted-r.Examples[4].Stored != more {
			t.Errorf("%+v", r)
		}
		if r := w.run(t, countaudit.Config{Repair: true}); r.Found() != 1 || r.Examples[0].ID != ids.TweetID(2501).String() {
			t.Errorf("after the repair: %+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r, err := w.auditor.Run(ctx, countaudit.Config{Rate: 1, Progress: func(countaudit.Progress) { cancel() }})
		if err == nil || r == nil || r.Tweets != 500 {
			t.Errorf("an audit that was cancelled after a batch: %+v, %v", r, err)
		}
	})
}

// Beside writes an audit finds nothing that is not wrong, and repairs by two auditors at once leave the exact counts.
func TestRepairsBesideWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		do := func(fn func(dice *rand.Rand) error) {
			seed := rand.Uint64()
			writers.Go(func() {
				for dice := rand.New(rand.NewPCG(1, seed)); ctx.Err() == nil; {
					if err := fn(dice); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 4 {
			do(func(dice *rand.Rand) error { return w.write(t.Context(), dice) })
		}
		do(func(*rand.Rand) error { return w.drain(t.Context()) })
		for range 10 {
			w.clean(t, "beside writes")
		}
		repaired := int64(0)
		for i := range testtime.Soak(10, 40) {
			n := i%7 - 3
			for _, id := range w.tweets[:6] {
				w.exec(t, `INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, retweet_count) VALUES ($1, $2, $3, $2)
					ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
					dislike_count = tweet_stats.dislike_count + excluded.dislike_count,
					retweet_count = tweet_stats.retweet_count + excluded.retweet_count`, id, n, 1)
			}
			w.exec(t, "UPDATE user_stats SET follower_count = follower_count + 2, tweet_count = tweet_count - 1")
			var auditors sync.WaitGroup
			var all [2]*countaudit.Report
			for i := range all {
				auditors.Go(func() {
					r, err := w.auditor.Run(t.Context(), countaudit.Config{Repair: true})
					if err != nil {
						t.Error(err)
						return
					}
					all[i] = r
				})
			}
			auditors.Wait()
			if t.Failed() {
				break
			}
			repaired += all[0].Repaired() + all[1].Repaired()
			w.clean(t, "after repairs beside writes")
		}
		stop()
		writers.Wait()
		if repaired == 0 {
			t.Error("nothing was repaired")
		}
		w.clean(t, "in the end")
	})
}

// An explanation has everything that the counts come from, and says whether it adds up, and what the cache holds.
func TestExplain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		tweet := w.tweets[0]
		set := func(user int64, kind reactions.Kind) {
			t.Helper()
			w.Do(t, func(ctx context.Context) error { _, err := w.Reactions.Set(ctx, user, tweet, kind); return err })
		}
		set(w.users[0], reactions.Like)
		set(w.users[1], reactions.Like)
		w.Do(t, func(ctx context.Context) error { _, _, err := w.Retweets.Retweet(ctx, w.users[1], tweet); return err }, w.drain)
		set(w.users[0], reactions.None)
		set(w.users[2], reactions.Dislike)
		w.Do(t, func(ctx context.Context) error { _, _, err := w.Retweets.Undo(ctx, w.users[1], tweet); return err })

		cached := countaudit.Cached{State: "counts", Held: true, Counts: events.TweetCounts{Likes: 1, Dislikes: 1, Revision: 6}}
		auditor := countaudit.New(w.DB, w.Log, func(context.Context, int64) countaudit.Cached { return cached })
		explain := func() *countaudit.Explanation {
			t.Helper()
			e, err := auditor.Explain(t.Context(), countaudit.Explain{TweetID: tweet})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		e := explain()
		if !e.HasRow || e.Row != (events.TweetCounts{Likes: 2, Revision: 4}) || e.Undrained != 2 || len(e.Deltas) != 2 ||
			e.Added != (events.TweetCounts{Likes: -1, Dislikes: 1, Revision: 2}) || e.Deltas[0].Likes != -1 || e.Deltas[1].Dislikes != 1 {
			t.Errorf("stored: %+v", e)
		}
		if e.Reactions != [3]int64{1, 1, 1} || e.Active != 0 || e.Undone != 1 || e.Changes != 6 {
			t.Errorf("recounted: %+v", e)
		}
		if e.Stored != cached.Counts || e.Recounted() != cached.Counts || !e.Agrees() || !e.CacheAgrees() || !e.Visible {
			t.Errorf("%+v, %+v", e, e.Recounted())
		}
		for _, c := range []struct {
			counts events.TweetCounts
			agrees bool
		}{
			{events.TweetCounts{Likes: 9, Revision: 5}, true}, // older
			{events.TweetCounts{Likes: 9, Dislikes: 1, Revision: 6}, false},
			{events.TweetCounts{Likes: 1, Dislikes: 1, Revision: 7}, false},
		} {
			cached.Counts = c.counts
			if e := explain(); e.CacheAgrees() != c.agrees {
				t.Errorf("with %+v in the cache: %v", c.counts, e.CacheAgrees())
			}
		}
		w.exec(t, "UPDATE tweet_stats SET retweet_count = 1 WHERE tweet_id = $1", tweet)
		w.Do(t, func(ctx context.Context) error { return w.Tweets.Delete(ctx, w.users[0], tweet) })
		if e := explain(); e.Agrees() || e.Stored.Retweets != 1 || e.Visible {
			t.Errorf("wrong, and deleted: %+v", e)
		}
		if _, err := auditor.Explain(t.Context(), countaudit.Explain{TweetID: 1}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("nothing: %v", err)
		}
		if e, err := w.auditor.Explain(t.Context(), countaudit.Explain{TweetID: w.tweets[1]}); err != nil || e.HasRow || !e.Agrees() {
			t.Errorf("a tweet without counts: %+v, %v", e, err)
		}
	})
}
