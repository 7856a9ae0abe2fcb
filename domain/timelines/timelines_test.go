package timelines_test

import (
	"context"
	"slices"
	"testing"

	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/testkit/domaintest"
)

func itemsOf(page cursors.Page[timelines.Entry]) []int64 {
	var out []int64
	for _, e := range page.Items {
		out = append(out, e.Item)
	}
	return out
}

// home reads the newest entries of a viewer's home timeline.
func home(t *testing.T, d *domaintest.Domain, viewer int64, w cursors.Window) cursors.Page[timelines.Entry] {
	t.Helper()
	followed, err := d.Timelines.Followed(t.Context(), []int64{viewer})
	if err != nil {
		t.Fatal(err)
	}
	page, err := d.Timelines.Home(t.Context(), timelines.HomeAuthors(viewer, followed[viewer]), w)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// A home timeline contains the tweets of those whom the viewer follows, and the viewer's own, whoever asks: the rule, the
// list of authors, the page and the audience of a push agree.
func TestHomeRule(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 4)
	me, friend, past, stranger := users[0], users[1], users[2], users[3]
	d.Do(t,
		func(ctx context.Context) error { return d.Follows.Follow(ctx, me, friend) },
		func(ctx context.Context) error { return d.Follows.Follow(ctx, me, past) },
		func(ctx context.Context) error { return d.Follows.Unfollow(ctx, me, past) },
		func(ctx context.Context) error { return d.Follows.Follow(ctx, stranger, me) },
	)
	var want []int64
	for _, u := range users {
		id := d.Post(t, u, "hello")
		follows := u == friend
		in := timelines.NewRelation(me, u, follows).InHome()
		if in != (u == me || u == friend) {
			t.Errorf("user %d is in the home timeline: %t", u, in)
		}
		if in {
			want = append([]int64{id}, want...)
		}
		audience, err := d.Timelines.Audience(t.Context(), timelines.Ends{AuthorID: u}, users)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(audience, me) != in {
			t.Errorf("the audience of user %d is %v", u, audience)
		}
	}
	if got := itemsOf(home(t, d, me, cursors.Whole(10))); !slices.Equal(got, want) {
		t.Errorf("the page has %v, want %v", got, want)
	}
	if got := timelines.HomeAuthors(me, nil); !slices.Equal(got, []int64{me}) {
		t.Errorf("a viewer without counts reads %v", got)
	}
}

// An entry that was added is shown only if the rule of home timelines and the visibility of tweets both allow it.
func TestShownTweets(t *testing.T) {
	t.Parallel()
	const me, other = 1, 2
	tweet, gone := &tweets.Tweet{ID: 3}, &tweets.Tweet{ID: 4, Deleted: true}
	for _, c := range []struct {
		name     string
		relation timelines.Relation
		tweet    *tweets.Tweet
		want     *tweets.Tweet
	}{
		{"of somebody followed", timelines.NewRelation(me, other, true), tweet, tweet},
		{"of somebody no longer followed", timelines.NewRelation(me, other, false), tweet, nil},
		{"my own", timelines.NewRelation(me, me, false), tweet, tweet},
		{"deleted", timelines.NewRelation(me, other, true), gone, nil},
		{"unknown", timelines.NewRelation(me, other, true), nil, nil},
	} {
		if got := c.relation.Shown(c.tweet); got != c.want {
			t.Errorf("%s: the timeline shows %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Pages are newest first, hold no deleted tweet, and say whether there is more.
func TestPagesOfTimelines(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, users[0], users[1]) })
	var posted []int64
	for i := range 6 {
		posted = append([]int64{d.Post(t, users[i%2], "hello")}, posted...)
	}
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], posted[1]) }) // users[0] wrote every other one
	live := slices.Concat(posted[:1], posted[2:])
	for _, c := range []struct {
		window cursors.Window
		want   []int64
		more   bool
	}{
		{cursors.Whole(5), live, false},
		{cursors.Whole(2), live[:2], true},
		{cursors.Window{Size: 2, Above: live[1], Below: cursors.Whole(1).Below}, live[2:4], true},
		{cursors.Window{Size: 2, Above: cursors.Whole(1).Above, Below: live[4], Backward: true}, live[2:4], true},
	} {
		page := home(t, d, users[0], c.window)
		if got := itemsOf(page); !slices.Equal(got, c.want) || page.More != c.more {
			t.Errorf("%+v: %v, more %t; want %v, %t", c.window, got, page.More, c.want, c.more)
		}
	}
	key := sqldb.Key{Owner: users[0], Window: cursors.Whole(10), Kinds: timelines.OwnTweets}
	pages, err := d.Timelines.OfUsers(t.Context(), []sqldb.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	if got := itemsOf(pages[key]); !slices.Equal(got, []int64{posted[3], posted[5]}) {
		t.Errorf("the user's own timeline has %v of %v", got, posted)
	}
}

// The version of the list of the followed rises with each change of it, and with nothing else.
func TestVersionOfTheFollowed(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	version := func() int64 {
		t.Helper()
		f, err := d.Timelines.Followed(t.Context(), users[:1])
		if err != nil {
			t.Fatal(err)
		}
		if f[users[0]] == nil {
			return 0
		}
		return f[users[0]].Version
	}
	if v := version(); v != 0 {
		t.Errorf("before any change the version is %d", v)
	}
	last := int64(0)
	changes := []func(ctx context.Context, follower, followee int64) error{d.Follows.Follow, d.Follows.Unfollow, d.Follows.Follow}
	for i, change := range changes {
		d.Do(t, func(ctx context.Context) error { return change(ctx, users[0], users[1]) })
		v := version()
		if v <= last {
			t.Errorf("change %d: the version went from %d to %d", i, last, v)
		}
		last = v
		d.Post(t, users[0], "hello")
		d.Do(t, func(ctx context.Context) error { return change(ctx, users[0], users[1]) }) // changes nothing
		if v := version(); v != last {
			t.Errorf("without a change the version went from %d to %d", last, v)
		}
	}
}
