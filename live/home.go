package live

import (
	"context"
	"log/slog"
	"maps"
	"slices"
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
	At events.Position
	// An event may be two changes of a timeline, a removal and then an addition. Part is 0 for the one and 1 for the other, and More
	// means that the other follows. Parts have numbers of their own because an event may have different parts when it is caught up on.
	Part              int
	More              bool
	TweetID, AuthorID int64
	// RetweeterID is the user whose retweet has added the entry, and SortKey the place of the retweet; 0 for an entry at the tweet's
	// own place.
	RetweeterID, SortKey int64
	Deleted              bool // the entry was removed
	Reset                Reset
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

// pushHome pushes the changes that an event makes to home timelines. They go to those of the viewers whom they concern.
func (h *Hub) pushHome(ctx context.Context, at events.Position, e events.Event, viewers []int64) {
	home, ok := timelines.HomeChangeOf(e)
	switch {
	case !ok:
	case home.Kind != timelines.Rebuilt:
		h.pushToAudience(ctx, at, home, viewers)
	case home.ViewerID != 0:
		h.pushTo([]int64{home.ViewerID}, changeOf(at, home))
	default:
		h.resetAll(at, Rebuilt)
	}
}

// audienceTimeout is how long the look-up of an event's audience may take. After that the timelines of all candidates are reset.
// What Prepare reads has the rest of this time.
const audienceTimeout = 5 * time.Second

// pushToAudience pushes what an event does to the home timelines of those of the viewers whom it concerns.
func (h *Hub) pushToAudience(ctx context.Context, at events.Position, home timelines.HomeChange, viewers []int64) {
	if len(viewers) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, audienceTimeout)
	defer cancel()
	began := time.Now()
	groups, err := h.groups(bounded, at, home, viewers)
	if err != nil {
		if ctx.Err() == nil && h.warnings.Allow() {
			slog.WarnContext(ctx, "home timelines are reset: the audience of a tweet could not be read", "error", err)
		}
		h.pushTo(viewers, Change{At: at, Reset: Rebuilt})
		return
	}
	prepared := 0
	for _, g := range groups {
		for _, c := range g.changes {
			if h.Prepare != nil && !c.Deleted && len(g.viewers) > 0 && prepared < maxPreparedGroups {
				c.Prepared = h.Prepare(bounded, c, g.viewers, began)
				prepared++
			}
			h.pushTo(g.viewers, c)
		}
	}
}

// maxPreparedGroups is the most groups of viewers for whom one event is prepared. The end of a retweet has a group for each next retweet.
const maxPreparedGroups = 4

// group is viewers for whom an event makes the same changes.
type group struct {
	viewers []int64
	changes []Change
}

// groups returns whom an event concerns, and what it does to their home timelines.
func (h *Hub) groups(ctx context.Context, at events.Position, home timelines.HomeChange, viewers []int64) ([]group, error) {
	switch home.Kind {
	case timelines.Retweeted, timelines.RetweetEnded:
		return h.retweetGroups(ctx, at, home, viewers)
	}
	concerned, err := h.audience(ctx, home.Ends(), viewers)
	if others := without(viewers, concerned); err == nil && home.Kind == timelines.EntryRemoved && h.Brought != nil && len(others) > 0 {
		var brought map[int64]timelines.Brought
		brought, err = h.Brought(ctx, home.TweetID, others)
		concerned = append(concerned, slices.Collect(maps.Keys(brought))...)
	}
	return []group{{concerned, []Change{changeOf(at, home)}}}, err
}

// without returns those of the viewers who are not among some, which is in ascending order.
func without(viewers, some []int64) (rest []int64) {
	for _, v := range viewers {
		if _, has := slices.BinarySearch(some, v); !has {
			rest = append(rest, v)
		}
	}
	return rest
}

// retweetGroups is groups for a change of a tweet's retweets.
func (h *Hub) retweetGroups(ctx context.Context, at events.Position, home timelines.HomeChange, viewers []int64) ([]group, error) {
	if h.Brought == nil {
		return nil, nil
	}
	concerned, err := h.audience(ctx, timelines.Ends{AuthorID: home.UserID}, viewers)
	if err != nil || len(concerned) == 0 {
		return nil, err
	}
	own, err := h.audience(ctx, home.Ends(), concerned) // who have the tweet at its own place
	if err != nil {
		return nil, err
	}
	if concerned = without(concerned, own); len(concerned) == 0 {
		return nil, nil
	}
	brought, err := h.Brought(ctx, home.TweetID, concerned)
	if err != nil {
		return nil, err
	}
	byBrought := map[timelines.Brought][]int64{}
	for _, v := range concerned {
		byBrought[brought[v]] = append(byBrought[brought[v]], v)
	}
	var out []group
	for now, some := range byBrought {
		if changes := partsOf(at, home, now); len(changes) > 0 {
			out = append(out, group{some, changes})
		}
	}
	return out, nil
}

// partsOf returns what a change of a tweet's retweets does to a home timeline.
func partsOf(at events.Position, home timelines.HomeChange, now timelines.Brought) []Change {
	parts := home.Parts(now)
	out := make([]Change, len(parts))
	for i, p := range parts {
		out[i] = changeOf(at, p)
		if out[i].More = i < len(parts)-1; !out[i].Deleted {
			out[i].Part = 1
		}
	}
	return out
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
