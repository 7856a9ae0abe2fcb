package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/reqstats"
	"roost/internal/requestid"
	"roost/server/transport"
)

// withRequestID adds the request's id to the header of the answer and to the lines of the log.
func (s *Server) withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:16]
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(requestid.With(r.Context(), id)))
	})
}

// withRecovery answers INTERNAL after a panic that nothing else caught.
func (s *Server) withRecovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.cfg.Log.ErrorContext(r.Context(), "panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			transport.Refuse(w, r, http.StatusInternalServerError, errs.NewInternal())
		}()
		next.ServeHTTP(w, r)
	})
}

// withDrain closes each connection after its answer while the server drains. So a proxy that keeps connections open moves to
// other nodes before Stop closes the remaining connections, and sends no request into a connection that is being closed.
func (s *Server) withDrain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() && r.Header.Get("Upgrade") == "" {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// withTurn admits as many requests as the node can bear, and measures what each costs. It refuses the others before any work is
// done for them.
func (s *Server) withTurn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ticket, err := s.gate.Enter(r.Context(), transport.Network(r.RemoteAddr), admission.Request)
		if err != nil {
			if r.Context().Err() == nil { // else nobody is left to read it
				transport.Refuse(w, r, http.StatusServiceUnavailable, asError(err))
			}
			return
		}
		defer ticket.Leave()
		ctx, _ := reqstats.With(admission.With(r.Context(), ticket))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// beforeWrite adds the headers whose values are only available when the operation is complete.
func (s *Server) beforeWrite(ctx context.Context, h http.Header) {
	s.writeCookie(ctx, h)
	if s.cfg.ServerTiming {
		if text := reqstats.From(ctx).Header(); text != "" {
			h.Set("Server-Timing", text)
		}
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
