// Package accounts holds the rules of accounts and sessions: sign-up and sign-in, passwords and the limits of attempts to guess
// them, profiles, settings, and how a session is checked and ended.
package accounts

import (
	"time"

	"roost/ent"
	"roost/internal/ids"
)

// User is the public part of an account.
type User struct {
	ID         ids.UserID
	Username   string
	Name       string
	Bio        string
	WebsiteURL *string
	CreatedAt  time.Time
}

// Private is the part of an account that only its owner sees.
type Private struct {
	Email         string
	SessionPolicy SessionPolicy
}

// Account is a user's row without the password. Version is the version of the row.
type Account struct {
	User    User
	Private Private
	Version int64
}

// Public returns the public part of the account; nil for a nil account.
func (a *Account) Public() *User {
	if a == nil {
		return nil
	}
	return &a.User
}

// NameClaim is the claim of a username by a user; a UserID of 0 means that it is free. Version is the version of the row.
type NameClaim struct{ UserID, Version int64 }

// StoredSession is a session's row. EndedAt and EndReason are set for a session that was ended, not for one that has expired.
// Version is the version of the row.
type StoredSession struct {
	Session Session
	// KeyHash is the SHA-256 of the session key.
	KeyHash []byte
	Version int64
}

// At returns the session as of a time, at which an expired session has ended.
func (s *StoredSession) At(now time.Time) *Session {
	out := s.Session
	if out.EndedAt == nil && !now.Before(out.ExpiresAt) {
		at, reason := out.ExpiresAt, Expired
		out.EndedAt, out.EndReason = &at, &reason
	}
	return &out
}

// Session is a sign-in on one device.
type Session struct {
	ID         ids.SessionID
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time
	EndedAt    *time.Time
	EndReason  *EndReason
	DeviceName *string
	UserAgent  *string
}

// SessionPolicy decides whether several devices may be signed in at once.
type SessionPolicy string

// The policies.
const (
	MultiDevice  SessionPolicy = "MULTI_DEVICE"
	SingleDevice SessionPolicy = "SINGLE_DEVICE"
)

// EndReason is the reason why a session ended.
type EndReason string

// The reasons.
const (
	LoggedOut         EndReason = "LOGGED_OUT"
	LoggedInElsewhere EndReason = "LOGGED_IN_ELSEWHERE"
	Revoked           EndReason = "REVOKED"
	PasswordChanged   EndReason = "PASSWORD_CHANGED"
	Expired           EndReason = "EXPIRED"
	AccountClosed     EndReason = "ACCOUNT_CLOSED"
)

func accountOf(r *ent.User) *Account {
	return &Account{Version: r.Version, Private: Private{Email: r.Email, SessionPolicy: SessionPolicy(r.SessionPolicy)},
		User: User{ID: ids.UserID(r.ID), Username: r.Username, Name: r.Name, Bio: r.Bio, WebsiteURL: r.WebsiteURL,
			CreatedAt: r.CreatedAt.UTC()}}
}

func storedSession(r *ent.Session) *StoredSession {
	s := &StoredSession{KeyHash: r.KeyHash, Version: r.Version, Session: Session{ID: ids.SessionID{User: r.UserID, ID: r.ID},
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(),
		DeviceName: r.DeviceName, UserAgent: r.UserAgent}}
	if r.EndedAt != nil {
		at := r.EndedAt.UTC()
		s.Session.EndedAt = &at
	}
	if r.EndReason != nil {
		reason := EndReason(*r.EndReason)
		s.Session.EndReason = &reason
	}
	return s
}

func sessionOf(r *ent.Session, now time.Time) *Session { return storedSession(r).At(now) }

// GlobalID is the id by which clients name the user.
func (u *User) GlobalID() string { return u.ID.String() }

// GlobalID is the id by which clients name the session.
func (s *Session) GlobalID() string { return s.ID.String() }
