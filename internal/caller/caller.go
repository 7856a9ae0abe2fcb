// Package caller describes who makes a request. A Caller holds the signed-in user and session, if any, and the way in which a
// session key is returned to a browser. The context of each operation contains its Caller.
package caller

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"
)

// Caller is the user and session as which an operation runs. A sign-in or sign-out inside the operation changes it for the
// remaining fields. It is safe for concurrent use.
type Caller struct {
	// UserAgent is the name by which the browser or app identifies itself, at most 256 bytes.
	UserAgent string
	// Address is the IPv4 address, or the /64 of the IPv6 address, from which the request comes. It is the zero Prefix if that
	// is not available.
	Address netip.Prefix
	// Cookies changes the session cookie; nil where none can be set, as over a socket.
	Cookies Cookies
	// KeepCookie means that a cookie would be of another session than the operation's, and stays when that ends.
	KeepCookie bool
	// Budget is what the caller may spend. It is set before the operation begins, and does not change.
	Budget Budget

	identity atomic.Pointer[identity]
	first    identity // the one with which the operation began
	// made is the session that made the request; it stays when the identity changes.
	made int64
}

// Budget is what a caller may spend, in points, after it has paid for the operation or was refused.
type Budget struct {
	// Cost is the cost of the operation.
	Cost int
	// Limit is what may be spent in a window; 0 means that there is no limit.
	Limit int
	// Remaining is what may be spent now.
	Remaining int
	// Reset is the time until Limit may be spent again, if nothing else is spent, and ResetAt when that is.
	Reset   time.Duration
	ResetAt time.Time
}

// Cookies changes the session cookie of a browser.
type Cookies interface {
	// Set delivers a session key.
	Set(key string, expires time.Time)
	// Clear removes the cookie.
	Clear()
}

type identity struct{ user, session int64 }

// New returns a caller with a session; user and session are 0 for an anonymous one.
func New(user, session int64) *Caller {
	c := new(Caller)
	c.Begin(user, session)
	return c
}

// Begin sets the session that made the request, as New does. It is for a new Caller that is part of something else, before
// anything else uses it.
func (c *Caller) Begin(user, session int64) {
	c.made, c.first = session, identity{user, session}
	c.identity.Store(&c.first)
}

// UserID returns the id of the signed-in user, 0 if there is none.
func (c *Caller) UserID() int64 {
	if i := c.identity.Load(); i != nil {
		return i.user
	}
	return 0
}

// SessionID returns the id of the session in use, 0 if there is none.
func (c *Caller) SessionID() int64 {
	if i := c.identity.Load(); i != nil {
		return i.session
	}
	return 0
}

// MadeBy reports whether the request was made by the session, or the operation has since signed in
// with it.
func (c *Caller) MadeBy(session int64) bool {
	return session != 0 && (session == c.made || session == c.SessionID())
}

// SignIn makes the rest of the operation run as a user.
func (c *Caller) SignIn(user, session int64) { c.identity.Store(&identity{user, session}) }

// SignOut makes the rest of the operation anonymous.
func (c *Caller) SignOut() { c.identity.Store(&identity{}) }

// Key is the key of the caller among the values of a context.
type Key struct{}

// With returns a context that carries the caller, see [From].
func With(ctx context.Context, c *Caller) context.Context { return context.WithValue(ctx, Key{}, c) }

// From returns the caller of the context; an anonymous one if there is none.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(Key{}).(*Caller); ok {
		return c
	}
	return &Caller{}
}
