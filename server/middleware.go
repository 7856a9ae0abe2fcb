package server

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/server/transport"
)

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

// withTurn admits as many requests as the node can bear, and measures what each costs. It refuses the others before any work is
// done for them.
func (s *Server) withTurn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := requestOf(r.Context())
		kind := admission.Request
		if transport.WantsEvents(r) { // as a socket
			kind = admission.Patient
		}
		if err := s.gate.Take(q, q.from(r), kind, &q.ticket); err != nil {
			if q.Err() == nil { // else nobody is left to read it
				transport.Refuse(w, r, http.StatusServiceUnavailable, asError(err))
			}
			return
		}
		defer q.ticket.Leave()
		q.admitted = true
		next.ServeHTTP(w, r)
	})
}

// Headers of every answer.
var (
	noStore = []string{"no-store"}
	noSniff = []string{"nosniff"}
)

// beforeWrite adds the headers whose values are only available when the operation is complete.
func (s *Server) beforeWrite(ctx context.Context, h http.Header) {
	if q := requestOf(ctx); q != nil {
		s.writeCookie(&q.jar, h)
		q.rateLimit.write(&q.caller.Budget, h)
		if s.cfg.ServerTiming && q.admitted {
			h["Server-Timing"] = []string{q.stats.Header()}
		}
	}
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
}
