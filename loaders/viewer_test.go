package loaders

import (
	"slices"
	"testing"

	"roost/cache"
	"roost/domain/timelines"
	"roost/internal/caller"
	"roost/rows"
	"roost/testkit/domaintest"
	"roost/testkit/rowstest"
)

// newSet returns the set of an operation of a user over the cached rows of a domain.
func newSet(t *testing.T, d *domaintest.Domain, viewer int64) *Set {
	t.Helper()
	from := rows.Sources{Follows: d.Follows, Timelines: d.Timelines, Tweets: d.Tweets, Reactions: d.Reactions}
	return New(&Sources{Rows: rowstest.New(t, from)}, caller.New(viewer, 1))
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
		req, at := FollowedByMe.Ask(s, asked)
		s.Answer(t.Context(), req)
		for i, id := range asked {
			if got, err := at(t.Context(), i); err != nil || got != want[id] {
				t.Errorf("that the viewer follows %d is %t, %v", id, got, err)
			}
		}
		return req.Keys
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
	changing := New(home.sources, who)
	changing.followed.keep(me, &timelines.Followed{UserIDs: []int64{users[1]}})
	who.Begin(users[2], 2)
	if keys := ask(changing, users...); !slices.Equal(keys, []string{cache.EntryPrefix + "fl:3"}) {
		t.Errorf("after another sign-in the keys %v are read", keys)
	}
}
