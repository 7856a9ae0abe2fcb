package live

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"roost/domain/timelines"
	"roost/events"
	"roost/internal/lifecycle"
)

// Audience returns which of the viewers have a tweet at its own place in their home timelines, in ascending order.
type Audience func(ctx context.Context, of timelines.Ends, viewers []int64) ([]int64, error)

// Brought returns for each of the viewers to whom a retweet brings a tweet what brings it; see timelines.Timelines.Brought.
type Brought func(ctx context.Context, tweetID int64, viewers []int64) (map[int64]timelines.Brought, error)

// Counts reads the counts of tweets as they are now, through the cache. Tweets whose counts have never changed may be left out.
type Counts func(ctx context.Context, tweetIDs []int64) (map[int64]events.TweetCounts, error)

// Hub pushes committed events to the subscribers of this node. Its zero value is not usable; see New.
type Hub struct {
	// Prepare and Brought are set before Start, or nil. Without Brought retweets change no home timeline.
	Prepare Prepare
	Brought Brought
	// Counts is set before Start, or nil. Without it each subscriber of a tweet reads counts that an event does not have.
	Counts   Counts
	audience Audience

	mu       sync.Mutex
	home     map[int64]map[*HomeSubscription]struct{}     // by viewer
	counts   map[int64]map[*ReactionSubscription]struct{} // by tweet
	replies  map[int64]map[*ReplySubscription]struct{}    // by the tweet that is answered
	sessions map[int64]map[*SessionWatch]struct{}
	watching lifecycle.Wake // signalled when the first session is watched
	// pushed is the newest state of each watched tweet that was pushed to its subscribers.
	pushed map[int64]ReactionState
	// own are changes of watched tweets that were pushed at their commits on this node and have yet to come from the log.
	own map[ownChange]struct{}
	// position is the events.Position up to which the log was pushed to the subscribers. It is written under mu.
	position atomic.Int64

	pending latestReactions

	resets   resets
	warnings lifecycle.Throttle // of audiences that could not be read
	carrier  lifecycle.Loop
}

// New returns a hub that asks for the audience of each tweet that is posted or deleted while somebody subscribes.
func New(audience Audience) *Hub {
	h := &Hub{
		audience: audience,
		home:     map[int64]map[*HomeSubscription]struct{}{},
		counts:   map[int64]map[*ReactionSubscription]struct{}{},
		replies:  map[int64]map[*ReplySubscription]struct{}{},
		sessions: map[int64]map[*SessionWatch]struct{}{},
		watching: lifecycle.NewWake(),
		pushed:   map[int64]ReactionState{},
		own:      map[ownChange]struct{}{},
		pending:  latestReactions{waitingStates: newWaitingStates(), some: lifecycle.NewWake()},
	}
	h.carrier.Run = h.carryReactions
	return h
}

// Start runs the hub's goroutine.
func (h *Hub) Start(ctx context.Context) error { return h.carrier.Start(ctx) }

// Stop ends the hub's goroutine.
func (h *Hub) Stop(ctx context.Context) error { return h.carrier.Stop(ctx) }

// Observe takes the events that a transaction of this node has committed. It pushes reaction counts and ends of sessions at
// once, because they need no order; other events come from the log. It never blocks; it is an events.Observer.
func (h *Hub) Observe(committed []events.Event) {
	for _, e := range committed {
		switch e := e.(type) {
		case events.TweetDeleted:
			h.pending.put(ReactionState{TweetID: e.TweetID, Deleted: true}, h.watched(e.TweetID))
		case events.ReactionSet: // of a node of the previous release
			h.pending.read(e.TweetID, h.watched(e.TweetID))
		case events.ReactionsChanged:
			h.changed(e)
		case events.SessionEnded:
			h.EndSession(e.SessionID)
		}
	}
}

// take pushes a batch of the log to the subscribers. Without subscribers it only moves the position.
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

// restart continues in another epoch of the log. Events that were pushed before may never have happened there, so home
// timelines and counts must be read again. Sessions need nothing: they are checked all the time.
func (h *Hub) restart(position events.Position) {
	h.advance(position)
	h.resetAll(position, Expired)
	h.loseReplies(position)
	h.pending.restart()
}

// Carry pushes events of the log to the subscribers, in their order. The node's cached reads must already show what the
// events have changed.
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
		h.pushReply(at, e)
		if !guard(ctx, "home timelines", func() { h.pushHome(ctx, at, e, viewers) }) {
			h.resetAll(at, Rebuilt) // the event may have concerned any of them
		}
	}
}

// unreadable handles an event that cannot be read: all home timelines and the counts of its tweet must be read again. An event
// of a type that this binary does not contain changes nothing that the binary serves, and is skipped.
func (h *Hub) unreadable(ctx context.Context, entry events.Entry, err error) {
	if !entry.Known() {
		slog.DebugContext(ctx, "live updates skip an event of an unknown type", "error", err)
		return
	}
	slog.ErrorContext(ctx, "home timelines are reset: an event that may concern any of them cannot be read", "error", err)
	h.resetAll(entry.Position(), Rebuilt)
	h.loseReplies(entry.Position())
	h.readReactionsOf(entry.Aggregate)
}

// advance moves the position and returns the viewers who subscribed before it. Later subscriptions begin behind it.
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

// Position returns the position up to which the log was pushed. The subscribers have got the events before it, and every
// read of this node that begins now shows those events.
func (h *Hub) Position() events.Position { return events.Position(h.position.Load()) }

// SkipTo moves to a position without pushing the events before it. Subscribers are reset, or read again.
func (h *Hub) SkipTo(position events.Position) {
	h.advance(position)
	h.resetAll(position, Rebuilt)
	h.loseReplies(position)
	h.readReactions(false)
}

// PassOver moves to a position without reading the events before it, unless there are subscriptions or watches; it reports
// whether it has moved. Later subscriptions begin behind the position.
func (h *Hub) PassOver(position events.Position) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.home)+len(h.counts)+len(h.replies)+len(h.sessions) > 0 {
		return false
	}
	h.position.Store(int64(position))
	return true
}

// Watched reports whether there is a subscription to a home timeline, to reaction counts, or to replies.
func (h *Hub) Watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.home)+len(h.counts)+len(h.replies) > 0
}

// guard keeps the process alive when fn panics. ok is false after a panic.
func guard(ctx context.Context, what string, fn func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "live updates panicked", "at", what, "panic", p, "stack", string(debug.Stack()))
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
