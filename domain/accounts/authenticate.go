package accounts

import (
	"context"
	"crypto/subtle"
	"fmt"

	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
)

// ReadSessions reads rows of sessions, as Accounts.StoredSessions does. Unknown ids are left out. owner is the user to whom a key says
// that the session belongs, or 0.
type ReadSessions func(ctx context.Context, owner int64, sessionIDs []int64) (map[int64]*StoredSession, error)

// Authenticator checks session keys.
type Authenticator struct {
	read  ReadSessions
	clock clock.Clock
}

// NewAuthenticator returns an authenticator that checks keys against the rows that read returns.
func NewAuthenticator(read ReadSessions, c clock.Clock) *Authenticator {
	return &Authenticator{read, c}
}

var errSession = errs.New(errs.Unauthenticated, "the session has ended or never was; sign in again")

// Authenticate returns the live session of a key. The error is UNAUTHENTICATED for a key without a live session. It is
// UNAVAILABLE when the database cannot be reached; that never makes a caller anonymous.
func (a *Authenticator) Authenticate(ctx context.Context, key string) (*Session, error) {
	userID, id, ok := readKey(key)
	if !ok {
		return nil, errSession
	}
	rows, err := a.read(ctx, userID, []int64{id})
	if err != nil {
		return nil, events.Unavailable(fmt.Errorf("check the session: %w", err))
	}
	row := rows[id]
	if row == nil || row.Session.ID.User != userID || subtle.ConstantTimeCompare(row.KeyHash, hashKey(key)) != 1 {
		return nil, errSession
	}
	s := row.At(a.clock.Now())
	if s.EndedAt != nil {
		return nil, errSession
	}
	return s, nil
}

// AsOfNow returns the session of a row as it is now.
func (a *Authenticator) AsOfNow(row *StoredSession) *Session { return row.At(a.clock.Now()) }

// ByID reads sessions as they are now, ended ones included. Unknown ids are left out.
func (a *Authenticator) ByID(ctx context.Context, sessionIDs []int64) (map[int64]*Session, error) {
	rows, err := a.read(ctx, 0, sessionIDs)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*Session, len(rows))
	for id, row := range rows {
		out[id] = a.AsOfNow(row)
	}
	return out, nil
}
