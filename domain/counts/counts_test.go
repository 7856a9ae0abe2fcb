package counts_test

import (
	"context"
	"testing"

	"roost/domain/counts"
	"roost/events"
	"roost/testkit/domaintest"
)

// Counts are sums of their changes. Each change raises the version of the row, a change of the followed that of the list.
func TestAdd(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	add := func(deltas ...counts.Delta) (versions map[int64]counts.Versions) {
		t.Helper()
		err := d.Log.Write(t.Context(), func(ctx context.Context, tx *events.Tx) (err error) {
			versions, err = counts.Add(ctx, tx, deltas...)
			tx.Emit(events.ProfileUpdated{UserID: 1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return versions
	}
	first := counts.Versions{Version: 1, Following: 1}
	if got := add(counts.Delta{UserID: 9, Followers: 1}, counts.Delta{UserID: 7, Following: 1}); got[7] != first || got[9] != first {
		t.Errorf("the first versions are %+v", got)
	}
	if got := add(counts.Delta{UserID: 7, Tweets: 1}); got[7] != (counts.Versions{Version: 2, Following: 1}) {
		t.Errorf("after a tweet the versions are %+v", got)
	}
	if got := add(counts.Delta{UserID: 7, Following: -1}); got[7] != (counts.Versions{Version: 3, Following: 2}) {
		t.Errorf("after an unfollow the versions are %+v", got)
	}
	got, err := d.Counts.ByUser(t.Context(), []int64{7, 8, 9})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]counts.UserCounts{7: {Tweets: 1, Version: 3}, 9: {Followers: 1, Version: 1}}
	if len(got) != len(want) || got[7] != want[7] || got[9] != want[9] {
		t.Errorf("the counts are %+v, want %+v", got, want)
	}
}
