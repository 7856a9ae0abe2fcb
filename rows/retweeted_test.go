package rows

import (
	"math/rand/v2"
	"sync"
	"testing"

	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/testtime"
)

// retweeted compares whether the viewer retweets tweets with what SQL says. It returns how many keys were read first.
func (w *reactor) retweeted(t *testing.T, s *Store, tweets ...int64) (keys int) {
	t.Helper()
	q := s.AskRetweets(w.viewer, tweets, nil)
	for _, req := range q.Requests() {
		if req != nil {
			req.Name()
			keys += len(req.Keys)
			s.Answer(t.Context(), req)
		}
	}
	asked := make([]retweets.Key, len(tweets))
	for i, id := range tweets {
		asked[i] = retweets.Key{TweetID: id, UserID: w.viewer}
	}
	rows, err := w.Retweets.ByKey(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range tweets {
		if got, err := q.At(t.Context(), i); err != nil || got != (rows[asked[i]].SortKey != 0) {
			t.Fatalf("that the viewer retweets %d is %t, %v; SQL says %+v", id, got, err, rows[asked[i]])
		}
	}
	if again := s.AskRetweets(w.viewer, tweets, q.List()); again.Requests()[0] != nil {
		t.Fatal("the list is read although it is known")
	}
	return keys
}

// After every retweet or undo of a tweet of the list, below it, or at its bound, both nodes read what SQL says.
func TestRetweetsAroundTheBound(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		const tweets = retweets.MaxListed + 40
		w, dice := newReactor(t, r, tweets), rand.New(rand.NewPCG(5, 6))
		if n := w.retweeted(t, r.there, w.tweets...); n != 1 {
			t.Errorf("before any retweet %d keys are read", n)
		}
		w.viewer++ // whose list was not read yet
		r.exec(t, "INSERT INTO user_stats (user_id) VALUES ($1)", w.viewer)
		for i, id := range w.tweets[30:] { // ten more than a list has
			r.exec(t, `INSERT INTO retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)
				VALUES ($1, $2, 1, true, $3, $4, 1)`, id, w.viewer, 5000+i, r.clock.Now())
		}
		bounds := map[bool]int{}
		for range testtime.Soak(60, 2000) {
			change := w.Retweets.Retweet
			if dice.IntN(2) == 0 {
				change = w.Retweets.Undo
			}
			if _, _, err := change(t.Context(), w.viewer, w.tweets[dice.IntN(80)]); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*Store{r.there, r.here} {
				w.retweeted(t, s, w.tweets...)
				// A page of a few tweets, in no order.
				w.retweeted(t, s, w.tweets[dice.IntN(60)], w.tweets[dice.IntN(tweets)], w.tweets[dice.IntN(60)])
			}
			list, err := w.Retweets.Lists(t.Context(), []int64{w.viewer})
			if err != nil {
				t.Fatal(err)
			}
			bounds[list[w.viewer].CompleteFrom > 0]++
			if t.Failed() {
				return
			}
		}
		if bounds[true] == 0 {
			t.Error("the list always had all retweets")
		}
		// The tweets above the bound need no keys of their own, and those below it are asked for together with the list.
		if n := w.retweeted(t, r.there, w.tweets[len(w.tweets)-20:]...); n != 1 {
			t.Errorf("a page of new tweets reads %d keys", n)
		}
	})
}

// Retweets and undos of the same users and tweets at once, beside reactions, do not deadlock: every one takes one attempt. Afterwards
// the counts of each tweet are those of its rows.
func TestRetweetsAtOnceDoNotDeadlock(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 3)
	attempts := &countingClock{Clock: clock.Real{}}
	log := events.New(r.client, attempts)
	set := reactions.New(r.client, r.db, log)
	passOn := retweets.New(r.client, r.db, log, ids.NewGenerator(clock.Real{}, idlease.New(r.db)))
	const writers, each, users = 6, 25, 3
	var all sync.WaitGroup
	for i := range writers {
		dice := rand.New(rand.NewPCG(8, uint64(i)))
		all.Go(func() {
			for range each {
				tweet, user := w.tweets[dice.IntN(len(w.tweets))], int64(1+dice.IntN(users))
				var err error
				switch {
				case i == 0:
					_, err = set.Set(t.Context(), user, tweet, reactions.Kind(dice.IntN(3)))
				case dice.IntN(2) == 0:
					_, _, err = passOn.Retweet(t.Context(), user, tweet)
				default:
					_, _, err = passOn.Undo(t.Context(), user, tweet)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := attempts.n.Load(); n != writers*each {
		t.Errorf("%d writes took %d attempts", writers*each, n)
	}
	var counted, wrong int
	err := r.db.Writer().QueryRowContext(t.Context(), `SELECT count(*), count(*) FILTER (WHERE
		retweet_count <> (SELECT count(*) FROM retweets AS r WHERE r.tweet_id = s.tweet_id AND active) OR
		revision <> (SELECT coalesce(sum(version), 0) FROM retweets AS r WHERE r.tweet_id = s.tweet_id) +
			(SELECT coalesce(sum(version), 0) FROM reactions AS r WHERE r.tweet_id = s.tweet_id)) FROM (
			SELECT tweet_id, sum(retweet_count) AS retweet_count, sum(revision) AS revision FROM (
				SELECT tweet_id, retweet_count, revision FROM tweet_stats
				UNION ALL SELECT tweet_id, 0, changes FROM reaction_deltas) AS parts GROUP BY tweet_id) AS s`).Scan(&counted, &wrong)
	if err != nil || counted != 3 || wrong > 0 {
		t.Errorf("%d of %d tweets have counts other than their rows, %v", wrong, counted, err)
	}
}

// A retweet that waits for its user's counts already holds those of the tweet: all writers take the two in this order.
func TestRetweetsLockTheTweetsCountsFirst(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 2)
	for _, id := range w.tweets {
		if _, _, err := w.Retweets.Retweet(t.Context(), w.viewer, id); err != nil {
			t.Fatal(err)
		}
	}
	held, err := r.db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback() }()
	if _, err := held.ExecContext(t.Context(), "SELECT FROM user_stats WHERE user_id = $1 FOR UPDATE", w.viewer); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := w.Retweets.Undo(t.Context(), w.viewer, w.tweets[0])
		done <- err
	}()
	until(t, "the undo to hold the counts of the tweet", func() bool {
		_, err := r.db.Writer().ExecContext(t.Context(), "SELECT FROM tweet_stats WHERE tweet_id = $1 FOR UPDATE NOWAIT", w.tweets[0])
		return sqldb.IsLockTimeout(err)
	})
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.retweeted(t, r.there, w.tweets...)
}

// What decoded lists take in memory counts in the bound of the copies.
func TestListsWeighWhatTheyHold(t *testing.T) {
	t.Parallel()
	s, held := newServerRig(t).here, make([]int64, 200)
	for kind, weight := range map[string]int{
		"followed":    s.Followed.weight(&timelines.Followed{UserIDs: held}),
		"reacted":     s.Reacted.weight(&reactions.List{Liked: held[:100], Disliked: held[100:]}),
		"retweeted":   s.Retweeted.weight(&retweets.List{TweetIDs: held}),
		"author_list": s.AuthorLists.weight(timelines.AuthorList{Special: make([]timelines.SpecialEntry, len(held))}),
	} {
		if least := 8 * len(held); weight < least {
			t.Errorf("a list of %d of the kind %s weighs %d bytes, at least %d", len(held), kind, weight, least)
		}
	}
}
