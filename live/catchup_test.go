package live

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"roost/domain/timelines"
	"roost/events"
)

// What a subscriber is sent as it happens, and what one that comes later catches up on, is the same for every event type.
func TestPushAndCatchUpAgree(t *testing.T) {
	t.Parallel()
	const viewer, friend, stranger = 1, 2, 3
	inHome := func(v, author int64) bool {
		return timelines.NewRelation(v, author, v == viewer && author == friend).InHome()
	}
	h := start(t, func(_ context.Context, author int64, viewers []int64) ([]int64, error) {
		return slices.DeleteFunc(slices.Clone(viewers), func(v int64) bool { return !inHome(v, author) }), nil
	})
	sub := h.SubscribeHome(viewer)
	defer sub.Close()
	all := map[string]events.Event{}
	for _, user := range []int64{viewer, friend, stranger} {
		for _, e := range []events.Event{
			events.TweetPosted{TweetID: 10, AuthorID: user}, events.TweetDeleted{TweetID: 10, AuthorID: user},
			events.UserFollowed{FollowerID: user, FolloweeID: 9}, events.UserUnfollowed{FollowerID: user, FolloweeID: 9},
			events.ReactionSet{TweetID: 10, UserID: user}, events.ProfileUpdated{UserID: user}, events.RowsImported{},
		} {
			all[fmt.Sprintf("%s of %d", e.Type(), user)] = e
		}
	}
	sent := 0
	for name, e := range all {
		in := entry(t, int64(h.Position())+1, e)
		h.Carry(t.Context(), []events.Entry{in})
		sub.mu.Lock()
		pushed := sub.queue
		sub.queue = nil
		sub.mu.Unlock()
		caughtUp := changesFor(viewer, []int64{friend, viewer}, []events.Entry{in})
		if !slices.Equal(pushed, caughtUp) {
			t.Errorf("%s is pushed as %+v, and caught up on as %+v", name, pushed, caughtUp)
		}
		sent += len(pushed)
	}
	// Posted and deleted by viewer and friend, both kinds of follows by the viewer, and an import under three names.
	if sent != 9 {
		t.Errorf("%d changes were sent, want 9", sent)
	}
}

// A reset replaces the changes before it, and an event that cannot be read is one.
func TestCatchUpEndsWithWhatFollowsAReset(t *testing.T) {
	t.Parallel()
	broken := events.Entry{Seq: 2, Type: events.TweetPosted{}.Type(), Version: 1, Aggregate: 7, Payload: "{"}
	got := changesFor(1, []int64{1}, []events.Entry{
		entry(t, 1, events.TweetPosted{TweetID: 10, AuthorID: 1}), broken, entry(t, 3, events.TweetPosted{TweetID: 11, AuthorID: 1}),
		entry(t, 4, events.UserFollowed{FollowerID: 5, FolloweeID: 1}),
	})
	want := []Change{{At: 2, Reset: Rebuilt}, {At: 3, TweetID: 11, AuthorID: 1}}
	if !slices.Equal(got, want) {
		t.Errorf("the changes are %+v, want %+v", got, want)
	}
}
