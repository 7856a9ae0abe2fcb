package live

import (
	"context"
	"log/slog"
	"sync"

	"roost/events"
)

// Change is something that happened to a home timeline. If Reset is set, events were skipped or too
// much changed, and the timeline must be read again.
type Change struct {
	TweetID, AuthorID int64
	Deleted           bool
	Reset             Reset
}

// Reset says why a timeline must be read again.
type Reset string

// The reasons; NoReset is an ordinary change.
const (
	NoReset Reset = ""
	TooSlow Reset = "CLIENT_TOO_SLOW"
	Rebuilt Reset = "TIMELINE_REBUILT"
)

// homeBuffer is how many changes wait for a slow subscriber.
const homeBuffer = 256

// Home is a subscription to a viewer's home timeline.
type Home struct {
	hub    *Hub
	viewer int64
	mu     sync.Mutex
	queue  []Change
	some   chan struct{}
}

// SubscribeHome subscribes to what happens to a viewer's home timeline from now on.
func (h *Hub) SubscribeHome(viewerID int64) *Home {
	s := &Home{hub: h, viewer: viewerID, some: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	add(h.home, viewerID, s)
	return s
}

// Next waits for changes and gives all that have come, oldest first.
func (s *Home) Next(ctx context.Context) ([]Change, error) {
	for {
		s.mu.Lock()
		got := s.queue
		s.queue = nil
		s.mu.Unlock()
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-s.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the subscription.
func (s *Home) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	remove(s.hub.home, s.viewer, s)
}

func (s *Home) push(c Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.Reset != NoReset:
		// What waits is part of what will be read again.
		s.queue = append(s.queue[:0], c)
	case len(s.queue) >= homeBuffer:
		s.queue = append(s.queue[:0], Change{Reset: TooSlow})
	case len(s.queue) == 1 && s.queue[0].Reset == TooSlow:
		// It has not even taken the reset yet.
	default:
		s.queue = append(s.queue, c)
	}
	signal(s.some)
}

func (h *Hub) carryHome(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.homeLost:
			h.drainHomeQueue()
			h.resetAll(TooSlow)
		case e := <-h.homeQueue:
			if !guard(ctx, "home timelines", func() { h.tellHome(ctx, e) }) {
				h.resetAll(Rebuilt) // nobody knows whom the event concerned
			}
		}
	}
}

// drainHomeQueue drops what waits: a reset tells of it.
func (h *Hub) drainHomeQueue() {
	for {
		select {
		case <-h.homeQueue:
		default:
			return
		}
	}
}

func (h *Hub) tellHome(ctx context.Context, e events.Event) {
	switch e := e.(type) {
	case events.TweetPosted:
		h.tellAudience(ctx, Change{TweetID: e.TweetID, AuthorID: e.AuthorID})
	case events.TweetDeleted:
		h.tellAudience(ctx, Change{TweetID: e.TweetID, AuthorID: e.AuthorID, Deleted: true})
	case events.UserFollowed:
		h.pushTo([]int64{e.FollowerID}, Change{Reset: Rebuilt})
	case events.UserUnfollowed:
		h.pushTo([]int64{e.FollowerID}, Change{Reset: Rebuilt})
	case events.RowsImported:
		h.resetAll(Rebuilt)
	}
}

func (h *Hub) tellAudience(ctx context.Context, c Change) {
	h.mu.Lock()
	viewers := make([]int64, 0, len(h.home))
	for v := range h.home {
		viewers = append(viewers, v)
	}
	h.mu.Unlock()
	if len(viewers) == 0 {
		return
	}
	concerned, err := h.audience(ctx, c.AuthorID, viewers)
	if err != nil {
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "home timelines are reset: the audience of a tweet is unknown", "error", err)
		}
		concerned, c = viewers, Change{Reset: Rebuilt}
	}
	h.pushTo(concerned, c)
}

func (h *Hub) pushTo(viewers []int64, c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range viewers {
		for s := range h.home[v] {
			s.push(c)
		}
	}
}

func (h *Hub) resetAll(why Reset) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.home {
		for s := range subs {
			s.push(Change{Reset: why})
		}
	}
}
