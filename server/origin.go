package server

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"roost/internal/errs"
	"roost/server/transport"
)

// origins is the one decision on where browsers may come from.
type origins struct {
	allowed   map[string]bool
	localhost bool
}

func newOrigins(cfg Config) (*origins, error) {
	o := &origins{allowed: map[string]bool{}, localhost: cfg.AllowLocalhost}
	for _, text := range append([]string{cfg.PublicURL}, cfg.Origins...) {
		origin, err := ParseOrigin(text)
		if err != nil {
			return nil, err
		}
		o.allowed[origin] = true
	}
	return o, nil
}

// ParseOrigin gives an origin as browsers write it. It fails for what is none, stars included.
func ParseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
		strings.Contains(u.Host, "*") {
		return "", fmt.Errorf("%q is not like https://app.example.com", text)
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host, nil
}

// allows reports whether the origin is one of ours.
func (o *origins) allows(origin string) bool {
	if o.allowed[origin] {
		return true
	}
	if !o.localhost {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// allowsSocket decides on a websocket, which browsers open across origins without asking, cookies
// included. Programs that are no browsers send no Origin.
func (o *origins) allowsSocket(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || o.allows(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// allowedHeaders are those that GraphQL clients and tracing libraries add to requests by themselves. Most mean nothing to
// this server, but a browser sends no request at all when one of its headers is not named here.
const allowedHeaders = "Accept, Authorization, Content-Type, Idempotency-Key, X-Request-Id, X-Requested-With, " +
	"apollographql-client-name, apollographql-client-version, apollo-require-preflight, " +
	"x-apollo-operation-name, x-apollo-operation-id, x-apollo-operation-type, x-apollo-cache-key, " +
	"graphql-client-name, graphql-client-version, graphql-preflight, graphql-require-preflight, " +
	"traceparent, tracestate, baggage, sentry-trace, b3, newrelic, x-amzn-trace-id, " +
	"x-datadog-origin, x-datadog-parent-id, x-datadog-sampling-priority, x-datadog-trace-id"

// exposedHeaders are those of an answer that a page of another origin may read.
const exposedHeaders = "Retry-After, Server-Timing, X-Request-Id"

// guard answers preflights, lets allowed origins read answers, and refuses requests from others that a
// browser would send with cookies.
func (o *origins) guard(next http.Handler) http.Handler {
	strangers := http.NewCrossOriginProtection()
	strangers.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		transport.Refuse(w, r, http.StatusForbidden, errs.New(errs.Forbidden, "requests from this origin are not allowed"))
	}))
	strict := strangers.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		allowed := origin != "" && o.allows(origin)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", exposedHeaders)
			h.Set("Timing-Allow-Origin", origin)
		}
		switch {
		case r.Method == http.MethodOptions:
			if allowed {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", allowedHeaders)
				h.Set("Access-Control-Max-Age", "600")
			}
			h.Set("Allow", "GET, POST, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		case allowed:
			next.ServeHTTP(w, r)
		default:
			strict.ServeHTTP(w, r)
		}
	})
}
