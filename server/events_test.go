package server_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"roost/server"
)

// stream asks for the events of an operation by POST, with headers in pairs.
func (f *fixture) stream(t *testing.T, query string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/graphql", strings.NewReader(`{"query":"`+query+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return asked(t, r, headers...)
}

// source asks for the events of an operation as EventSource does.
func (f *fixture) source(t *testing.T, query string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/graphql?query="+url.QueryEscape(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	return asked(t, r, headers...)
}

func asked(t *testing.T, r *http.Request, headers ...string) *http.Response {
	t.Helper()
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// rest returns what a stream still sends until its end.
func rest(t *testing.T, resp *http.Response) string {
	t.Helper()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%v after %q", err, all)
	}
	return string(all)
}

// A stream belongs to the session of its request, and ends with it.
func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.Socket.EndGrace = 20 * time.Millisecond })
	streams := []*http.Response{
		f.stream(t, "subscription{silent}", "Authorization", "Bearer key-1"),
		f.source(t, "subscription{silent}", "Cookie", "roost_session=key-1"),
	}
	other := f.stream(t, "subscription{silent}", "Authorization", "Bearer key-2")
	eventually(t, "all run", func() bool { return f.res.Running.Load() == 3 })
	f.accounts.endSession(1)
	for _, s := range streams {
		if got := rest(t, s); !strings.Contains(got, `"closeCode":4403,"code":"UNAUTHENTICATED"`) ||
			!strings.HasSuffix(got, "event: complete\ndata:\n\n") {
			t.Errorf("got %q", got)
		}
	}
	eventually(t, "the other one goes on", func() bool { return f.res.Running.Load() == 1 })
	_ = other.Body.Close()
	eventually(t, "nothing is watched", func() bool {
		f.accounts.mu.Lock()
		defer f.accounts.mu.Unlock()
		return f.accounts.watching == 0
	})
	if resp := f.stream(t, "subscription{silent}", "Authorization", "Bearer key-1"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a session that has ended: %s", resp.Status)
	}
}

// Over a stream of events cookies are as over HTTP: a mutation sets them, and one that is no longer valid is removed.
func TestCookiesOfStreams(t *testing.T) {
	t.Parallel()
	f := start(t)
	resp := f.stream(t, "mutation{signIn(user:3)}")
	if got := resp.Header.Get("Set-Cookie"); !strings.Contains(got, "key-3") {
		t.Errorf("Set-Cookie is %q", got)
	}
	if got, want := rest(t, resp), "event: next\ndata: {\"data\":{\"signIn\":\"signed in\"}}\n\nevent: complete\ndata:\n\n"; got != want {
		t.Errorf("got %q", got)
	}
	resp = f.stream(t, "subscription{ticks(n:0)}", "Cookie", "roost_session=nobody's")
	if got := resp.Header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
		t.Errorf("Set-Cookie is %q", got)
	}
}

// Pages of other origins cannot open streams, unless the origin is allowed.
func TestOriginsOfStreams(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.Origins = []string{"https://app.example.com"} })
	const query = "subscription{ticks(n:0)}"
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{nil, 200},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.com"}, 200},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
	} {
		if resp := f.source(t, query, c.headers...); resp.StatusCode != c.status {
			t.Errorf("GET with %q: %s", c.headers, resp.Status)
		}
		if resp := f.stream(t, query, c.headers...); resp.StatusCode != c.status {
			t.Errorf("POST with %q: %s", c.headers, resp.Status)
		}
	}
	res := send(t, http.MethodOptions, f.url+"/graphql", "", "Origin", "https://app.example.com")
	if !strings.Contains(res.header.Get("Access-Control-Allow-Headers"), "Last-Event-ID") {
		t.Error("a page may not send Last-Event-ID")
	}
}

// The time limits of requests and answers do not end a stream, and its connection does not count for the address.
func TestStreamsOutliveTheirRequest(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.ReadTimeout, c.WriteTimeout, c.PerAddress = 100*time.Millisecond, 100*time.Millisecond, 2
		c.Socket.PingInterval = 50 * time.Millisecond
	})
	var streams []*bufio.Scanner
	for range 5 {
		streams = append(streams, bufio.NewScanner(f.stream(t, "subscription{silent}").Body))
	}
	began := time.Now()
	for _, s := range streams {
		for comments := 0; comments < 8; {
			if !s.Scan() {
				t.Fatalf("it ended after %s: %v", time.Since(began), s.Err())
			}
			if s.Text() == ":" {
				comments++
			}
		}
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("the comments came within %s", took)
	}
}

// A server that stops ends its streams, without `complete`, and lets none begin. EventSource is to come back.
func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.Socket.DrainOver = 20 * time.Millisecond })
	s := f.stream(t, "subscription{silent}")
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	f.Drain()
	if resp := f.stream(t, "subscription{silent}"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a stream while the server drains: %s", resp.Status)
	}
	resp := f.source(t, "subscription{silent}")
	if got := rest(t, resp); resp.StatusCode != http.StatusOK || got != "retry: 1000\n\n" || !resp.Close {
		t.Errorf("EventSource got %s, %q", resp.Status, got)
	}
	if got := rest(t, f.source(t, "{hello}")); !strings.Contains(got, "world") {
		t.Errorf("a query got %q", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.Stop(ctx); err != nil {
		t.Error(err)
	}
	if got := rest(t, s); got != "retry: 1000\n\n" {
		t.Errorf("got %q", got)
	}
	if n := f.res.Running.Load(); n != 0 {
		t.Errorf("%d subscriptions run", n)
	}
}
