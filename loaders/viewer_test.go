package loaders

import (
	"context"
	"slices"
	"testing"

	"roost/cache"
	"roost/domain/reactions"
	"roost/domain/timelines"
	"roost/ent"
	"roost/internal/caller"
	"roost/rows"
	"roost/testkit/domaintest"
	"roost/testkit/rowstest"
)

// newSet returns the set of an operation of a user over the cached rows of a domain.
func newSet(t *testing.T, d *domaintest.Domain, viewer int64) *Set {
	t.Helper()
	from := rows.Sources{Follows: d.Follows, Timelines: d.Timelines, Tweets: d.Tweets, Reactions: d.Reactions}
	return setOf(t, &Sources{Rows: rowstest.New(t, from)}, caller.New(viewer, 1))
}

// setOf returns the set of another operation.
func setOf(t *testing.T, from *Sources, who *caller.Caller) *Set {
	t.Helper()
	return New(caller.With(t.Context(), who), from)
}

// keysOf returns the keys that are read.
func keysOf(reqs Requests) (keys []string) {
	for _, req := range reqs.AppendTo(nil) {
		keys = append(keys, req.Keys...)
	}
	return keys
}

// Whom a viewer follows is read with one key, however many users are asked about, and with none once the operation has read the list.
func TestFollowsOfAPageAreOneKey(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 4)
	me := users[0]
	for _, followee := range []int64{users[1], users[3]} {
		if err := d.Follows.Follow(t.Context(), me, followee); err != nil {
			t.Fatal(err)
		}
	}
	want := map[int64]bool{users[1]: true, users[3]: true}
	ask := func(s *Set, asked ...int64) []string {
		t.Helper()
		reqs, at := FollowedByMe.Ask(s, asked)
		s.Answer(t.Context(), reqs.AppendTo(nil)...)
		for i, id := range asked {
			if got, err := at(t.Context(), i); err != nil || got != want[id] {
				t.Errorf("that the viewer follows %d is %t, %v", id, got, err)
			}
		}
		return keysOf(reqs)
	}
	s, list := newSet(t, d, me), cache.EntryPrefix+"fl:1"
	for _, c := range []struct {
		asked, want []string
	}{
		{ask(newSet(t, d, me), users[1]), []string{list}},
		{ask(newSet(t, d, me), me), nil},
		{ask(s, users...), []string{list}},
		{ask(s, users...), nil},
		{ask(s, users[2]), nil},
	} {
		if !slices.Equal(c.asked, c.want) {
			t.Errorf("the keys %v are read, want %v", c.asked, c.want)
		}
	}
	home := newSet(t, d, me)
	if authors, err := HomeAuthors.LoadNow(With(t.Context(), home), me); err != nil || len(authors) != 3 {
		t.Errorf("the authors of the home timeline are %v, %v", authors, err)
	}
	if keys := ask(home, users...); len(keys) > 0 {
		t.Errorf("the keys %v are read after a home timeline", keys)
	}
	clear(want)
	if keys := ask(newSet(t, d, 0), users...); len(keys) > 0 {
		t.Errorf("without a session the keys %v are read", keys)
	}
	// Signing in changes the viewer in the middle of an operation.
	who := caller.New(me, 1)
	changing := setOf(t, home.sources, who)
	changing.followed.keep(me, &timelines.Followed{UserIDs: []int64{users[1]}})
	who.Begin(users[2], 2)
	if keys := ask(changing, users...); !slices.Equal(keys, []string{cache.EntryPrefix + "fl:3"}) {
		t.Errorf("after another sign-in the keys %v are read", keys)
	}
}

// The viewer's reactions of a page are one key. Tweets below the bound of the list take a key each, in a second round trip until the
// process remembers the bound.
func TestReactionsOfAPageAreOneKey(t *testing.T) {
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
	set := func(tweet int64) {
		t.Helper()
		if _, err := d.Reactions.Set(t.Context(), me, tweet, reactions.Like); err != nil {
			t.Fatal(err)
		}
	}
	cached := newSet(t, d, me).sources
	ask := func(s *Set, kind reactions.Kind, asked ...int64) []string {
		t.Helper()
		reqs, at := MyReaction.Ask(s, asked)
		s.Answer(t.Context(), reqs.AppendTo(nil)...)
		for i, id := range asked {
			if got, err := at(t.Context(), i); err != nil || got != kind {
				t.Errorf("the reaction to %d is %s, %v", id, got, err)
			}
		}
		return keysOf(reqs)
	}
	expect := func(keys []string, want ...string) {
		t.Helper()
		for i := range want {
			want[i] = cache.EntryPrefix + want[i]
		}
		if !slices.Equal(keys, want) {
			t.Errorf("the keys %v are read, want %v", keys, want)
		}
	}
	page := setOf(t, cached, caller.New(me, 1))
	expect(ask(page, reactions.None, tweets...), "vr:2")
	expect(ask(page, reactions.None, tweets...))
	expect(ask(setOf(t, cached, caller.New(0, 0)), reactions.None, tweets...))
	for _, tweet := range tweets[1:] {
		set(tweet)
	}
	page = newSet(t, d, me) // another process
	expect(ask(page, reactions.Like, tweets[5:]...), "vr:2")
	expect(ask(page, reactions.Like, tweets[1], tweets[9], tweets[2]), "r:1001:2")
	page = setOf(t, page.sources, caller.New(me, 1))
	expect(ask(page, reactions.Like, tweets[9], tweets[1]), "vr:2", "r:1001:2")
	page = newSet(t, d, me)
	expect(ask(page, reactions.Like, tweets[9], tweets[1]), "vr:2") // and r:1001:2 in the second round trip
	expect(ask(setOf(t, page.sources, caller.New(me, 1)), reactions.None, tweets[0]), "vr:2", "r:1000:2")
}
