package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"roost/internal/caller"
	"roost/internal/deadline"
	"roost/internal/errs"
	"roost/internal/requestid"
	"roost/server/transport"
)

// Session is the user and the session that a key identifies.
type Session struct {
	UserID    int64
	SessionID int64
}

// Authenticator finds the session of a key, and follows it until it ends.
type Authenticator interface {
	// Authenticate returns the session of a key. A key that is unknown, or whose session has ended, is an
	// error of kind errs.Unauthenticated; every other error means that the key could not be checked.
	Authenticate(ctx context.Context, key string) (Session, error)
	// Watch returns a context that is done within a second of the session's end, even if the session has already ended.
	// Call cancel when the context is no longer needed.
	Watch(sessionID int64) (ended context.Context, cancel func())
}

// maxUserAgent is the most bytes of a User-Agent header that a session stores.
const maxUserAgent = 256

// bearer returns the key of an Authorization value; ok is false if it is not of the Bearer scheme.
func bearer(value string) (key string, ok bool) {
	scheme, key, _ := strings.Cut(value, " ")
	return strings.TrimSpace(key), strings.EqualFold(scheme, "Bearer")
}

// identify finds the session of a request. authorization is an Authorization value, empty if there is none; it takes
// precedence over the cookie. stale reports that the cookie belongs to no live session and should be removed.
func (s *Server) identify(ctx context.Context, authorization string, r *http.Request) (who Session, stale bool, err error) {
	if authorization != "" {
		key, ok := bearer(authorization)
		if !ok {
			return who, false, errs.New(errs.Unauthenticated, "Authorization must be a Bearer key")
		}
		who, err = s.authenticate(ctx, key)
		return who, false, err
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return who, false, nil
	}
	who, err = s.authenticate(ctx, cookie.Value)
	if errs.Is(err, errs.Unauthenticated) {
		return Session{}, true, nil
	}
	return who, false, err
}

// authenticateTimeout bounds the wait for a database that is busy or does not answer.
const authenticateTimeout = 5 * time.Second

// authenticate returns the session of a key. The kind of its error is Unauthenticated or Unavailable.
func (s *Server) authenticate(ctx context.Context, key string) (Session, error) {
	var bounded *deadline.Context
	if q := requestOf(ctx); q != nil {
		bounded = &q.authentication
		bounded.Begin(ctx, authenticateTimeout)
	} else {
		bounded = deadline.New(ctx, authenticateTimeout)
	}
	defer bounded.Cancel()
	who, err := s.cfg.Authenticator.Authenticate(bounded, key)
	switch {
	case err == nil:
		return who, nil
	case errs.Is(err, errs.Unauthenticated):
		return Session{}, errs.New(errs.Unauthenticated, "the key is not valid, or its session has ended")
	}
	e, ours := errors.AsType[*errs.Error](err)
	if ctx.Err() == nil && (!ours || e.Err != nil) { // a refusal of ours has no cause that anybody must look at
		s.cfg.Log.ErrorContext(ctx, "a key could not be checked", "error", err)
	}
	if ours && e.Kind == errs.Unavailable {
		return Session{}, &errs.Error{Kind: e.Kind, Message: e.Message, RetryAfter: cmp.Or(e.RetryAfter, retryAfter)}
	}
	return Session{}, &errs.Error{Kind: errs.Unavailable, Message: "the session could not be checked, try again", RetryAfter: retryAfter}
}

// withCaller authenticates HTTP requests. A caller's cookies are set when the answer is written.
func (s *Server) withCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := requestOf(r.Context())
		authorization := r.Header.Get("Authorization")
		who, stale, err := s.identify(q, authorization, r)
		if err != nil {
			s.refuseCaller(w, r, err)
			return
		}
		c := &q.caller
		c.Begin(who.UserID, who.SessionID)
		c.UserAgent, c.Address = userAgent(r), q.from(r)
		c.Cookies, c.KeepCookie = &q.jar, authorization != "" // then a cookie is of another session
		if stale {
			q.jar.Clear()
		}
		q.known = true
		next.ServeHTTP(w, r)
	})
}

func (s *Server) refuseCaller(w http.ResponseWriter, r *http.Request, err error) {
	if errs.Is(err, errs.Unauthenticated) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="roost"`)
		transport.Refuse(w, r, http.StatusUnauthorized, asError(err))
		return
	}
	transport.Refuse(w, r, http.StatusServiceUnavailable, asError(err))
}

// initSocket authenticates a websocket by its connection_init. Every operation gets a caller of its own,
// which cannot set cookies.
func (s *Server) initSocket(ctx context.Context, r *http.Request, payload map[string]any) (transport.InitResult, error) {
	authorization := r.Header.Get("Authorization")
	for _, name := range []string{"Authorization", "authorization"} {
		value, given := payload[name]
		if !given || value == nil {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return transport.InitResult{}, errs.New(errs.Unauthenticated, "Authorization must be a Bearer key")
		}
		if text != "" {
			authorization = text
			break
		}
	}
	who, _, err := s.identify(ctx, authorization, r)
	if err != nil {
		return transport.InitResult{}, err
	}
	return s.follow(who, userAgent(r), transport.Network(r.RemoteAddr)), nil // the request itself is not kept
}

// streamCaller returns whose events the answer to an authenticated request streams. Their contexts do not descend from the request's:
// what is read for them is not as of the request.
func (s *Server) streamCaller(r *http.Request) (context.Context, transport.InitResult) {
	q := requestOf(r.Context())
	c := &q.caller
	result := s.follow(Session{UserID: c.UserID(), SessionID: c.SessionID()}, c.UserAgent, c.Address)
	return requestid.With(context.WithoutCancel(q.Context), q.id), result
}

// follow is a caller until their session ends.
func (s *Server) follow(who Session, agent string, address netip.Prefix) transport.InitResult {
	result := transport.InitResult{
		UserID: who.UserID, SessionID: who.SessionID,
		Ctx: func(ctx context.Context) context.Context {
			return caller.With(ctx, newCaller(agent, address, who))
		},
	}
	if who.SessionID != 0 {
		result.Ended, result.Release = s.cfg.Authenticator.Watch(who.SessionID)
	}
	return result
}

func newCaller(agent string, address netip.Prefix, who Session) *caller.Caller {
	c := caller.New(who.UserID, who.SessionID)
	c.UserAgent, c.Address = agent, address
	return c
}

// userAgent returns the name by which the client identifies itself, cut to maxUserAgent bytes.
func userAgent(r *http.Request) string {
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	if len(agent) > maxUserAgent {
		agent = strings.ToValidUTF8(agent[:maxUserAgent], "")
	}
	return agent
}
