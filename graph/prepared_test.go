package graph

import (
	"context"
	"testing"
	"time"

	"roost/domain/reactions"
	"roost/events"
	"roost/graph/model"
	"roost/internal/reqstats"
	"roost/live"
	"roost/loaders"
	"roost/rows"
	"roost/testkit/domaintest"
	"roost/testkit/rowstest"
	"roost/testkit/testtime"
)

// newResolver returns a resolver over SQLite and a cache in the process.
func newResolver(t *testing.T, d *domaintest.Domain) *Resolver {
	t.Helper()
	from := rows.Sources{Accounts: d.Accounts, Counts: d.Counts, Follows: d.Follows, Tweets: d.Tweets, Reactions: d.Reactions,
		Retweets: d.Retweets, Timelines: d.Timelines, Search: d.Search}
	store := rowstest.New(t, from)
	d.Log.SetInvalidator(store)
	return &Resolver{Sources: loaders.Sources{Sources: from, Rows: store}}
}

// What a new tweet's subscriptions need is read once, however many there are: a fixed number of round trips and of statements, and
// none for each subscription. Viewers of one standing share one event.
func TestNewTweetsAreReadOnceForAllSubscribers(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	r := newResolver(t, d)
	const most = 300
	viewers := d.Users(t, most)
	for n, reacted := range map[int]bool{2: false, most: false, 3: true, most - 1: true, 4: true, most - 2: true} {
		retweeted := n == 4 || n == most-2
		author, viewers := viewers[0], viewers[:n]
		tweet := d.Post(t, author, "hello")
		if reacted {
			d.Do(t, func(ctx context.Context) error {
				_, err := d.Reactions.Set(ctx, viewers[1], tweet, reactions.Like)
				return err
			})
		}
		if retweeted {
			d.Do(t, func(ctx context.Context) error {
				_, _, err := d.Retweets.Retweet(ctx, viewers[2], tweet)
				return err
			})
		}
		change := live.Change{At: events.At(1, 7), TweetID: tweet, AuthorID: author}
		statements, trips := int64(2), int64(1)
		if reacted {
			statements, trips = statements+1, trips+1
		}
		if retweeted {
			statements++
		}
		prepare := func() *reqstats.Stats {
			ctx, stats := reqstats.With(t.Context())
			change.Prepared = r.Prepare(ctx, change, viewers, time.Now().Add(time.Hour)) // so that it does not age
			return stats
		}
		if cold := prepare(); cold.Statements() != statements {
			t.Errorf("%d viewers take %d statements, want %d", n, cold.Statements(), statements)
		}
		// What was read is soon in the cache, and a read then has no other round trips.
		testtime.Until(t, "a read without statements", func() bool {
			warm := prepare()
			return warm.Statements() == 0 && warm.RoundTrips() == trips
		})
		ctx, stats := reqstats.With(t.Context())
		sent := map[*model.TimelineEntryAdded]int{}
		for _, v := range viewers {
			decided, _, err := subscriptions{r}.timelineEvents(ctx, v, []live.Change{change}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			e := decided[0].(*model.TimelineEntryAdded)
			if want := (reacted && v == viewers[1]); e.Standing.Author != (v == author) || (e.Standing.Reaction == reactions.Like) != want ||
				e.Standing.Retweeted != (retweeted && v == viewers[2]) {
				t.Errorf("the standing of viewer %d is %+v", v, e.Standing)
			}
			sent[e]++
		}
		if stats.Statements()+stats.RoundTrips() != 0 {
			t.Errorf("%d decisions take %d statements and %d round trips", n, stats.Statements(), stats.RoundTrips())
		}
		keys := map[string]bool{}
		for e := range sent {
			keys[e.Key] = true
		}
		want := map[bool]int{false: 2, true: 3}[reacted]
		if retweeted {
			want++
		}
		if len(sent) != want || len(keys) != want {
			t.Errorf("%d viewers get %d events with %d keys, want %d", n, len(sent), len(keys), want)
		}
	}
}

// A decision that was prepared is valid for as long as any other; then each subscription decides again, and sees what has
// happened since.
func TestPreparedDecisionsAge(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	r := newResolver(t, d)
	users := d.Users(t, 2)
	author, fan := users[0], users[1]
	d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, fan, author) })
	decide := func(age time.Duration, between func(tweet int64)) (event model.TimelineEvent, at time.Time, began time.Time) {
		t.Helper()
		tweet := d.Post(t, author, "hello")
		change := live.Change{At: events.At(1, 7), TweetID: tweet, AuthorID: author}
		began = time.Now().Add(-age)
		change.Prepared = r.Prepare(t.Context(), change, []int64{fan}, began)
		between(tweet)
		decided, at, err := subscriptions{r}.timelineEvents(t.Context(), fan, []live.Change{change}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return decided[0], at, began
	}
	nothing := func(int64) {}
	deleted := func(tweet int64) {
		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, author, tweet) })
	}
	used := func() bool {
		e, at, began := decide(0, nothing)
		return e != nil && e.(*model.TimelineEntryAdded).Standing != nil && at.Equal(began)
	}
	for tries := 1; !used(); tries++ { // a busy machine may take longer than it is valid
		if tries == 20 {
			t.Fatal("what was just prepared is not used")
		}
	}
	if e, at, began := decide(checkedFor+time.Millisecond, nothing); e == nil || e.(*model.TimelineEntryAdded).Standing != nil ||
		at.Sub(began) <= checkedFor {
		t.Errorf("what was prepared long ago is used: %+v, decided %s after it", e, at.Sub(began))
	}
	if e, _, _ := decide(checkedFor+time.Millisecond, deleted); e != nil {
		t.Errorf("a deleted tweet is sent: %+v", e)
	}
	d.Do(t, func(ctx context.Context) error { return d.Follows.Unfollow(ctx, fan, author) })
	if e, _, _ := decide(checkedFor+time.Millisecond, nothing); e != nil {
		t.Errorf("a tweet of an unfollowed author is sent: %+v", e)
	}
}
