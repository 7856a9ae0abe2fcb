package live

import (
	"testing"
	"testing/synctest"
	"time"

	"roost/events"
)

// Calls are never early, at most pacedWithin late, and those of one moment share a timer.
func TestPacedCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPacedCalls()
		began := time.Now()
		time.Sleep(3 * time.Millisecond)
		called := make(chan time.Duration, 100)
		for i := range 50 {
			for range 2 {
				wait := time.Duration(i) * time.Millisecond
				due := time.Since(began) + wait
				p.after(wait, func() { called <- time.Since(began) - due })
			}
		}
		if len(p.due) != 6 { // from 3 to 52 ms
			t.Errorf("%d timers for 100 calls", len(p.due))
		}
		time.Sleep(time.Second)
		if len(called) != 100 || len(p.due) != 0 {
			t.Errorf("%d of 100 calls came, %d timers are left", len(called), len(p.due))
		}
		for range len(called) {
			if late := <-called; late < 0 || late >= pacedWithin {
				t.Errorf("a call comes %s late", late)
			}
		}
	})
}

// Subscribers of a tweet that changes too fast wait for one timer, not for one each.
func TestSubscribersShareATimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, everybody)
		w := &wakes{}
		var subs []*ReactionSubscription
		for range 100 {
			s := h.SubscribeReactions([]int64{7})
			defer s.Close()
			subs = append(subs, s)
		}
		change := func(revision int64) {
			h.pushReactions(7, ReactionState{TweetID: 7, TweetCounts: events.TweetCounts{Revision: revision}})
		}
		change(1)
		for _, s := range subs {
			if got := s.Take(); len(got) != 1 {
				t.Fatalf("got %v", got)
			}
			s.Ready(w.wake)
		}
		change(2)
		if timers := len(h.paced.due); timers != 1 || w.n != 0 {
			t.Errorf("%d timers for 100 subscribers; %d were woken at once", timers, w.n)
		}
		time.Sleep(mergeFor)
		synctest.Wait()
		if w.n != 100 {
			t.Errorf("%d of 100 subscribers were woken", w.n)
		}
		for _, s := range subs {
			if got := s.Take(); len(got) != 1 || got[0].Revision != 2 {
				t.Errorf("got %v", got)
			}
		}
	})
}
