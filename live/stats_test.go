package live

import (
	"testing"

	"roost/events"
)

func TestStats(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	if got := h.Stats(); got != (Stats{}) {
		t.Errorf("nobody is there: %+v", got)
	}
	quick, slow := h.SubscribeHome(1), h.SubscribeHome(2)
	counts := h.SubscribeReactions([]int64{7, 8, 9})
	session := h.WatchSession(5)
	carry := carrier(t, h)
	for i := range int64(homeBuffer) {
		carry(events.TweetPosted{TweetID: i, AuthorID: 3})
		if _, err := quick.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := h.Stats(), (Stats{Home: 2, Counts: 1, Sessions: 1, Queued: homeBuffer, Longest: homeBuffer}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	carry(events.TweetPosted{TweetID: homeBuffer, AuthorID: 3})
	h.SkipTo(homeBuffer + 10)
	if got, want := h.Stats(), (Stats{Home: 2, Counts: 1, Sessions: 1, Queued: 2, Longest: 1, Overflows: 1, Rebuilds: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	quick.Close()
	slow.Close()
	counts.Close()
	session.Close()
	if got, want := h.Stats(), (Stats{Overflows: 1, Rebuilds: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
