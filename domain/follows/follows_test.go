package follows_test

import (
	"slices"
	"testing"

	"roost/domain/follows"
	"roost/ent/userstats"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/domaintest"
)

// A follow begins and ends once, with a version that only grows, and both users' counts change with it.
func TestFollowAndUnfollow(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	edge := follows.Edge{FollowerID: users[0], FolloweeID: users[1]}
	for i, c := range []struct {
		follow, changes bool
	}{{false, false}, {true, true}, {true, false}, {false, true}, {false, false}, {true, true}} {
		change := d.Follows.Unfollow
		if c.follow {
			change = d.Follows.Follow
		}
		before := stateOf(t, d, edge)
		if err := change(t.Context(), users[0], users[1]); err != nil {
			t.Fatal(err)
		}
		after := stateOf(t, d, edge)
		if after.Active != c.follow || (after.Version > before.Version) != c.changes {
			t.Errorf("step %d: the follow went from %+v to %+v", i, before, after)
		}
		emitted := d.Emitted()
		if (len(emitted) == 1) != c.changes {
			t.Errorf("step %d emits %+v", i, emitted)
		}
		f, ok := last(emitted).(events.UserFollowed)
		if ok && (f.Version != after.Version || f.FollowerID != users[0] || f.FolloweeID != users[1]) {
			t.Errorf("step %d emits %+v, the follow is %+v", i, f, after)
		}
		now, err := d.Counts.ByUser(t.Context(), users)
		if err != nil {
			t.Fatal(err)
		}
		n := map[bool]int32{true: 1}[c.follow]
		if now[users[0]].Following != n || now[users[1]].Followers != n || now[users[0]].Followers != 0 {
			t.Errorf("step %d: the counts are %+v", i, now)
		}
	}
}

func last(all []events.Event) events.Event {
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func stateOf(t *testing.T, d *domaintest.Domain, edge follows.Edge) follows.State {
	t.Helper()
	got, err := d.Follows.Edges(t.Context(), []follows.Edge{edge})
	if err != nil {
		t.Fatal(err)
	}
	return got[edge]
}

func TestRefusedFollows(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	me := d.Users(t, 1)[0]
	for _, change := range []func() error{
		func() error { return d.Follows.Follow(t.Context(), me, me) },
		func() error { return d.Follows.Unfollow(t.Context(), me, me) },
	} {
		domaintest.Refused(t, change(), errs.Self, "followee")
	}
	domaintest.Refused(t, d.Follows.Follow(t.Context(), me, 99), errs.NotFound, "followee")
	domaintest.Refused(t, d.Follows.Unfollow(t.Context(), me, 99), errs.NotFound, "followee")
	if got := d.Emitted(); len(got) != 0 {
		t.Errorf("refusals emit %+v", got)
	}
}

// Beyond the limit nobody more can be followed, and a follow that was refused has changed nothing.
func TestLimitOfFollows(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 3)
	err := d.Client.UserStats.Create().SetID(users[0]).SetFollowingCount(follows.MaxFollowing - 1).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Follows.Follow(t.Context(), users[0], users[1]); err != nil {
		t.Fatal(err)
	}
	err = d.Follows.Follow(t.Context(), users[0], users[2])
	domaintest.Refused(t, err, errs.LimitReached, "followee")
	if e, ok := err.(*errs.Error); ok && e.Limit != follows.MaxFollowing {
		t.Errorf("the refusal has the limit %d", e.Limit)
	}
	if s := stateOf(t, d, follows.Edge{FollowerID: users[0], FolloweeID: users[2]}); s != (follows.State{}) {
		t.Errorf("the refused follow is %+v", s)
	}
	if n := d.Client.UserStats.Query().Where(userstats.ID(users[2])).CountX(t.Context()); n != 0 {
		t.Error("the refused follow is counted")
	}
	// To follow whom one follows already is no new follow.
	if err := d.Follows.Follow(t.Context(), users[0], users[1]); err != nil {
		t.Errorf("following again at the limit: %v", err)
	}
}

// Lists have the newest follow first, also when it began again.
func TestListsOfFollows(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 4)
	for _, u := range users[1:] {
		if err := d.Follows.Follow(t.Context(), u, users[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Follows.Unfollow(t.Context(), users[1], users[0]); err != nil {
		t.Fatal(err)
	}
	key := sqldb.Key{Owner: users[0], Window: cursors.Whole(10)}
	list := func() (out []int64) {
		t.Helper()
		pages, err := d.Follows.Followers(t.Context(), []sqldb.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range pages[key].Items {
			out = append(out, e.Item)
		}
		return out
	}
	if got := list(); !slices.Equal(got, []int64{users[3], users[2]}) {
		t.Errorf("the followers are %v", got)
	}
	if err := d.Follows.Follow(t.Context(), users[1], users[0]); err != nil {
		t.Fatal(err)
	}
	if got := list(); !slices.Equal(got, []int64{users[1], users[3], users[2]}) {
		t.Errorf("after one came back the followers are %v", got)
	}
	mine := sqldb.Key{Owner: users[2], Window: cursors.Whole(10)}
	pages, err := d.Follows.Following(t.Context(), []sqldb.Key{mine})
	if err != nil || len(pages[mine].Items) != 1 || pages[mine].Items[0].Item != users[0] {
		t.Errorf("user %d follows %+v, %v", users[2], pages[mine], err)
	}
}
