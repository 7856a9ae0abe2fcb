package server_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/server"
)

// The guide is served as pages, as Markdown and as a list for programs, each with a tag, and compressed.
func TestGuideIsServed(t *testing.T) {
	t.Parallel()
	f := start(t)
	const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for path, want := range map[string]struct{ kind, text string }{
		"/docs":           {"text/html; charset=utf-8", "<h1 id=\"the-roost-api\">"},
		"/docs/errors":    {"text/html; charset=utf-8", "<code>BAD_REQUEST</code>"},
		"/docs/reference": {"text/html; charset=utf-8", "<h3 id=\"tweet\">"},
		"/docs/errors.md": {"text/markdown; charset=utf-8", "# Errors\n"},
		"/docs/style.css": {"text/css; charset=utf-8", "prefers-color-scheme: dark"},
		"/llms.txt":       {"text/plain; charset=utf-8", "# Roost\n\n> "},
	} {
		a := send(t, "GET", f.url+path, "", "Accept-Encoding", "identity")
		h, tag := a.header, a.header.Get("ETag")
		if a.status != http.StatusOK || h.Get("Content-Type") != want.kind || !strings.Contains(a.body, want.text) {
			t.Errorf("%s: %d %v %.300s", path, a.status, h, a.body)
		}
		if h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Vary") != "Accept-Encoding" ||
			h.Get("Cache-Control") != "no-cache" || len(tag) < 18 {
			t.Errorf("%s has the headers %v", path, h)
		}
		if head := send(t, "HEAD", f.url+path, "", "Accept-Encoding", "identity"); head.status != 200 || head.body != "" ||
			head.header.Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, head.status, head.header)
		}
		if again := send(t, "GET", f.url+path, "", "Accept-Encoding", "identity", "If-None-Match", tag); again.status != 304 || again.body != "" {
			t.Errorf("%s again: %d", path, again.status)
		}
		if z := send(t, "GET", f.url+path, "", "Accept-Encoding", "gzip"); z.header.Get("Content-Encoding") != "gzip" ||
			len(z.body) >= len(a.body) || z.header.Get("ETag") == tag {
			t.Errorf("%s with gzip: %v, %d bytes", path, z.header, len(z.body))
		}
	}
	for path, want := range map[string]int{"/docs/nothing": 404, "/docs/nothing.md": 404, "/docs/errors/more": 404} {
		if a := send(t, "GET", f.url+path, ""); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
	if a := send(t, "POST", f.url+"/docs", "x"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
	if a := send(t, "GET", f.url+"/docs", "", "Host", "evil.example"); a.status != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", a.status)
	}
}

// Where introspection is off, the guide does not show the schema either.
func TestGuideWithoutIntrospection(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.NoIntrospection = true })
	for _, path := range []string{"/docs/reference", "/docs/reference.md"} {
		if a := send(t, "GET", f.url+path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/docs", "/docs/clients", "/llms.txt", "/docs/index.md"} {
		if a := send(t, "GET", f.url+path, ""); a.status != http.StatusOK || strings.Contains(a.body, "/docs/reference") ||
			strings.Contains(a.body, "reference.md") || strings.Contains(a.body, `"/schema.graphqls"`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
