package suspensions_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/domain/suspensions"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
)

// The set keeps of each user what the newest version of the row says, in whatever order versions are noted.
func TestSet(t *testing.T) {
	t.Parallel()
	var s suspensions.Set
	all := []int64{1, 2, 3}
	if got := s.Now().Without(all); &got[0] != &all[0] || s.Has(1) {
		t.Error("the empty set changes a list")
	}
	s.Note(2, 5, true)
	s.Note(2, 4, false)
	s.Note(3, 6, false)
	s.Note(3, 2, true)
	if got := s.Now().Without(all); !slices.Equal(got, []int64{1, 3}) || !s.Has(2) || s.Has(3) {
		t.Errorf("without the suspended one there are %v", got)
	}
	s.Note(2, 6, false)
	if got := s.Now().Without(all); &got[0] != &all[0] {
		t.Errorf("when nobody is suspended any more there are %v", got)
	}
}

// Sets of any size answer as a map does, whatever is noted, and after changes that are too many to be kept apart.
func TestSetOfMany(t *testing.T) {
	t.Parallel()
	var s suspensions.Set
	dice, want, version := rand.New(rand.NewPCG(1, 2)), map[int64]bool{}, int64(0)
	for range 3000 {
		id, number := dice.Int64N(900), s.Now().Number()
		version++
		is := dice.IntN(3) > 0
		s.Note(id, version, is)
		if changed := want[id] != is; changed == (number == s.Now().Number()) && number != 0 {
			t.Fatalf("a change (%t) has the number %d after %d", changed, s.Now().Number(), number)
		}
		if want[id] = is; is {
			s.Note(id, version-1, false) // of before
		}
	}
	for id := range int64(900) {
		if s.Has(id) != want[id] {
			t.Errorf("user %d is suspended: %t", id, s.Has(id))
		}
	}
}

// A suspended user, and what the user has written or passed on, is in no statement that decides what is visible, and nobody can refer to
// it. Pages of lists have it, and say whose it is: their readers leave it out. A restored user is everywhere again.
func TestSuspended(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		users := d.Users(t, 4)
		bad, fan, other, viewer := users[0], users[1], users[2], users[3]
		for _, id := range users {
			if err := d.Client.UsernameClaim.Create().SetID(name(id)).SetUserID(id).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		theirs, others := d.Post(t, bad, "theirs"), d.Post(t, other, "others")
		again := d.Post(t, bad, "also theirs")
		reply := func(user, tweet int64, text string) (int64, error) {
			made, err := d.Tweets.PostDraft(t.Context(), user, tweets.Draft{Text: text, InReplyTo: tweet})
			if err != nil {
				return 0, err
			}
			return int64(made.ID), nil
		}
		answer, err := reply(bad, others, "answered #tagged")
		if err != nil {
			t.Fatal(err)
		}
		below, err := reply(other, answer, "below")
		if err != nil {
			t.Fatal(err)
		}
		tag, _ := tweets.HashtagNamed("tagged")
		retweet := func(user, tweet int64) error {
			_, _, err := d.Retweets.Retweet(t.Context(), user, tweet)
			return err
		}
		d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, bad, other) },
			func(ctx context.Context) error { return d.Follows.Follow(ctx, fan, other) },
			func(ctx context.Context) error { return d.Follows.Follow(ctx, fan, bad) },
			func(ctx context.Context) error { return d.Follows.Follow(ctx, viewer, bad) },
			func(context.Context) error { return retweet(bad, others) },
			func(context.Context) error { return retweet(fan, theirs) })
		var set suspensions.Set
		// seen is how many entries each list has: followers, followed, retweets, an own timeline with retweets, the home timeline in two ways,
		// what brings a tweet there, replies in three orders, ancestors but one, and hashtags.
		seen := func() (n []int) {
			t.Helper()
			w := cursors.Whole(10)
			count := func(page cursors.Page[sqldb.Row], err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				n = append(n, len(page.Items))
			}
			one := func(read func(context.Context, []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error), k sqldb.Key) {
				pages, err := read(t.Context(), []sqldb.Key{k})
				count(pages[k], err)
			}
			one(d.Follows.Followers, sqldb.Key{Owner: other, Window: w})
			one(d.Follows.Following, sqldb.Key{Owner: fan, Window: w})
			one(d.Retweets.OfTweets, sqldb.Key{Owner: others, Window: w})
			one(d.Timelines.OfUsers, sqldb.Key{Owner: fan, Window: w, Kinds: 3})
			count(d.Timelines.ExactHome(t.Context(), []int64{bad, fan, viewer}, w))
			count(d.Timelines.Home(t.Context(), set.Now().Without([]int64{bad, fan, viewer}), w))
			brought, err := d.Timelines.Brought(t.Context(), others, []int64{viewer})
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, len(brought))
			for _, order := range []tweets.Order{tweets.Newest, tweets.Oldest, tweets.Relevant} {
				one(func(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error) {
					return d.Tweets.Replies(ctx, viewer, keys)
				}, sqldb.Key{Owner: others, Window: w, Kinds: uint8(order)})
			}
			above, err := d.Tweets.Ancestors(t.Context(), []int64{below})
			if err != nil {
				t.Fatal(err)
			}
			tagged, err := d.Tweets.Hashtags(t.Context(), []int64{tag})
			if err != nil {
				t.Fatal(err)
			}
			return append(n, len(above[below])-1, len(tagged))
		}
		before := []int{2, 2, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1}
		if got := seen(); !slices.Equal(got, before) {
			t.Fatalf("before the suspension the lists have %v entries, want %v", got, before)
		}
		s, err := d.Accounts.Suspend(t.Context(), name(bad))
		if err != nil || !s.Changed {
			t.Fatalf("the suspension returns %+v, %v", s, err)
		}
		if err := set.Load(t.Context(), d.DB); err != nil || !set.Has(bad) || set.Has(fan) {
			t.Fatalf("the set is not right: %v", err)
		}
		if got, want := seen(), []int{2, 2, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0}; !slices.Equal(got, want) {
			t.Errorf("after the suspension the lists have %v entries, want %v", got, want)
		}
		domaintest.Refused(t, retweet(other, again), errs.NotFound, "tweet")
		_, err = reply(other, again, "too late")
		domaintest.Refused(t, err, errs.NotFound, "inReplyTo")
		domaintest.Refused(t, d.Follows.Follow(t.Context(), other, bad), errs.NotFound, "followee")
		_, err = d.Reactions.Set(t.Context(), other, again, 1)
		domaintest.Refused(t, err, errs.NotFound, "tweet")
		if s, err := d.Accounts.Suspend(t.Context(), name(bad)); err != nil || s.Changed {
			t.Errorf("the second suspension returns %+v, %v", s, err)
		}
		for i, want := range []bool{true, false} {
			if s, err := d.Accounts.Restore(t.Context(), name(bad)); err != nil || s.Changed != want {
				t.Errorf("restoring for the %dth time returns %+v, %v", i+1, s, err)
			}
		}
		if err := set.Load(t.Context(), d.DB); err != nil {
			t.Fatal(err)
		}
		if got := seen(); !slices.Equal(got, before) {
			t.Errorf("after the restoration the lists have %v entries, want %v", got, before)
		}
		d.Do(t, func(context.Context) error { return retweet(other, again) })
	})
}

// A tweet that several of those whom a viewer follows have retweeted is where the first of them who is not suspended has brought it.
func TestRetweetAfterASuspendedOne(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		users := d.Users(t, 4)
		bad, fan, other, viewer := users[0], users[1], users[2], users[3]
		if err := d.Client.UsernameClaim.Create().SetID(name(bad)).SetUserID(bad).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		tweet := d.Post(t, other, "others")
		for _, by := range []int64{bad, fan} {
			if _, _, err := d.Retweets.Retweet(t.Context(), by, tweet); err != nil {
				t.Fatal(err)
			}
		}
		authors := []int64{bad, fan, viewer}
		var set suspensions.Set
		expect := func(when string, by int64) {
			t.Helper()
			exact, err := d.Timelines.ExactHome(t.Context(), authors, cursors.Whole(10))
			if err != nil || len(exact.Items) != 1 || exact.Items[0].By != by {
				t.Errorf("%s one statement finds %+v, %v", when, exact.Items, err)
			}
			home, err := d.Timelines.Home(t.Context(), set.Now().Without(authors), cursors.Whole(10))
			if err != nil || !slices.Equal(home.Items, exact.Items) {
				t.Errorf("%s the timeline has %+v, %v", when, home.Items, err)
			}
		}
		expect("before the suspension", bad)
		if _, err := d.Accounts.Suspend(t.Context(), name(bad)); err != nil {
			t.Fatal(err)
		}
		if err := set.Load(t.Context(), d.DB); err != nil {
			t.Fatal(err)
		}
		expect("after the suspension", fan)
	})
}

func name(id int64) string { return "user" + string(rune('0'+id)) }
