package live

import (
	"context"
	"testing"

	"roost/events"
)

// In another epoch of the log every home timeline is reset once, wherever the position was, and goes on from there; counts are
// read again, whatever revision they had.
func TestAnotherEpochOfTheLog(t *testing.T) {
	t.Parallel()
	h, l := tail(t)
	before := posted(t, 0, 11, 12, 13)
	before.Epoch = 5
	for i := range before.Entries {
		before.Entries[i].Epoch = 5
	}
	s, c := h.SubscribeHome(5), h.SubscribeReactions([]int64{11})
	defer s.Close()
	defer c.Close()
	l.Take(before)
	l.carry(t.Context())
	late := h.SubscribeHome(6) // at the end of the log, beyond where the new epoch begins
	defer late.Close()
	l.Take(events.Batch{Epoch: 4, From: 1, To: 1, Restart: true})
	after := posted(t, 1, 21)
	after.Epoch, after.Entries[0].Epoch = 4, 4
	l.Take(after)
	l.carry(t.Context())
	for name, x := range map[string]*HomeSubscription{"from before": s, "at the end": late} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var got []Change
		for len(got) < 2 {
			more, err := x.Next(ctx)
			if err != nil {
				t.Fatalf("%s: %v came: %v", name, got, err)
			}
			got = append(got, more...)
		}
		want := []Change{{At: events.At(4, 1), Reset: Expired}, {At: events.At(4, 2), TweetID: 21, AuthorID: 1}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: %+v came, want %+v", name, got, want)
		}
	}
	if at := h.Position(); at != events.At(4, 2) {
		t.Errorf("the hub is at %d of epoch %d", at.Seq(), at.Epoch())
	}
	states, err := c.Next(t.Context())
	if err != nil || len(states) != 1 || !states[0].Unknown || !states[0].Anew {
		t.Errorf("counts: %+v, %v", states, err)
	}
}

// A tail that skips what is too much keeps to the epoch, and a change of the epoch among what it skips is not lost.
func TestSkippingKeepsTheEpoch(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"within an epoch": false, "over its beginning": true} {
		h, l := tail(t)
		s, c := h.SubscribeHome(5), h.SubscribeReactions([]int64{11})
		defer s.Close()
		defer c.Close()
		if restart {
			l.Take(events.Batch{Epoch: 4, Restart: true})
		}
		for at := int64(0); at <= maxTailEvents; at += 10_000 {
			l.Take(events.Batch{Epoch: 4, From: at, To: at + 10_000, Entries: make([]events.Entry, 10_000)})
		}
		l.carry(t.Context())
		want := Change{At: events.At(4, 60_000), Reset: Rebuilt}
		if restart {
			want.Reset = Expired
		}
		if got, err := s.Next(t.Context()); err != nil || len(got) != 1 || got[0] != want || h.Position() != want.At {
			t.Errorf("%s: %+v came, want %+v; the hub is at %d of epoch %d", name, got, want, h.Position().Seq(), h.Position().Epoch())
		}
		states, err := c.Next(t.Context())
		if err != nil || len(states) != 1 || !states[0].Unknown || states[0].Anew != restart {
			t.Errorf("%s: counts: %+v, %v", name, states, err)
		}
	}
}
