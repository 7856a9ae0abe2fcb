package live

import (
	"context"
	"sync"

	"roost/events"
	"roost/internal/lifecycle"
)

// replyBuffer is the most replies that wait for a slow subscriber.
const replyBuffer = 256

// ReplySubscription receives the replies to one tweet, in the order of the log. Only Close may be called from several goroutines.
type ReplySubscription struct {
	// From is the position at which the subscription begins: it gets the replies behind this position.
	From  events.Position
	hub   *Hub
	tweet int64
	mu    sync.Mutex
	queue []int64
	// lost means that replies were left out since the last Take, and lostUpTo is a position behind them.
	lost     bool
	lostUpTo events.Position
	some     lifecycle.Wake
	wake     func() // of Ready; nil unless somebody waits so
}

// SubscribeReplies subscribes to the replies to a tweet from now on.
func (h *Hub) SubscribeReplies(tweetID int64) *ReplySubscription {
	s := &ReplySubscription{hub: h, tweet: tweetID, some: lifecycle.NewWake()}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.From = h.Position()
	add(h.replies, tweetID, s)
	return s
}

// Replies are replies that have arrived. If Lost is set, there are none, and those up to UpTo must be read from the log: the subscriber
// was too slow, or the hub has skipped a part of the log.
type Replies struct {
	IDs  []int64
	Lost bool
	UpTo events.Position
}

// Next waits for replies and returns all that have arrived. The only error is the context's.
func (s *ReplySubscription) Next(ctx context.Context) (Replies, error) {
	for {
		if got, ok := s.take(); ok {
			return got, nil
		}
		select {
		case <-s.some:
		case <-ctx.Done():
			return Replies{}, ctx.Err()
		}
	}
}

func (s *ReplySubscription) take() (got Replies, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got = Replies{IDs: s.queue, Lost: s.lost, UpTo: s.lostUpTo}
	s.queue, s.lost = nil, false
	return got, got.Lost || len(got.IDs) > 0
}

// Ready reports whether Next would return at once. If not, wake is called once, when that changes. It is called with locks of the hub
// held, so it must not block or use the hub. A nil wake is not called.
func (s *ReplySubscription) Ready(wake func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost || len(s.queue) > 0 {
		return true
	}
	s.wake = wake
	return false
}

// Close ends the subscription.
func (s *ReplySubscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	remove(s.hub.replies, s.tweet, s)
}

// push adds a reply; 0 means that replies up to the position are left out.
func (s *ReplySubscription) push(at events.Position, replyID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case replyID != 0 && !s.lost && len(s.queue) < replyBuffer:
		s.queue = append(s.queue, replyID)
	default:
		s.queue, s.lost, s.lostUpTo = nil, true, at
	}
	s.some.Signal()
	if wake := s.wake; wake != nil {
		s.wake = nil
		wake()
	}
}

// pushReply pushes a reply to the subscribers of its parent.
func (h *Hub) pushReply(at events.Position, e events.Event) {
	added, ok := e.(events.ReplyAdded)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.replies[added.TweetID] {
		s.push(at, added.ReplyID)
	}
}

// loseReplies makes all subscribers of replies read the log up to a position.
func (h *Hub) loseReplies(at events.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.replies {
		for s := range subs {
			s.push(at, 0)
		}
	}
}
