package live

import (
	"context"
	"log/slog"
	"time"

	"roost/internal/lifecycle"
)

// Session is a watch over a session in use.
type Session struct {
	hub   *Hub
	id    int64
	ended context.Context
	end   context.CancelFunc
}

// WatchSession watches a session until Close.
func (h *Hub) WatchSession(id int64) *Session {
	s := &Session{hub: h, id: id}
	s.ended, s.end = context.WithCancel(context.Background())
	h.mu.Lock()
	defer h.mu.Unlock()
	add(h.sessions, id, s)
	return s
}

// Ended is closed when the session has ended.
func (s *Session) Ended() <-chan struct{} { return s.ended.Done() }

// Context is done when the session has ended: for those who want to be called, not to wait.
func (s *Session) Context() context.Context { return s.ended }

// Close ends the watch.
func (s *Session) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	remove(s.hub.sessions, s.id, s)
}

// EndSession tells everybody who watches the session that it has ended.
func (h *Hub) EndSession(id int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions[id] {
		s.end()
	}
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

// CheckSessions tells which of the sessions have ended; it may note that the others are in use.
type CheckSessions func(ctx context.Context, ids []int64) (ended []int64, err error)

// checkEvery is how often watched sessions are checked: a session that runs out, or is ended by another
// node, is noticed within this time.
const checkEvery = 200 * time.Millisecond

// checkWithin bounds the wait for a database that is busy or does not answer; the next check asks again.
const checkWithin = 2 * time.Second

// checkChunk bounds the list of one check.
const checkChunk = 5000

// SessionChecker is a service that looks whether watched sessions have ended elsewhere.
func (h *Hub) SessionChecker(check CheckSessions) lifecycle.Service {
	return &lifecycle.Loop{Run: func(ctx context.Context) {
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				guard(ctx, "sessions", func() { h.checkSessions(ctx, check) })
			}
		}
	}}
}

func (h *Hub) checkSessions(ctx context.Context, check CheckSessions) {
	all := h.watchedSessions()
	for len(all) > 0 {
		n := min(len(all), checkChunk)
		bounded, cancel := context.WithTimeout(ctx, checkWithin)
		ended, err := check(bounded, all[:n])
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				slog.WarnContext(ctx, "open sockets' sessions could not be checked", "error", err)
			}
			return
		}
		for _, id := range ended {
			h.EndSession(id)
		}
		all = all[n:]
	}
}
