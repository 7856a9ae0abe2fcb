package server_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/server"
)

// One setting decides on reading across origins, on requests with cookies and on sockets.
func TestOrigins(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.PublicURL = "https://roost.example"
		c.Origins = []string{"https://app.example:8443", "http://OTHER.example:80/"}
	})
	local := start(t, func(c *server.Config) { c.AllowLocalhost = true })
	for _, c := range []struct {
		on      *fixture
		origin  string
		allowed bool
	}{
		{f, "https://roost.example", true},
		{f, "https://app.example:8443", true},
		{f, "http://other.example", true},
		{f, "https://app.example", false},
		{f, "http://app.example:8443", false},
		{f, "https://evil.example", false},
		{f, "https://app.example:8443.evil.example", false},
		{f, "http://localhost:3000", false},
		{f, "null", false},
		{local, "http://localhost:3000", true},
		{local, "https://localhost", true},
		{local, "http://127.0.0.1:5173", true},
		{local, "http://[::1]:5173", true},
		{local, "http://app.localhost:5173", true},
		{local, "http://localhost.evil.example", false},
		{local, "http://evil.example", false},
	} {
		bumped := c.on.res.Bumped.Load()
		a := c.on.query(t, "mutation{bump}", "Origin", c.origin, "Cookie", "roost_session=key-1")
		readable := a.header.Get("Access-Control-Allow-Origin") == c.origin &&
			a.header.Get("Access-Control-Allow-Credentials") == "true"
		ran := c.on.res.Bumped.Load() == bumped+1
		if readable != c.allowed || ran != c.allowed {
			t.Errorf("%s: readable %t, ran %t: %d %s", c.origin, readable, ran, a.status, a.body)
		}
		if !c.allowed && !a.has(http.StatusForbidden, `"FORBIDDEN"`) {
			t.Errorf("%s: %d %s", c.origin, a.status, a.body)
		}
		pre := send(t, "OPTIONS", c.on.url+"/graphql", "", "Origin", c.origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if (pre.header.Get("Access-Control-Allow-Methods") != "") != c.allowed || pre.status != http.StatusNoContent {
			t.Errorf("%s: preflight %d %v", c.origin, pre.status, pre.header)
		}
		_, resp, err := c.on.dial(t, "", "Origin", c.origin)
		if (err == nil) != c.allowed || err != nil && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: socket: %v", c.origin, err)
		}
	}
}

// The headers that GraphQL clients and tracing libraries add by themselves do not stop a request of an allowed page, and
// what it needs of an answer it may read.
func TestHeadersOfClients(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.AllowLocalhost = true })
	const origin = "http://localhost:5173"
	pre := send(t, "OPTIONS", f.url+"/graphql", "", "Origin", origin, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,content-type")
	allowed := map[string]bool{}
	for name := range strings.SplitSeq(pre.header.Get("Access-Control-Allow-Headers"), ",") {
		allowed[strings.ToLower(strings.TrimSpace(name))] = true
	}
	for _, name := range []string{"authorization", "content-type", "accept", "apollographql-client-name", "apollographql-client-version",
		"x-apollo-operation-name", "apollo-require-preflight", "sentry-trace", "baggage", "traceparent", "tracestate", "idempotency-key",
		"x-request-id"} {
		if !allowed[name] {
			t.Errorf("%s is not allowed: %v", name, pre.header)
		}
	}
	if allowed["*"] || allowed["cookie"] {
		t.Errorf("too much is allowed: %v", pre.header)
	}
	a := f.query(t, "{hello}", "Origin", origin)
	for _, name := range []string{"Server-Timing", "X-Request-Id", "Retry-After"} {
		if exposed := a.header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, name) {
			t.Errorf("%s cannot be read: %q", name, exposed)
		}
	}
	stranger := send(t, "OPTIONS", f.url+"/graphql", "", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST")
	if got := stranger.header.Get("Access-Control-Allow-Headers"); got != "" {
		t.Errorf("a stranger may send %s", got)
	}
}

// A page of the server itself, and programs that are no browsers, need no setting.
func TestSameOriginAndNone(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.PublicURL = "https://behind.proxy.example" })
	for _, origin := range []string{f.url, ""} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		if a := f.query(t, "mutation{bump}", headers...); !a.has(200, `"bump"`) {
			t.Errorf("%q: %d %s", origin, a.status, a.body)
		}
		if _, _, err := f.dial(t, "", headers...); err != nil {
			t.Errorf("%q: %v", origin, err)
		}
	}
	// What the browser itself calls cross-site is refused without any Origin.
	if a := f.query(t, "mutation{bump}", "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
		t.Errorf("cross-site: %d %s", a.status, a.body)
	}
}
