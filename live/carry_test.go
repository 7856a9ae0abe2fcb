package live

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"roost/events"
)

// Counts of a change that another node has committed are read once, however many subscribers there are, also those of nodes of the previous
// release. Changes that come while they are read are read afterwards. If they cannot be read, it is tried until they can.
func TestCountsOfOtherNodesAreReadOnce(t *testing.T) {
	t.Parallel()
	h := New(everybody)
	var mu sync.Mutex
	var asked [][]int64
	now, failing := map[int64]events.TweetCounts{7: {Likes: 1, Revision: 5}}, 0
	h.Counts = func(_ context.Context, ids []int64) (map[int64]events.TweetCounts, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, ids)
		if failing > 0 {
			failing--
			return nil, errors.New("no counts")
		}
		return maps.Clone(now), nil
	}
	var subs []*ReactionSubscription
	for range 20 {
		s := h.SubscribeReactions([]int64{7})
		defer s.Close()
		subs = append(subs, s)
	}
	expect := func(e events.Event, want ReactionState, reads int) {
		t.Helper()
		h.Observe([]events.Event{e, events.ReactionsChanged{TweetID: 8}}) // nobody subscribes to 8
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, s := range subs {
			if got, err := s.Next(ctx); err != nil || len(got) != 1 || got[0] != want {
				t.Fatalf("got %+v, %v; want %+v", got, err, want)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(asked) != reads || !slices.Equal(asked[reads-1], []int64{7}) {
			t.Errorf("read %v, want %d times 7", asked, reads)
		}
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Stop(context.WithoutCancel(t.Context())) }()
	expect(events.ReactionsChanged{TweetID: 7}, ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Likes: 1, Revision: 5}}, 1)
	mu.Lock()
	now[7] = events.TweetCounts{Likes: 2, Retweets: 3, Revision: 9}
	mu.Unlock()
	expect(events.ReactionSet{TweetID: 7, LikeCount: 1, Revision: 2},
		ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Likes: 2, Retweets: 3, Revision: 9}}, 2)
	mu.Lock()
	failing, now[7] = 2, events.TweetCounts{Likes: 3, Revision: 10}
	mu.Unlock()
	expect(events.ReactionsChanged{TweetID: 7}, ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Likes: 3, Revision: 10}}, 5)
}

// A change of this node is pushed at its commit, and not read when it comes from the log. Others are.
func TestOwnChangesAreNotReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, everybody)
		carry := carrier(t, h)
		reads := 0
		h.Counts = func(context.Context, []int64) (map[int64]events.TweetCounts, error) {
			reads++
			return nil, nil
		}
		s := h.SubscribeReactions([]int64{7})
		defer s.Close()
		change := func(user, version int64) events.ReactionsChanged {
			return events.ReactionsChanged{TweetID: 7, Changes: []events.ReactionChange{{UserID: user, Version: version}, {UserID: 99, Version: 1}}}
		}
		commit := func(e events.ReactionsChanged) {
			h.Observe([]events.Event{e.WithCounts(&events.TweetCounts{Revision: 1})})
		}
		fromLog := func(e events.ReactionsChanged, want int) {
			t.Helper()
			carry(e)
			synctest.Wait()
			if reads != want {
				t.Errorf("%+v: the counts were read %d times, want %d", e, reads, want)
			}
		}
		commit(change(1, 1))
		commit(change(2, 5))
		fromLog(change(2, 5), 0)
		fromLog(change(1, 1), 0)
		fromLog(change(1, 1), 1)
		fromLog(change(2, 6), 2)
		commit(change(1, 2))
		for i := range int64(maxOwn) {
			commit(change(3, i))
		}
		fromLog(change(1, 2), 3) // forgotten
		fromLog(change(3, maxOwn-1), 3)
		h.readReactions(true)
		fromLog(change(3, maxOwn-2), 4) // of another epoch
	})
}
