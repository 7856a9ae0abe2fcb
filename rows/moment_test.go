package rows

import (
	"testing"

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
