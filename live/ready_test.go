package live

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"roost/domain/timelines"
	"roost/events"
)

// wakes counts the calls of a wake function.
type wakes struct{ n int }

func (w *wakes) wake() { w.n++ }

// A subscriber that waits without a goroutine is woken once, by the first change that it can take.
func TestHomeSubscriptionsWakeOnce(t *testing.T) {
	t.Parallel()
	h := New(everybody)
	carry := carrier(t, h)
	s := h.SubscribeHome(5)
	defer s.Close()
	w := &wakes{}
	if s.Ready(w.wake) {
		t.Error("ready before anything has happened")
	}
	carry(events.TweetPosted{TweetID: 1, AuthorID: 2}, events.TweetPosted{TweetID: 2, AuthorID: 2})
	if !s.Ready(w.wake) || w.n != 1 {
		t.Errorf("woken %d times", w.n)
	}
	if got, err := s.Next(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	carry(events.TweetPosted{TweetID: 3, AuthorID: 2})
	if !s.Ready(nil) || w.n != 1 {
		t.Errorf("woken %d times although it did not wait", w.n)
	}
}

// States of counts wake their subscribers when they may be taken, which is not sooner than mergeFor after the last ones. The same
// state wakes nobody again when it comes from the log.
func TestReactionSubscriptionsWakeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, everybody)
		carry := carrier(t, h)
		s := h.SubscribeReactions([]int64{7})
		defer s.Close()
		w := &wakes{}
		expect := func(when string, wakes int, ready bool) {
			t.Helper()
			synctest.Wait()
			if got := s.Ready(nil); got != ready || w.n != wakes {
				t.Errorf("%s: ready %t, woken %d times; want %t, %d", when, got, w.n, ready, wakes)
			}
		}
		take := func(revision int64) {
			t.Helper()
			if got, err := s.Next(t.Context()); err != nil || len(got) != 1 || got[0].Revision != revision {
				t.Errorf("got %+v, %v; want revision %d", got, err, revision)
			}
		}
		change := func(revision int64) events.Event {
			h.Counts = func(context.Context, []int64) (map[int64]events.TweetCounts, error) {
				return map[int64]events.TweetCounts{7: {Revision: revision}}, nil
			}
			return reacted(7, 0, revision)
		}
		s.Ready(w.wake)
		expect("at first", 0, false)
		s.Ready(w.wake)
		h.Observe([]events.Event{change(1)})
		expect("a change", 1, true)
		take(1)
		s.Ready(w.wake)
		carry(change(1))
		synctest.Wait()
		time.Sleep(mergeFor)
		expect("the same change from the log", 1, false)
		s.Ready(w.wake)
		carry(change(2))
		expect("another change, from the log alone", 2, true)
		take(2)
		s.Ready(w.wake)
		h.Observe([]events.Event{change(3)})
		synctest.Wait()
		if w.n != 2 {
			t.Errorf("a change within %s wakes at once", mergeFor)
		}
		h.Observe([]events.Event{change(4)})
		time.Sleep(mergeFor)
		expect("when the time is over", 3, true)
		take(4)
	})
}

// What was pushed of a tweet is forgotten with its last subscriber, and when revisions may have gone back.
func TestPushedStatesAreForgotten(t *testing.T) {
	t.Parallel()
	h := New(everybody)
	a, b := h.SubscribeReactions([]int64{7, 8}), h.SubscribeReactions([]int64{7})
	for _, tweet := range []int64{7, 8, 9} {
		h.pushReactions(tweet, ReactionState{TweetID: tweet, TweetCounts: events.TweetCounts{Revision: 5}})
	}
	if len(h.pushed) != 2 {
		t.Errorf("the states of %d tweets are kept, want 2", len(h.pushed))
	}
	a.Close()
	if _, ok := h.pushed[7]; !ok || len(h.pushed) != 1 {
		t.Errorf("%v is kept while one tweet is watched", h.pushed)
	}
	h.readReactions(true)
	b.take()
	h.pushReactions(7, ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Revision: 3}})
	if got := b.take(); len(got) != 1 || got[0].Revision != 3 {
		t.Errorf("in another epoch %+v comes", got)
	}
	b.Close()
	if len(h.pushed) != 0 {
		t.Errorf("%v is kept for nobody", h.pushed)
	}
}

// New entries are prepared once for all whom they concern. A subscriber that is far behind gets its changes without that.
func TestEntriesArePreparedOnce(t *testing.T) {
	t.Parallel()
	h := New(func(_ context.Context, _ timelines.Ends, viewers []int64) ([]int64, error) { return []int64{5, 6}, nil })
	var prepared []int64
	h.Prepare = func(_ context.Context, c Change, viewers []int64, began time.Time) any {
		if !reflect.DeepEqual(viewers, []int64{5, 6}) || time.Since(began) < 0 {
			t.Errorf("prepared for %v, from %s on", viewers, began)
		}
		prepared = append(prepared, c.TweetID)
		return c.TweetID
	}
	carry := carrier(t, h)
	var subs []*HomeSubscription
	for _, viewer := range []int64{5, 5, 6, 7} {
		s := h.SubscribeHome(viewer)
		defer s.Close()
		subs = append(subs, s)
	}
	const entries = maxPrepared + 2
	for i := range int64(entries) {
		carry(events.TweetPosted{TweetID: i, AuthorID: 2})
	}
	carry(events.TweetDeleted{TweetID: 1, AuthorID: 2})
	if len(prepared) != entries {
		t.Errorf("%v are prepared", prepared)
	}
	for _, s := range subs[:3] {
		for i, c := range collect(t, s, entries+1) {
			if want := i < maxPrepared; (c.Prepared == any(int64(i))) != want {
				t.Errorf("change %d comes with %v", i, c.Prepared)
			}
		}
	}
	if subs[3].Ready(nil) {
		t.Error("somebody gets a change that does not concern them")
	}
}
