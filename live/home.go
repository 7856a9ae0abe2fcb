package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"roost/domain/timelines"
	"roost/events"
	"roost/internal/lifecycle"
)

// Change is a change of one home timeline. If Reset is set the timeline must be read again: events were skipped, or too many
// entries changed.
type Change struct {
	// At is the position behind the event. A reset has the position behind the last event that it covers.
	At                events.Position
	TweetID, AuthorID int64
	Deleted           bool
	Reset             Reset
	// Prepared is what Hub.Prepare has returned for the change; nil if there is nothing, and for a subscriber that is far behind.
	Prepared any
}

// Prepare reads what the subscriptions of several viewers need to send a new entry, once for all of them. It is called before
// the change is pushed to the viewers, whose home timelines contained the author's tweets at some moment after began. Nobody may
// change what it returns; nil leaves the reading to each subscription.
type Prepare func(ctx context.Context, c Change, viewers []int64, began time.Time) any

// Reset is the reason why a timeline must be read again, as the API names it.
type Reset string

// The reasons. NoReset marks an ordinary change.
const (
	NoReset Reset = ""
	TooSlow Reset = "CLIENT_TOO_SLOW"
	Rebuilt Reset = "TIMELINE_REBUILT"
	Expired Reset = "CURSOR_EXPIRED"
)

// homeBuffer is the most changes that wait for a slow subscriber, and maxPrepared how many of them keep what was prepared for
// them: a subscriber that is further behind takes its changes too late to use it.
const (
	homeBuffer  = 256
	maxPrepared = 8
)

// HomeSubscription receives the changes of one viewer's home timeline. Only Close may be called from several goroutines.
type HomeSubscription struct {
	// From is the position at which the subscription begins: it gets the changes behind this position.
	From   events.Position
	hub    *Hub
	viewer int64
	mu     sync.Mutex
	queue  []Change
	some   lifecycle.Wake
	wake   func() // of Ready; nil unless somebody waits so
}

// SubscribeHome subscribes to the changes of a viewer's home timeline from now on.
func (h *Hub) SubscribeHome(viewerID int64) *HomeSubscription {
	s := &HomeSubscription{hub: h, viewer: viewerID, some: lifecycle.NewWake()}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.From = h.Position()
	add(h.home, viewerID, s)
	return s
}

// Next waits for changes and returns all that have arrived, oldest first. The only error is the context's.
func (s *HomeSubscription) Next(ctx context.Context) ([]Change, error) {
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

// Ready reports whether changes have arrived. If none have, wake is called once, when the next one arrives. It is called with locks
// of the hub held, so it must not block or use the hub. A nil wake is not called.
func (s *HomeSubscription) Ready(wake func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		return true
	}
	s.wake = wake
	return false
}

// Close ends the subscription.
func (s *HomeSubscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	remove(s.hub.home, s.viewer, s)
}

func (s *HomeSubscription) push(c Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.Reset != NoReset:
		// The changes that wait are part of what will be read again.
		s.queue = append(s.queue[:0], c)
		s.hub.resets.rebuilds.Add(1)
	case len(s.queue) >= homeBuffer:
		s.queue = append(s.queue[:0], Change{At: c.At, Reset: TooSlow})
		s.hub.resets.overflows.Add(1)
	case len(s.queue) == 1 && s.queue[0].Reset == TooSlow:
		// The subscriber has not taken the reset yet, which now covers this change, too.
		s.queue[0].At = c.At
	default:
		if len(s.queue) >= maxPrepared {
			c.Prepared = nil
		}
		s.queue = append(s.queue, c)
	}
	s.some.Signal()
	if wake := s.wake; wake != nil {
		s.wake = nil
		wake()
	}
}

// pushHome pushes the change that an event makes to home timelines. It goes to those of the viewers whom it concerns.
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

// audienceTimeout is how long the look-up of a tweet's audience may take. After that the timelines of all candidates are reset.
// What Prepare reads has the rest of this time.
const audienceTimeout = 5 * time.Second

// pushToAudience pushes the change of one entry to those of the viewers whose home timelines contain the author's tweets.
func (h *Hub) pushToAudience(ctx context.Context, c Change, viewers []int64) {
	if len(viewers) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, audienceTimeout)
	defer cancel()
	began := time.Now()
	concerned, err := h.audience(bounded, c.AuthorID, viewers)
	if err != nil {
		if ctx.Err() == nil && h.warnings.Allow() {
			slog.WarnContext(ctx, "home timelines are reset: the audience of a tweet could not be read", "error", err)
		}
		concerned, c = viewers, Change{At: c.At, Reset: Rebuilt}
	} else if h.Prepare != nil && !c.Deleted && len(concerned) > 0 {
		c.Prepared = h.Prepare(bounded, c, concerned, began)
	}
	h.pushTo(concerned, c)
}

// pushTo pushes a change to the subscriptions of the viewers that began before it.
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

// resetAll resets every home subscription that began before a position.
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
