package server

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/gorilla/websocket"

	"roost/internal/admission"
	"roost/internal/caller"
	"roost/internal/deadline"
	"roost/internal/moment"
	"roost/internal/reqstats"
	"roost/internal/requestid"
	"roost/server/transport"
)

// request is everything that the server holds of one HTTP request. It is the context of all work for the request, so that one
// allocation replaces a context for each value. Work may outlive the request, so it is not used again.
type request struct {
	context.Context // of net/http
	id              string
	ids             [1]string // the header with the id
	network         netip.Prefix
	status          statusWriter
	jar             cookieJar
	rateLimit       rateLimitHeaders
	authentication  deadline.Context

	// These are set, each once, as the request proceeds. Value returns each only when the flag beside it is set, so the request
	// looks to other packages as if contexts with values had been wrapped around each other.
	ticket   admission.Ticket
	stats    reqstats.Stats
	moment   moment.Moment
	admitted bool // ticket, stats and moment
	caller   caller.Caller
	known    bool // caller
}

// Value returns what packages ask of the context by their keys.
func (q *request) Value(key any) any {
	switch key.(type) {
	case caller.Key:
		if q.known {
			return &q.caller
		}
	case reqstats.Key:
		if q.admitted {
			return &q.stats
		}
	case moment.Key:
		if q.admitted {
			return &q.moment
		}
	case admission.Key:
		if q.admitted {
			return &q.ticket
		}
	case requestid.Key:
		return q.id
	}
	return q.Context.Value(key)
}

// requestOf returns the request whose context ctx is, nil if it is another one.
func requestOf(ctx context.Context) *request {
	q, _ := ctx.(*request)
	return q
}

// begin makes the context of each request. It adds the request's id to the headers of the answer, and sets RemoteAddr to the
// client's address, for limits and logs. While the server drains, begin closes each connection after its answer. So a proxy that
// keeps connections open moves to other nodes before Stop closes the remaining connections, and sends no request into a
// connection that is being closed.
func (s *Server) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() && r.Header.Get("Upgrade") == "" {
			w.Header().Set("Connection", "close")
		}
		client, changed := s.proxies.client(r.RemoteAddr, r.Header["X-Forwarded-For"])
		id := requestid.New()
		if websocket.IsWebSocketUpgrade(r) { // it outlives the request, and keeps of it only the id
			w.Header().Set("X-Request-Id", id)
			r = r.WithContext(requestid.With(r.Context(), id))
		} else {
			q := &request{Context: r.Context(), id: id, ids: [1]string{id}}
			w.Header()["X-Request-Id"] = q.ids[:]
			r = r.WithContext(q) // a copy: the request is net/http's
		}
		if changed {
			r.RemoteAddr = client
		}
		next.ServeHTTP(w, r)
	})
}

// from returns the network that a request comes from.
func (q *request) from(r *http.Request) netip.Prefix {
	if !q.network.IsValid() {
		q.network = transport.Network(r.RemoteAddr)
	}
	return q.network
}
