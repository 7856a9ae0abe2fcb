package accounts

import (
	"context"
	"fmt"
	"time"

	"roost/ent"
	"roost/ent/session"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

// LogOut ends the session in use.
func (a *Accounts) LogOut(ctx context.Context, userID, sessionID int64) (*Session, error) {
	return a.end(ctx, userID, sessionID, LoggedOut)
}

// NoSuchSession returns the refusal of a field "session" that names no session of the user's.
func NoSuchSession() *errs.Error {
	return errs.New(errs.NotFound, "there is no such session", "session")
}

// Revoke ends one of the user's sessions. A session that has ended already stays as it is. A session of another user is refused
// with NOT_FOUND in the field "session".
func (a *Accounts) Revoke(ctx context.Context, userID, sessionID int64) (*Session, error) {
	return a.end(ctx, userID, sessionID, Revoked)
}

func (a *Accounts) end(ctx context.Context, userID, sessionID int64, why EndReason) (*Session, error) {
	var out *Session
	err := a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		ended, err := a.endSessions(ctx, tx, userID, why, "AND id = $5", sessionID)
		if err != nil {
			return err
		}
		if len(ended) == 0 {
			tx.AlreadyDone()
		}
		row, err := tx.Session.Query().Where(session.ID(sessionID), session.UserID(userID)).Only(ctx)
		if ent.IsNotFound(err) {
			return NoSuchSession()
		}
		if err != nil {
			return fmt.Errorf("read the session: %w", err)
		}
		out = sessionOf(row, tx.Now)
		return nil
	})
	return out, err
}

// RevokeOthers ends all the user's sessions but one, and returns those that it ended.
func (a *Accounts) RevokeOthers(ctx context.Context, userID, keep int64) ([]*Session, error) {
	var out []*Session
	err := a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		ended, err := a.endSessions(ctx, tx, userID, Revoked, "AND id <> $5", keep)
		if err != nil {
			return err
		}
		tx.AlreadyDone() // the answer covers sessions that another request has just ended
		rows, err := tx.Session.Query().Where(sqldb.In(session.FieldID, ended)).All(ctx)
		if err != nil {
			return fmt.Errorf("read the sessions: %w", err)
		}
		out = make([]*Session, 0, len(rows))
		for _, r := range rows {
			out = append(out, sessionOf(r, tx.Now))
		}
		return nil
	})
	sortByUse(out)
	return out, err
}

// touchAfter is how old the stored time of a session's last use must be before it is written again.
const touchAfter = 5 * time.Minute

// Stale reports whether the session's last use should be written.
func (a *Accounts) Stale(s *Session) bool { return a.clock.Now().Sub(s.LastUsedAt) >= touchAfter }

// Touch writes the last use of the sessions that are live and Stale, and moves their expiry. It is not called on the path of a
// request.
func (a *Accounts) Touch(ctx context.Context, sessionIDs []int64) error {
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		// All nodes touch sessions in the same order, so that they do not deadlock.
		rows, err := tx.Session.Query().Where(sqldb.In(session.FieldID, sessionIDs)).Order(session.ByID()).All(ctx)
		if err != nil {
			return fmt.Errorf("read sessions: %w", err)
		}
		for _, r := range rows {
			s := sessionOf(r, tx.Now)
			if s.EndedAt != nil || !a.Stale(s) {
				continue
			}
			// Another node may have touched or ended it since it was read.
			n, err := tx.Session.Update().Where(session.ID(r.ID), session.EndedAtIsNil(), session.Version(r.Version)).
				SetLastUsedAt(tx.Now).SetExpiresAt(a.expiry(r.CreatedAt, tx.Now)).AddVersion(1).Save(ctx)
			if err != nil {
				return fmt.Errorf("write the last use: %w", err)
			}
			if n == 1 {
				tx.Emit(events.SessionUsed{UserID: r.UserID, SessionID: r.ID, Version: r.Version + 1})
			}
		}
		return nil
	})
}
