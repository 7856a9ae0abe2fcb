package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"roost/domain/timelines"
	"roost/events"
)

// Change is something that happened to a home timeline. If Reset is set, events were skipped or too
// much changed, and the timeline must be read again.
type Change struct {
	// At is the position behind the event; of a reset, that behind the last event that it stands for.
	At                events.Position
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
	Expired Reset = "CURSOR_EXPIRED"
)

// homeBuffer is how many changes wait for a slow subscriber.
const homeBuffer = 256

// Home is a subscription to a viewer's home timeline.
type Home struct {
	// From is the position behind which changes are told.
	From   events.Position
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
	s.From = h.Position()
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
		s.hub.resets.rebuilds.Add(1)
	case len(s.queue) >= homeBuffer:
		s.queue = append(s.queue[:0], Change{At: c.At, Reset: TooSlow})
		s.hub.resets.overflows.Add(1)
	case len(s.queue) == 1 && s.queue[0].Reset == TooSlow:
		// It has not even taken the reset yet, which now stands for this one, too.
		s.queue[0].At = c.At
	default:
		s.queue = append(s.queue, c)
	}
	signal(s.some)
}

func (h *Hub) pushHome(ctx context.Context, at events.Position, e events.Event, viewers []int64) {
	home, ok := timelines.HomeChangeOf(e)
	switch c := changeOf(at, home); {
	case !ok:
	case home.Kind != timelines.Rebuilt:
		h.pushToAudience(ctx, c, viewers)
	case home.ViewerID != 0:
		h.pushTo([]int64{home.ViewerID}, c)
	default:
		h.resetAll(at, Rebuilt)
	}
}

// audienceWithin bounds the wait for a database that is busy or does not answer; timelines are reset then.
const audienceWithin = 5 * time.Second

func (h *Hub) pushToAudience(ctx context.Context, c Change, viewers []int64) {
	if len(viewers) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, audienceWithin)
	defer cancel()
	concerned, err := h.audience(bounded, c.AuthorID, viewers)
	if err != nil {
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "home timelines are reset: the audience of a tweet is unknown", "error", err)
		}
		concerned, c = viewers, Change{At: c.At, Reset: Rebuilt}
	}
	h.pushTo(concerned, c)
}

// pushTo tells the viewers' subscriptions that began before the change.
func (h *Hub) pushTo(viewers []int64, c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range viewers {
		for s := range h.home[v] {
			if !s.From.Covers(c.At) {
				s.push(c)
			}
		}
	}
}

func (h *Hub) resetAll(at events.Position, why Reset) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.home {
		for s := range subs {
			if !s.From.Covers(at) {
				s.push(Change{At: at, Reset: why})
			}
		}
	}
}
