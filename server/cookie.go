package server

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"roost/internal/errs"
)

const (
	cookieName  = "roost_session"
	graphqlPath = "/graphql"
	retryAfter  = time.Second
)

// cookieJar holds the change of the session cookie that an operation asks for, until the headers of the answer are written.
// Resolvers run in parallel and must not write headers themselves, because http.Header is not safe for concurrent use.
type cookieJar struct {
	mu      sync.Mutex
	change  bool
	key     string // empty to clear
	expires time.Time
}

// Set is part of caller.Cookies.
func (j *cookieJar) Set(key string, expires time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.change, j.key, j.expires = true, key, expires
}

// Clear is part of caller.Cookies.
func (j *cookieJar) Clear() { j.Set("", time.Time{}) }

// writeCookie writes the last change of the cookie, if there is one, to the headers.
func (s *Server) writeCookie(j *cookieJar, h http.Header) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.change {
		return
	}
	c := http.Cookie{
		Name: cookieName, Value: j.key, Expires: j.expires, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure,
	}
	if j.key == "" {
		c.MaxAge = -1
	}
	h.Add("Set-Cookie", c.String())
}

func isHTTPS(publicURL string) bool {
	u, err := url.Parse(publicURL)
	return err == nil && u.Scheme == "https"
}

func asError(err error) *errs.Error {
	if e, ok := err.(*errs.Error); ok {
		return e
	}
	return errs.NewInternal()
}
