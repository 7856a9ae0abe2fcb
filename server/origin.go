package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"roost/internal/errs"
	"roost/server/transport"
)

// origins decides from which web origins browsers may use the server.
type origins struct {
	allowed   map[string]bool
	hosts     map[string]string // names of the site, each with the scheme that browsers use for it
	localhost bool
}

func newOrigins(cfg Config) (*origins, error) {
	o := &origins{allowed: map[string]bool{}, hosts: map[string]string{}, localhost: cfg.AllowLocalhost}
	for _, text := range append([]string{cfg.PublicURL}, cfg.Origins...) {
		origin, err := ParseOrigin(text)
		if err != nil {
			return nil, err
		}
		o.allowed[origin] = true
		scheme, host, _ := strings.Cut(origin, "://")
		if name := hostname(host); o.hosts[name] == "" { // the public URL comes first
			o.hosts[name] = scheme
		}
	}
	return o, nil
}

// ParseOrigin returns an origin in the form that browsers send. Anything else is an error, also a pattern with a star;
// the error never repeats a password.
func ParseOrigin(text string) (string, error) {
	if strings.Contains(text, "@") {
		return "", errors.New("it must have no user and no password, as in https://app.example.com")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
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
	return IsLoopback(u.Hostname())
}

// allowsSocket reports whether a request may open a websocket. Browsers open websockets to other origins without a preflight
// request, and send cookies. Programs other than browsers send no Origin.
func (o *origins) allowsSocket(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || o.allows(origin) || o.own(r, origin)
}

// allowedHeaders lists the headers that GraphQL clients and tracing libraries add to requests by themselves. The server
// ignores most of them, but a browser does not send a request that has a header which is not named here.
const allowedHeaders = "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, X-Requested-With, " +
	"apollographql-client-name, apollographql-client-version, apollo-require-preflight, " +
	"x-apollo-operation-name, x-apollo-operation-id, x-apollo-operation-type, x-apollo-cache-key, " +
	"graphql-client-name, graphql-client-version, graphql-preflight, graphql-require-preflight, " +
	"traceparent, tracestate, baggage, sentry-trace, b3, newrelic, x-amzn-trace-id, " +
	"x-datadog-origin, x-datadog-parent-id, x-datadog-sampling-priority, x-datadog-trace-id"

// exposedHeaders lists the headers of an answer that a page of another origin may read.
const exposedHeaders = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Server-Timing, X-Request-Id"

// varyOrigin is a header of every answer of the API.
var varyOrigin = []string{"Origin"}

// guard answers preflight requests, and lets allowed origins read answers. It refuses requests from other origins that a
// browser would send with cookies.
func (o *origins) guard(next http.Handler) http.Handler {
	deny := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		transport.Refuse(w, r, http.StatusForbidden, errs.New(errs.Forbidden, "requests from this origin are not allowed"))
	})
	strangers := http.NewCrossOriginProtection()
	strangers.SetDenyHandler(deny)
	strict := strangers.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Vary"] = varyOrigin
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
		case origin != "" && r.Method == http.MethodPost && r.Header.Get("Sec-Fetch-Site") == "" && !o.own(r, origin):
			deny(w, r) // net/http compares hosts only
		case transport.WantsEvents(r) && isElsewhere(r):
			deny(w, r) // the page could not read it, but would keep it open
		default:
			strict.ServeHTTP(w, r)
		}
	})
}

// isElsewhere reports whether a browser says that a request comes from a page of another origin.
func isElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}
