package app

import (
	"context"
	"sync/atomic"

	"roost/server"
)

// authenticator implements server.Authenticator, so that package server does not depend on the domain.
type authenticator struct{ *App }

// Authenticate finds the live session of a key.
func (a authenticator) Authenticate(ctx context.Context, key string) (server.Session, error) {
	s, err := a.sources.Sessions.Authenticate(ctx, key)
	if err != nil {
		return server.Session{}, err
	}
	a.toucher.Used(s)
	return server.Session{UserID: s.ID.User, SessionID: s.ID.ID}, nil
}

// Watch reports when a session ends.
func (a authenticator) Watch(sessionID int64) (ended context.Context, cancel func()) {
	w := a.hub.WatchSession(sessionID)
	return w.Context(), w.Close
}

// sessionChecks count the checks of sessions with open sockets, and the sessions that had ended.
type sessionChecks struct{ good, failed, ended atomic.Int64 }

// endedSessions returns which of the sessions with open sockets have ended; the others are in use.
func (a *App) endedSessions(ctx context.Context, ids []int64) (ended []int64, err error) {
	all, err := a.sources.Sessions.ByID(ctx, ids)
	if err != nil {
		a.checked.failed.Add(1)
		return nil, err
	}
	a.checked.good.Add(1)
	for _, id := range ids {
		switch s := all[id]; {
		case s == nil || s.EndedAt != nil:
			ended = append(ended, id)
		default:
			a.toucher.Used(s)
		}
	}
	a.checked.ended.Add(int64(len(ended)))
	return ended, nil
}
