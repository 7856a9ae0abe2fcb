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
	h := start(t, func(_ context.Context, of timelines.Ends, viewers []int64) ([]int64, error) {
		return slices.DeleteFunc(slices.Clone(viewers), func(v int64) bool {
			return !of.In(func(user int64) bool { return inHome(v, user) })
		}), nil
	})
	// What brings tweets to the viewer: tweet 20 one retweet, tweet 21 two, tweet 22 none.
	brought := map[int64]timelines.Brought{20: {SortKey: 50, UserID: friend}, 21: {SortKey: 50, UserID: viewer, Others: true}}
	h.Brought = func(_ context.Context, tweet int64, viewers []int64) (map[int64]timelines.Brought, error) {
		out := map[int64]timelines.Brought{}
		if b, ok := brought[tweet]; ok && slices.Contains(viewers, viewer) {
			out[viewer] = b
		}
		return out, nil
	}
	of := Contents{
		Authors: func(context.Context) ([]int64, error) { return []int64{friend, viewer}, nil },
		Brought: func(_ context.Context, _, tweets []int64) (map[int64]timelines.Brought, error) {
			out := map[int64]timelines.Brought{}
			for _, t := range tweets {
				if b, ok := brought[t]; ok {
					out[t] = b
				}
			}
			return out, nil
		},
	}
	sub := h.SubscribeHome(viewer)
	defer sub.Close()
	all := map[string]events.Event{}
	for _, tweet := range []int64{20, 21, 22} {
		all[fmt.Sprintf("deletion of %d", tweet)] = events.TweetDeleted{TweetID: tweet, AuthorID: stranger}
		for _, user := range []int64{viewer, friend, stranger} {
			for _, author := range []int64{friend, stranger} {
				for _, key := range []int64{40, 50, 60} {
					name := fmt.Sprintf("of %d, a tweet of %d, by %d at %d", tweet, author, user, key)
					all["retweet "+name] = events.TweetRetweeted{TweetID: tweet, AuthorID: author, UserID: user, SortKey: key}
					all["undo "+name] = events.RetweetUndone{TweetID: tweet, AuthorID: author, UserID: user, SortKey: key}
				}
			}
		}
	}
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
		caughtUp, err := changesFor(t.Context(), viewer, of, []events.Entry{in})
		if err != nil || !slices.Equal(pushed, caughtUp) {
			t.Errorf("%s is pushed as %+v, and caught up on as %+v, %v", name, pushed, caughtUp, err)
		}
		sent += len(pushed)
	}
	// Posted and deleted by viewer and friend, both kinds of follows by the viewer, and an import under three names. Deletions of the
	// two tweets that were brought. Retweets of the stranger's tweets by viewer and friend, at 50: one or two changes. Undos by the
	// same: of a tweet that is still brought, at 40 and at 50 two changes; of one that is not, always one.
	if want := 9 + 2 + 2*(1+2) + 2*(2*(2+2)+3); sent != want {
		t.Errorf("%d changes were sent, want %d", sent, want)
	}
}

// A reset replaces the changes before it, and an event that cannot be read is one.
func TestCatchUpEndsWithWhatFollowsAReset(t *testing.T) {
	t.Parallel()
	broken := events.Entry{Seq: 2, Type: events.TweetPosted{}.Type(), Version: 1, Aggregate: 7, Payload: "{"}
	of := Contents{Authors: func(context.Context) ([]int64, error) { return []int64{1}, nil }}
	got, err := changesFor(t.Context(), 1, of, []events.Entry{
		entry(t, 1, events.TweetPosted{TweetID: 10, AuthorID: 1}), broken, entry(t, 3, events.TweetPosted{TweetID: 11, AuthorID: 1}),
		entry(t, 4, events.UserFollowed{FollowerID: 5, FolloweeID: 1}),
	})
	want := []Change{{At: 2, Reset: Rebuilt}, {At: 3, TweetID: 11, AuthorID: 1}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the changes are %+v, %v, want %+v", got, err, want)
	}
}
