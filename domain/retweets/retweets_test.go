package retweets_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/domaintest"
)

// state reads a retweet's row.
func state(t *testing.T, d *domaintest.Domain, tweet, user int64) retweets.State {
	t.Helper()
	key := retweets.Key{TweetID: tweet, UserID: user}
	got, err := d.Retweets.ByKey(t.Context(), []retweets.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	return got[key]
}

// A retweet begins and ends once, with a version that only grows, and the tweet's counts and the version of the user's change with it.
// Each time that it begins it gets another sort key.
func TestRetweetAndUndo(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	author, me := users[0], users[1]
	tweet := d.Post(t, author, "hello")
	if _, err := d.Reactions.Set(t.Context(), author, tweet, reactions.Like); err != nil {
		t.Fatal(err)
	}
	d.Emitted()
	var version, userVersion, sortKey int64
	revision := int32(1)
	for i, c := range []struct{ retweet, changes bool }{
		{false, false}, {true, true}, {true, false}, {false, true}, {false, false}, {true, true},
	} {
		change := d.Retweets.Undo
		if c.retweet {
			change = d.Retweets.Retweet
		}
		got, counts, err := change(t.Context(), me, tweet)
		if err != nil {
			t.Fatal(err)
		}
		if c.changes {
			version, userVersion, revision = version+1, userVersion+1, revision+1
		}
		if c.changes && c.retweet {
			if got.SortKey <= max(sortKey, tweet) {
				t.Errorf("step %d: the sort key %d follows %d", i, got.SortKey, sortKey)
			}
			sortKey = got.SortKey
		}
		want := retweets.State{Version: version}
		if c.retweet {
			want.SortKey = sortKey
		}
		if s := state(t, d, tweet, me); s != want {
			t.Errorf("step %d: the row is %+v, want %+v", i, s, want)
		}
		returned := retweets.Retweet{TweetID: tweet, UserID: me, SortKey: sortKey}
		if !c.retweet && !c.changes {
			returned = retweets.Retweet{}
		}
		if got != returned {
			t.Errorf("step %d returns %+v, want %+v", i, got, returned)
		}
		n := map[bool]int32{true: 1}[c.retweet]
		now := reactions.Counts{TweetID: tweet, LikeCount: 1, RetweetCount: n, Revision: revision}
		stored, err := d.Reactions.CountsOf(t.Context(), []int64{tweet})
		if err != nil || *stored[tweet] != now || c.changes != (counts != nil) || counts != nil && *counts != now {
			t.Errorf("step %d: the counts are %+v, and %+v in the database, %v; want %+v", i, counts, stored[tweet], err, now)
		}
		all, err := d.Counts.ByUser(t.Context(), users)
		if err != nil || all[me].Version != userVersion || all[me].Tweets != 0 || all[author].Version != 1 {
			t.Errorf("step %d: the users' counts are %+v, %v", i, all, err)
		}
		event := events.TweetRetweeted{TweetID: tweet, AuthorID: author, UserID: me, SortKey: sortKey, Version: version,
			UserVersion: userVersion, RetweetCount: int64(n), Revision: int64(revision - 1)} // the like is not drained
		wanted := []events.Event{event.WithCounts(nil)}
		if !c.retweet {
			wanted[0] = events.RetweetUndone(event)
		}
		emitted := d.Emitted()
		for i, e := range emitted {
			known := events.CountsAfter(e)
			if known == nil || counts == nil || *reactions.CountsFrom(tweet, *known) != *counts {
				t.Errorf("step %d emits the counts %+v, want %+v", i, known, counts)
			}
			emitted[i] = e.(interface {
				WithCounts(*events.TweetCounts) events.Event
			}).WithCounts(nil)
		}
		if !slices.Equal(emitted, wanted[:map[bool]int{true: 1}[c.changes]]) {
			t.Errorf("step %d emits %+v", i, emitted)
		}
	}
}

// One may retweet an own tweet.
func TestRetweetOfAnOwnTweet(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	me := d.Users(t, 1)[0]
	tweet := d.Post(t, me, "hello")
	if _, counts, err := d.Retweets.Retweet(t.Context(), me, tweet); err != nil || counts.RetweetCount != 1 {
		t.Errorf("the counts are %+v, %v", counts, err)
	}
}

// No tweet that is not visible is retweeted, and no retweet of one is undone; what is refused changes nothing.
func TestRefusedRetweets(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	deleted, before := d.Post(t, users[0], "deleted"), d.Post(t, users[0], "never retweeted")
	if _, _, err := d.Retweets.Retweet(t.Context(), users[1], deleted); err != nil {
		t.Fatal(err)
	}
	kept := state(t, d, deleted, users[1])
	for _, id := range []int64{deleted, before} {
		if err := d.Tweets.Delete(t.Context(), users[0], id); err != nil {
			t.Fatal(err)
		}
	}
	d.Emitted()
	for _, id := range []int64{deleted, before, deleted + 1<<40, 1} {
		_, _, err := d.Retweets.Retweet(t.Context(), users[1], id)
		domaintest.Refused(t, err, errs.NotFound, "tweet")
		_, _, err = d.Retweets.Undo(t.Context(), users[1], id)
		domaintest.Refused(t, err, errs.NotFound, "tweet")
	}
	if s := state(t, d, deleted, users[1]); s != kept || len(d.Emitted()) > 0 {
		t.Errorf("the refusals leave %+v, before it was %+v", s, kept)
	}
}

// A retweet is sorted behind its tweet, although the tweet comes from a node whose clock is ahead, and so is what this node makes next.
// A tweet of the far future is refused, and does not move the ids of this node.
func TestRetweetOfATweetFromAClockAhead(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	ahead := clock.NewFake(d.Clock.Now().Add(30 * time.Second))
	post := func() int64 {
		t.Helper()
		made, err := tweets.New(d.Client, d.DB, d.Log, ids.NewGenerator(ahead, ids.Fixed(7))).Post(t.Context(), users[0], "from the future")
		if err != nil {
			t.Fatal(err)
		}
		return int64(made.ID)
	}
	tweet := post()
	got, _, err := d.Retweets.Retweet(t.Context(), users[1], tweet)
	if err != nil || got.SortKey <= tweet || got.At().Sub(ahead.Now()) > time.Second {
		t.Errorf("the retweet of %d is %+v, %v", tweet, got, err)
	}
	if next := d.Post(t, users[1], "next"); next <= got.SortKey {
		t.Errorf("the id %d was made after the sort key %d", next, got.SortKey)
	}
	ahead.Add(time.Hour)
	tweet = post()
	_, _, err = d.Retweets.Retweet(t.Context(), users[1], tweet)
	if e, ok := err.(*errs.Error); !ok || e.Kind != errs.Unavailable || e.RetryAfter < 59*time.Minute || e.RetryAfter > time.Hour {
		t.Errorf("a retweet of a tweet an hour ahead: %v", err)
	}
	if next := d.Post(t, users[1], "next"); ids.Time(next).Sub(d.Clock.Now()) > time.Minute {
		t.Errorf("the ids went on to %s", ids.Time(next))
	}
	d.Clock.Add(time.Hour)
	if got, _, err = d.Retweets.Retweet(t.Context(), users[1], tweet); err != nil || got.SortKey <= tweet {
		t.Errorf("when its time has come: %+v, %v", got, err)
	}
}

// The list of a tweet has the newest retweet first, also of a user who came back.
func TestRetweetsOfATweet(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 4)
	tweet, other := d.Post(t, users[0], "hello"), d.Post(t, users[0], "another")
	change := func(change func(ctx context.Context, user, tweet int64) (retweets.Retweet, *reactions.Counts, error), user, tweet int64) {
		t.Helper()
		if _, _, err := change(t.Context(), user, tweet); err != nil {
			t.Fatal(err)
		}
	}
	key := sqldb.Key{Owner: tweet, Window: cursors.Whole(10)}
	expect := func(want ...int64) {
		t.Helper()
		pages, err := d.Retweets.OfTweets(t.Context(), []sqldb.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, e := range pages[key].Items {
			got = append(got, e.Item)
			if s := state(t, d, tweet, e.Item); s.SortKey != e.SortKey {
				t.Errorf("the entry of user %d is at %d, the row is %+v", e.Item, e.SortKey, s)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("it was retweeted by %v, want %v", got, want)
		}
	}
	change(d.Retweets.Retweet, users[1], other)
	expect()
	for _, u := range users[1:] {
		change(d.Retweets.Retweet, u, tweet)
	}
	expect(users[3], users[2], users[1])
	change(d.Retweets.Undo, users[1], tweet)
	expect(users[3], users[2])
	change(d.Retweets.Retweet, users[1], tweet)
	expect(users[1], users[3], users[2])
}

// A user's list has 256 retweets. With one more it is complete from the lowest of its tweets on, and with one less it is complete again.
func TestBoundOfLists(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	me := users[1]
	var all []int64
	rows := make([]*ent.TweetCreate, retweets.MaxListed+2)
	for i := range rows {
		all = append(all, int64(1000+i))
		rows[i] = d.Client.Tweet.Create().SetID(all[i]).SetAuthorID(users[0]).SetText("hello").SetCreatedAt(d.Clock.Now())
	}
	d.Do(t, func(ctx context.Context) error { return d.Client.Tweet.CreateBulk(rows...).Exec(ctx) })
	if lists, err := d.Retweets.Lists(t.Context(), users); err != nil || len(lists) > 0 {
		t.Errorf("before any retweet the lists are %v, %v", lists, err)
	}
	version := int64(0)
	expect := func(completeFrom int64, listed int) {
		t.Helper()
		lists, err := d.Retweets.Lists(t.Context(), users)
		if err != nil {
			t.Fatal(err)
		}
		list := lists[me]
		if list.CompleteFrom != completeFrom || len(list.TweetIDs) != listed || list.Version != version || !slices.IsSorted(list.TweetIDs) {
			t.Errorf("version %d of the list has %d retweets from %d on, want version %d with %d from %d on", list.Version,
				len(list.TweetIDs), list.CompleteFrom, version, listed, completeFrom)
		}
		for _, tweet := range all {
			yes, ok := list.Has(tweet)
			if ok != (tweet >= list.CompleteFrom) || ok && yes != (state(t, d, tweet, me).SortKey != 0) {
				t.Errorf("the list says %t, %t of tweet %d, its row is %+v", yes, ok, tweet, state(t, d, tweet, me))
			}
		}
	}
	set := func(i int, retweet bool) {
		t.Helper()
		change := d.Retweets.Undo
		if retweet {
			change = d.Retweets.Retweet
		}
		if _, _, err := change(t.Context(), me, all[i]); err != nil {
			t.Fatal(err)
		}
		version++
	}
	for i := range retweets.MaxListed - 1 {
		set(i+2, true)
	}
	expect(0, retweets.MaxListed-1)
	set(1, true)
	expect(0, retweets.MaxListed)
	set(0, true)
	expect(all[1], retweets.MaxListed)
	set(1, false) // the lowest of the list: the one below it takes its place
	expect(0, retweets.MaxListed)
	set(1, true)
	set(0, false) // below the list
	expect(0, retweets.MaxListed)
	if yes, ok := (*retweets.List)(nil).Has(1); yes || ok {
		t.Error("a list that is not there covers a tweet")
	}
}
