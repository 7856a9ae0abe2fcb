package live

import (
	"context"
	"time"

	"roost/internal/lifecycle"
)

// SessionWatch reports the end of one session.
type SessionWatch struct {
	hub   *Hub
	id    int64
	ended context.Context
	end   context.CancelFunc
}

// WatchSession watches a session until Close.
func (h *Hub) WatchSession(id int64) *SessionWatch {
	s := &SessionWatch{hub: h, id: id}
	s.ended, s.end = context.WithCancel(context.Background())
	h.mu.Lock()
	defer h.mu.Unlock()
	add(h.sessions, id, s)
	if len(h.sessions) == 1 {
		h.watching.Signal()
	}
	return s
}

// Ended is closed when the session has ended.
func (s *SessionWatch) Ended() <-chan struct{} { return s.ended.Done() }

// Context is done when the session has ended. It serves callers that pass it on or register a callback.
func (s *SessionWatch) Context() context.Context { return s.ended }

// Close ends the watch.
func (s *SessionWatch) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	remove(s.hub.sessions, s.id, s)
}

// EndSession ends every watch over the session.
func (h *Hub) EndSession(id int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions[id] {
		s.end()
	}
}

func (h *Hub) watchesSessions() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions) > 0
}

func (h *Hub) watchedSessions() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]int64, 0, len(h.sessions))
	for id := range h.sessions {
		out = append(out, id)
	}
	return out
}

// CheckSessions returns which of the sessions have ended. It may note that the others are in use.
type CheckSessions func(ctx context.Context, ids []int64) (ended []int64, err error)

// checkEvery is how often watched sessions are checked. So it is also the longest time until this node notices that a session
// has expired or was ended by another node.
const checkEvery = 200 * time.Millisecond

// checkTimeout is how long one check may take. After a failure the next check asks again.
const checkTimeout = 2 * time.Second

// checkChunk is the most sessions of one call of CheckSessions.
const checkChunk = 5000

// unwatchedEvery is how often the checker looks whether sessions are watched. WatchSession wakes it when the first one is.
const unwatchedEvery = 5 * time.Second

// SessionChecker returns the service that checks five times a second whether watched sessions have ended elsewhere. It rests while
// no session is watched.
func (h *Hub) SessionChecker(check CheckSessions) lifecycle.Service {
	poll := lifecycle.Steadily(checkEvery, "open sockets' sessions could not be checked", func(ctx context.Context) (err error) {
		guard(ctx, "sessions", func() { err = h.checkSessions(ctx, check) })
		return err
	})
	poll.Wake = h.watching
	poll.Pace = func() time.Duration {
		if h.watchesSessions() {
			return checkEvery
		}
		return unwatchedEvery
	}
	return &lifecycle.Loop{Run: poll.Run}
}

func (h *Hub) checkSessions(ctx context.Context, check CheckSessions) error {
	all := h.watchedSessions()
	for len(all) > 0 {
		n := min(len(all), checkChunk)
		bounded, cancel := context.WithTimeout(ctx, checkTimeout)
		ended, err := check(bounded, all[:n])
		cancel()
		if err != nil {
			return err
		}
		for _, id := range ended {
			h.EndSession(id)
		}
		all = all[n:]
	}
	return nil
}
