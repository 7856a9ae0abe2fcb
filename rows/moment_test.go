package rows

import (
	"testing"

	"roost/domain/follows"
	"roost/internal/moment"
	"roost/testkit/testtime"
)

// What a request reads after its own write shows the write, though it has read copies of the same rows before.
func TestAWriteBeginsANewMoment(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	n, author := r.nodes(t, true)[0], r.authors(t, 1)[0]
	if _, err := n.tweets.Post(t.Context(), author, "the first"); err != nil {
		t.Fatal(err)
	}
	ctx, m := moment.With(t.Context())
	count := func() int32 {
		t.Helper()
		all, err := n.store.UserCounts.Load(ctx, []int64{author})
		if err != nil {
			t.Fatal(err)
		}
		return all[author].Tweets
	}
	testtime.Until(t, "a copy", func() bool {
		q := n.store.UserCounts.Ask([]int64{author})
		n.store.Answer(ctx, q.Request())
		return q.Request().Copied
	})
	for want := int32(1); want < 5; want++ {
		for range 3 { // the row is a copy again
			m.Renew()
			if got := count(); got != want {
				t.Errorf("%d tweets are counted, want %d", got, want)
			}
		}
		if _, err := n.tweets.Post(ctx, author, "another"); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != want+1 {
			t.Errorf("after the write %d tweets are counted, want %d", got, want+1)
		}
	}
}

// A write that finds everything done already also begins a new moment: the writer before it may have died before it invalidated copies.
func TestAWriteThatFindsItDoneBeginsANewMoment(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	n, users := r.nodes(t, true)[0], r.authors(t, 2)
	e := follows.Edge{FollowerID: users[0], FolloweeID: users[1]}
	ctx, m := moment.With(t.Context())
	testtime.Until(t, "a copy", func() bool {
		q := n.store.Follows.Ask([]follows.Edge{e})
		n.store.Answer(ctx, q.Request())
		return q.Request().Copied
	})
	m.Renew()
	follows := func() bool {
		t.Helper()
		all, err := n.store.Follows.Load(ctx, []follows.Edge{e})
		if err != nil {
			t.Fatal(err)
		}
		return all[e].Active
	}
	if follows() {
		t.Fatal("it begins with a follow")
	}
	r.log.SetInvalidator(silent{}) // this writer dies
	if err := r.Follows.Follow(ctx, e.FollowerID, e.FolloweeID); err != nil {
		t.Fatal(err)
	}
	if err := n.follows.Follow(ctx, e.FollowerID, e.FolloweeID); err != nil {
		t.Fatal(err)
	}
	if !follows() {
		t.Error("what the write found is not shown after it")
	}
}
