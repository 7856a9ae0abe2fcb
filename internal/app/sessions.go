package app

import (
	"context"

	"roost/server"
)

// authenticator lets the server check keys without knowing accounts.
type authenticator struct{ *App }

// Authenticate finds the live session of a key.
func (a authenticator) Authenticate(ctx context.Context, key string) (server.Session, error) {
	s, err := a.sources.Accounts.Authenticate(ctx, key)
	if err != nil {
		return server.Session{}, err
	}
	a.toucher.Used(s)
	return server.Session{UserID: s.ID.User, SessionID: s.ID.ID}, nil
}

// Watch tells when a session ends.
func (a authenticator) Watch(sessionID int64) (ended context.Context, cancel func()) {
	w := a.hub.WatchSession(sessionID)
	return w.Context(), w.Close
}

// endedSessions tells which of the sessions with open sockets have ended; the others are in use.
func (a *App) endedSessions(ctx context.Context, ids []int64) ([]int64, error) {
	all, err := a.sources.Accounts.SessionsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var ended []int64
	for _, id := range ids {
		switch s := all[id]; {
		case s == nil || s.EndedAt != nil:
			ended = append(ended, id)
		default:
			a.toucher.Used(s)
		}
	}
	return ended, nil
}
