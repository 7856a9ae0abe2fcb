package live

import "sync/atomic"

// Stats are the figures of a hub.
type Stats struct {
	// Home, Counts, Replies and Sessions are the numbers of home subscriptions, reaction subscriptions, subscriptions to replies, and
	// session watches.
	Home, Counts, Replies, Sessions int
	// Queued is how many changes wait in all home subscriptions, Longest how many in the fullest one.
	Queued, Longest int
	// Overflows, Losses and Rebuilds count the resets since the node started: because a subscriber was too slow, because an
	// event could not be delivered, and for other reasons.
	Overflows, Losses, Rebuilds int64
}

// resets counts the resets of timelines.
type resets struct{ overflows, losses, rebuilds atomic.Int64 }

// EventLost counts a reset that a subscriber got because an event could not be delivered.
func (h *Hub) EventLost() { h.resets.losses.Add(1) }

// Stats returns the current figures.
func (h *Hub) Stats() Stats {
	s := Stats{Overflows: h.resets.overflows.Load(), Losses: h.resets.losses.Load(), Rebuilds: h.resets.rebuilds.Load()}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.home {
		for home := range subs {
			waiting := home.waiting()
			s.Home++
			s.Queued += waiting
			s.Longest = max(s.Longest, waiting)
		}
	}
	for tweet, subs := range h.counts {
		for c := range subs {
			if c.tweets[0] == tweet { // it is there once for each of its tweets
				s.Counts++
			}
		}
	}
	for _, subs := range h.replies {
		s.Replies += len(subs)
	}
	for _, watches := range h.sessions {
		s.Sessions += len(watches)
	}
	return s
}

func (s *HomeSubscription) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}
