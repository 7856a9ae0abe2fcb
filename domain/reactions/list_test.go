package reactions_test

import (
	"context"
	"slices"
	"testing"

	"roost/domain/reactions"
	"roost/ent"
	"roost/events"
	"roost/testkit/domaintest"
)

// listOf reads a user's list, which must say of every tweet what the reaction's row says, or nothing.
func listOf(t *testing.T, d *domaintest.Domain, user int64, tweets []int64) *reactions.List {
	t.Helper()
	lists, err := d.Reactions.Lists(t.Context(), []int64{user})
	if err != nil {
		t.Fatal(err)
	}
	list := lists[user]
	if list == nil || !slices.IsSorted(list.Liked) || !slices.IsSorted(list.Disliked) {
		t.Fatalf("the list is %+v", list)
	}
	for _, tweet := range tweets {
		key := reactions.Key{TweetID: tweet, UserID: user}
		row, err := d.Reactions.ByKey(t.Context(), []reactions.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := list.Kind(tweet)
		if ok != (tweet >= list.CompleteFrom) || ok && kind != row[key].Kind {
			t.Errorf("the list says %s, %t of tweet %d, its row says %s", kind, ok, tweet, row[key].Kind)
		}
	}
	return list
}

// A list has the reactions other than NONE, and a version that each change raises, and nothing else.
func TestListOfReactions(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	var tweets []int64
	for range 3 {
		tweets = append(tweets, d.Post(t, users[0], "hello"))
	}
	d.Emitted()
	if list := listOf(t, d, users[1], tweets); list.Version != 1 || len(list.Liked)+len(list.Disliked) > 0 || list.CompleteFrom != 0 {
		t.Errorf("before any reaction the list is %+v", list)
	}
	version := int64(1)
	for i, c := range []struct {
		tweet           int
		kind            reactions.Kind
		liked, disliked []int64
	}{
		{2, reactions.Like, tweets[2:], nil},
		{0, reactions.Like, []int64{tweets[0], tweets[2]}, nil},
		{0, reactions.Dislike, tweets[2:], tweets[:1]},
		{2, reactions.None, nil, tweets[:1]},
		{2, reactions.Dislike, nil, []int64{tweets[0], tweets[2]}},
	} {
		for range 2 { // the second time changes nothing
			if _, err := d.Reactions.Set(t.Context(), users[1], tweets[c.tweet], c.kind); err != nil {
				t.Fatal(err)
			}
		}
		version++
		list := listOf(t, d, users[1], tweets)
		if !slices.Equal(list.Liked, c.liked) || !slices.Equal(list.Disliked, c.disliked) || list.Version != version {
			t.Errorf("change %d leaves the list %+v, want version %d", i, list, version)
		}
		emitted := d.Emitted()
		if set := emitted[0].(events.ReactionsChanged); len(emitted) != 1 || len(set.Changes) != 1 || set.Changes[0].ListVersion != version {
			t.Errorf("change %d emits %+v", i, emitted)
		}
	}
	if list := listOf(t, d, users[0], tweets); list.Version != 1 {
		t.Errorf("the list of another user is at version %d", list.Version)
	}
	if none := (*reactions.List)(nil); func() bool { _, ok := none.Kind(1); return ok }() {
		t.Error("a list that is not there covers a tweet")
	}
}

// A list has 256 reactions. With one more it is complete from the lowest of its tweets on, and with one less it is complete again.
func TestBoundOfLists(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	me := users[1]
	var tweets []int64
	rows := make([]*ent.TweetCreate, reactions.MaxListed+2)
	for i := range rows {
		tweets = append(tweets, int64(1000+i))
		rows[i] = d.Client.Tweet.Create().SetID(tweets[i]).SetAuthorID(users[0]).SetText("hello").SetCreatedAt(d.Clock.Now())
	}
	d.Do(t, func(ctx context.Context) error { return d.Client.Tweet.CreateBulk(rows...).Exec(ctx) })
	set := func(i int, kind reactions.Kind) {
		t.Helper()
		if _, err := d.Reactions.Set(t.Context(), me, tweets[i], kind); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(completeFrom int64, listed int) {
		t.Helper()
		list := listOf(t, d, me, tweets)
		if n := len(list.Liked) + len(list.Disliked); list.CompleteFrom != completeFrom || n != listed {
			t.Errorf("the list has %d reactions from %d on, want %d from %d on", n, list.CompleteFrom, listed, completeFrom)
		}
	}
	for i := range reactions.MaxListed - 1 {
		set(i+2, reactions.Kind(1+i%2))
	}
	expect(0, reactions.MaxListed-1)
	set(1, reactions.Like)
	expect(0, reactions.MaxListed)
	set(0, reactions.Like)
	expect(tweets[1], reactions.MaxListed)
	set(1, reactions.None) // the lowest of the list: the one below it takes its place
	expect(0, reactions.MaxListed)
	set(1, reactions.Dislike)
	set(0, reactions.None) // below the list
	expect(0, reactions.MaxListed)
	set(0, reactions.Dislike)
	set(reactions.MaxListed, reactions.None)
	expect(0, reactions.MaxListed)
}
