package live

import (
	"context"
	"encoding/json"
	"testing"

	"roost/domain/timelines"
	"roost/events"
)

// Whoever watches counts reads them again when the node has skipped events.
func TestSkippingCountsIsTold(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	s := h.SubscribeReactions([]int64{7, 8})
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s.push(ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Revision: 3}}) // not the last one any more
	h.SkipTo(70_000)
	got, err := s.Next(ctx)
	if err != nil || len(got) != 2 || !got[0].Unknown || !got[1].Unknown {
		t.Errorf("got %+v, %v", got, err)
	}
	h.Observe([]events.Event{reacted(8, 1, 1)})
	want := ReactionState{TweetID: 8, TweetCounts: events.TweetCounts{Likes: 1, Revision: 1}}
	if got, err := s.Next(ctx); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("afterwards came %+v, %v", got, err)
	}
}

// entry is an event with a seq of the log.
func entry(t *testing.T, seq int64, e events.Event) events.Entry {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return events.Entry{Seq: seq, Type: e.Type(), Version: e.PayloadVersion(), Aggregate: e.Aggregate(), Payload: string(payload)}
}

// posted is a batch of new tweets, one for each seq.
func posted(t *testing.T, from int64, tweets ...int64) events.Batch {
	t.Helper()
	b := events.Batch{From: from, To: from + int64(len(tweets))}
	for i, id := range tweets {
		b.Entries = append(b.Entries, entry(t, from+int64(i)+1, events.TweetPosted{TweetID: id, AuthorID: 1}))
	}
	return b
}

// tail returns a tail whose batches are carried when the test says so.
func tail(t *testing.T) (*Hub, *Tail) {
	t.Helper()
	h := start(t, everybody)
	return h, NewTail(h, func() events.Position { return 0 })
}

// While nobody waits for anything the position moves all the same; who comes then misses nothing that is still to
// happen, whatever they wait for.
func TestNobodyWatchesTheLog(t *testing.T) {
	t.Parallel()
	h, l := tail(t)
	at := int64(0)
	take := func(tweet int64) {
		t.Helper()
		l.Take(posted(t, at, tweet))
		at++
		if l.carry(t.Context()); h.Position() != events.Position(at) {
			t.Errorf("the hub is at %d, want %d", h.Position(), at)
		}
	}
	for _, watch := range []func() (unwatch func()){
		func() func() { return h.SubscribeHome(5).Close },
		func() func() { return h.SubscribeReactions([]int64{7}).Close },
		func() func() { return h.WatchSession(9).Close },
	} {
		take(11)
		unwatch := watch()
		take(12)
		unwatch()
	}
	take(13)
	s := h.SubscribeHome(5)
	defer s.Close()
	take(14)
	if got := collect(t, s, 1); got[0].TweetID != 14 {
		t.Errorf("who came after tweet 13 is told of %+v", got)
	}
}

// A node that slept for longer than events are kept says that some are missing, and goes on with the rest.
func TestTailBehindRetention(t *testing.T) {
	t.Parallel()
	h, l := tail(t)
	s := h.SubscribeHome(5)
	defer s.Close()
	l.Take(posted(t, 0, 11))
	gap := posted(t, 3, 14, 15)
	gap.From, gap.Gap = 1, true
	l.Take(gap)
	l.carry(t.Context())
	for i, got := range collect(t, s, 3) {
		// The reset replaces what waited before it, too.
		if want := []Change{{Reset: Rebuilt}, {TweetID: 14, AuthorID: 1}, {TweetID: 15, AuthorID: 1}}[i]; got != want {
			t.Errorf("change %d is %+v, want %+v", i, got, want)
		}
	}
	l.Take(events.Batch{From: 5, To: 9, Gap: true})
	l.carry(t.Context())
	if got := collect(t, s, 1)[0]; got.Reset != Rebuilt || h.Position() != 9 {
		t.Errorf("of events that are all gone came %+v, the hub is at %d", got, h.Position())
	}
}

// What waits to be carried is bounded: beyond it all is skipped, the subscribers are reset, and the tail goes on.
func TestTailSkipsWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	h, l := tail(t)
	s := h.SubscribeHome(5)
	defer s.Close()
	tweets := make([]int64, 1000)
	for i := range tweets {
		tweets[i] = int64(i + 1)
	}
	for at := int64(0); at <= maxTailEvents; at += 1000 {
		l.Take(posted(t, at, tweets...))
	}
	l.Take(posted(t, maxTailEvents+1000, 7))
	if l.waiting > maxTailEvents || len(l.queue) != 2 {
		t.Errorf("%d events wait in %d batches", l.waiting, len(l.queue))
	}
	l.carry(t.Context())
	for i, got := range collect(t, s, 2) {
		if want := []Change{{Reset: Rebuilt}, {TweetID: 7, AuthorID: 1}}[i]; got != want {
			t.Errorf("change %d is %+v, want %+v", i, got, want)
		}
	}
	if h.Position() != maxTailEvents+1001 {
		t.Errorf("the hub is at %d", h.Position())
	}
}

// The first batches of a node that starts may hold events from before its start. They change nothing for subscribers, who
// began behind them, and the position does not go back.
func TestTailBeginsWithinABatch(t *testing.T) {
	t.Parallel()
	var h *Hub
	least := events.Position(1 << 62)
	h = start(t, func(_ context.Context, _ timelines.Ends, viewers []int64) ([]int64, error) {
		least = min(least, h.Position())
		return viewers, nil
	})
	l := NewTail(h, func() events.Position { return 12 })
	h.advance(12)
	s := h.SubscribeHome(5)
	defer s.Close()
	l.Take(posted(t, 8, 9, 10, 11, 12, 13, 14))
	l.carry(t.Context())
	for i, got := range collect(t, s, 2) {
		if want := int64(13 + i); got.TweetID != want {
			t.Errorf("change %d is %+v, want tweet %d", i, got, want)
		}
	}
	if least < 12 || h.Position() != 14 {
		t.Errorf("the hub began at 12, and was at %d while events were carried; it ends at %d", least, h.Position())
	}
}

// An event that cannot be read may concern anybody, so all read again. A type that is not known concerns
// nothing that this binary shows.
func TestUnreadableEventsAreToldAsResets(t *testing.T) {
	t.Parallel()
	h, l := tail(t)
	home, counts := h.SubscribeHome(5), h.SubscribeReactions([]int64{7, 8})
	defer home.Close()
	defer counts.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	at := int64(0)
	for name, e := range map[string]events.Entry{
		"damaged": {Type: events.ReactionSet{}.Type(), Version: 1, Aggregate: 7, Payload: "{"},
		"newer":   {Type: events.TweetPosted{}.Type(), Version: 99, Aggregate: 7, Payload: "{}"},
	} {
		at++
		e.Seq = at
		l.Take(events.Batch{From: at - 1, To: at, Entries: []events.Entry{e}})
		l.carry(t.Context())
		if got := collect(t, home, 1)[0]; got.Reset != Rebuilt || h.Position() != events.Position(at) {
			t.Errorf("%s: home timelines are told of %+v, the hub is at %d", name, got, h.Position())
		}
		if got, err := counts.Next(ctx); err != nil || !got[0].Unknown {
			t.Errorf("%s: of counts comes %+v, %v", name, got, err)
		}
	}
	unknown := events.Entry{Seq: at + 1, Type: "MoonRisen", Version: 1, Aggregate: 7, Payload: "{}"}
	l.Take(events.Batch{From: at, To: at + 1, Entries: []events.Entry{unknown}})
	l.Take(posted(t, at+1, 11))
	l.carry(t.Context())
	if got := collect(t, home, 1)[0]; got.TweetID != 11 || got.Reset != NoReset {
		t.Errorf("after an unknown type comes %+v", got)
	}
}
