package live

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"roost/events"
	"roost/internal/lifecycle"
)

// Audience tells which of the viewers have an author's tweets in their home timelines.
type Audience func(ctx context.Context, authorID int64, viewers []int64) ([]int64, error)

// Hub carries committed events to the subscribers of this node. Its zero value is not usable; see New.
type Hub struct {
	audience Audience

	mu       sync.Mutex
	home     map[int64]map[*Home]struct{}   // by viewer
	counts   map[int64]map[*Counts]struct{} // by tweet
	sessions map[int64]map[*Session]struct{}
	// position is how far the log was carried to the subscribers, an events.Position. It is written under mu.
	position atomic.Int64

	fresh freshCounts

	resets  resets
	carrier lifecycle.Loop
}

// New makes a hub.
func New(audience Audience) *Hub {
	h := &Hub{
		audience: audience,
		home:     map[int64]map[*Home]struct{}{}, counts: map[int64]map[*Counts]struct{}{}, sessions: map[int64]map[*Session]struct{}{},
		fresh: freshCounts{latest: map[int64]State{}, some: make(chan struct{}, 1)},
	}
	h.carrier.Run = h.carryCounts
	return h
}

// Start runs the hub's goroutine.
func (h *Hub) Start(ctx context.Context) error { return h.carrier.Start(ctx) }

// Stop ends the hub's goroutine.
func (h *Hub) Stop(ctx context.Context) error { return h.carrier.Stop(ctx) }

// Observe takes what a transaction of this node has committed: counts and ends of sessions need no order,
// and need not wait for the log. It never blocks; it is an events.Observer.
func (h *Hub) Observe(committed []events.Event) {
	for _, e := range committed {
		switch e := e.(type) {
		case events.TweetDeleted:
			h.fresh.put(State{TweetID: e.TweetID, Deleted: true}, h.watched(e.TweetID))
		case events.ReactionSet:
			h.fresh.put(State{TweetID: e.TweetID, Likes: e.LikeCount, Dislikes: e.DislikeCount, Revision: e.Revision},
				h.watched(e.TweetID))
		case events.SessionEnded:
			h.EndSession(e.SessionID)
		}
	}
}

// take passes a batch of the log on to the subscribers, or passes over it if nobody waits for anything.
func (h *Hub) take(ctx context.Context, b events.Batch) {
	to := b.Position()
	if b.Restart {
		h.restart(to)
		return
	}
	if h.Position().Covers(to) || h.PassOver(to) {
		return
	}
	for len(b.Entries) > 0 && h.Position().Covers(events.At(b.Epoch, b.Entries[0].Seq)) {
		b.Entries = b.Entries[1:] // the tail has started within the first batch
	}
	if b.Gap && len(b.Entries) > 0 {
		h.SkipTo(events.At(b.Epoch, b.Entries[0].Seq-1))
	} else if b.Gap {
		h.SkipTo(to)
	}
	h.Carry(ctx, b.Entries)
	if !h.Position().Covers(to) {
		h.advance(to)
	}
}

// restart goes on in another epoch of the log. Nobody knows what of the events carried before still holds: home timelines
// and counts must be read again. Sessions are checked all the time.
func (h *Hub) restart(position events.Position) {
	h.advance(position)
	h.resetAll(position, Expired)
	h.fresh.restart()
}

// Carry takes events of the log, in their order, to the subscribers. The node's cached reads must show what the events
// have changed.
func (h *Hub) Carry(ctx context.Context, entries []events.Entry) {
	for _, entry := range entries {
		at := entry.Position()
		viewers := h.advance(at)
		e, err := entry.Event()
		if err != nil {
			h.unreadable(ctx, entry, err)
			continue
		}
		h.Observe([]events.Event{e})
		if !guard(ctx, "home timelines", func() { h.pushHome(ctx, at, e, viewers) }) {
			h.resetAll(at, Rebuilt) // nobody knows whom the event concerned
		}
	}
}

// unreadable handles an event that cannot be read. All home timelines and the counts of its tweet must be read again. One
// of a type that this binary does not know changes nothing that it shows.
func (h *Hub) unreadable(ctx context.Context, entry events.Entry, err error) {
	if !entry.Known() {
		slog.DebugContext(ctx, "live updates pass over an event", "error", err)
		return
	}
	slog.ErrorContext(ctx, "home timelines are reset, because it is not known whom an event concerns", "error", err)
	h.resetAll(entry.Position(), Rebuilt)
	h.skipCountsOf(entry.Aggregate)
}

// advance moves the position and gives those who subscribed before: who comes later begins behind it.
func (h *Hub) advance(position events.Position) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position.Store(int64(position))
	viewers := make([]int64, 0, len(h.home))
	for v := range h.home {
		viewers = append(viewers, v)
	}
	return viewers
}

// Position is how far the log was carried: what was committed up to there has been told to everybody who had
// subscribed, and every read of this node that begins now shows it.
func (h *Hub) Position() events.Position { return events.Position(h.position.Load()) }

// SkipTo moves on to a position without carrying what lies before it, and says so to the subscribers.
func (h *Hub) SkipTo(position events.Position) {
	h.advance(position)
	h.resetAll(position, Rebuilt)
	h.skipCounts(false)
}

// PassOver moves on to a position without looking at what lies before it if nobody waits for anything; it
// reports whether that is so. Who comes later begins behind it.
func (h *Hub) PassOver(position events.Position) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.home)+len(h.counts)+len(h.sessions) > 0 {
		return false
	}
	h.position.Store(int64(position))
	return true
}

// Watched reports whether anybody subscribes to a timeline or to counts.
func (h *Hub) Watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.home)+len(h.counts) > 0
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// guard keeps the process alive when carrying one event panics; it reports whether none did.
func guard(ctx context.Context, what string, fn func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "panic in live updates", "at", what, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn()
	return true
}

func add[K comparable, S any](m map[K]map[*S]struct{}, k K, s *S) {
	if m[k] == nil {
		m[k] = map[*S]struct{}{}
	}
	m[k][s] = struct{}{}
}

func remove[K comparable, S any](m map[K]map[*S]struct{}, k K, s *S) {
	delete(m[k], s)
	if len(m[k]) == 0 {
		delete(m, k)
	}
}
