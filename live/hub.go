package live

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"

	"roost/events"
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

	homeQueue chan events.Event
	homeLost  chan struct{} // holds a token when the queue was full
	fresh     freshCounts

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// homeQueueSize bounds the events that wait for their audience.
const homeQueueSize = 4096

// New makes a hub.
func New(audience Audience) *Hub {
	return &Hub{
		audience: audience,
		home:     map[int64]map[*Home]struct{}{}, counts: map[int64]map[*Counts]struct{}{}, sessions: map[int64]map[*Session]struct{}{},
		homeQueue: make(chan events.Event, homeQueueSize), homeLost: make(chan struct{}, 1),
		fresh: freshCounts{latest: map[int64]State{}, some: make(chan struct{}, 1)},
	}
}

// Start runs the hub's goroutines.
func (h *Hub) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.cancel = cancel
	h.done.Go(func() { h.carryHome(run) })
	h.done.Go(func() { h.carryCounts(run) })
	return nil
}

// Stop ends the hub's goroutines.
func (h *Hub) Stop(context.Context) error {
	if h.cancel != nil {
		h.cancel()
		h.done.Wait()
	}
	return nil
}

// Observe takes what a transaction committed. It never blocks; it is an events.Observer.
func (h *Hub) Observe(committed []events.Event) {
	for _, e := range committed {
		switch e := e.(type) {
		case events.TweetPosted, events.TweetDeleted, events.UserFollowed, events.UserUnfollowed, events.RowsImported:
			select {
			case h.homeQueue <- e:
			default:
				signal(h.homeLost)
			}
			if d, ok := e.(events.TweetDeleted); ok {
				h.fresh.put(State{TweetID: d.TweetID, Deleted: true}, h.watched(d.TweetID))
			}
		case events.ReactionSet:
			h.fresh.put(State{TweetID: e.TweetID, Likes: e.LikeCount, Dislikes: e.DislikeCount, Revision: e.Revision},
				h.watched(e.TweetID))
		case events.SessionEnded:
			h.EndSession(e.SessionID)
		}
	}
}

// Watched reports whether anybody subscribes to anything.
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
