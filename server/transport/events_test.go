package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"roost/internal/caller"
	"roost/server/internal/testschema"
	"roost/server/transport"
)

// events is a client of one stream of Server-Sent Events.
type events struct {
	*http.Response
	t    *testing.T
	read *bufio.Reader
}

// postEvents is a POST that wants events, with headers in pairs.
func (f *fixture) postEvents(t *testing.T, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return wanting(r, headers...)
}

// getEvents is a GET that wants events, as EventSource sends it.
func (f *fixture) getEvents(t *testing.T, query string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"?query="+url.QueryEscape(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	return wanting(r, headers...)
}

func wanting(r *http.Request, headers ...string) *http.Request {
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// events sends the request and wants a stream.
func (f *fixture) events(t *testing.T, r *http.Request) *events {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("got %d %s: %s", resp.StatusCode, kind, body)
	}
	return &events{Response: resp, t: t, read: bufio.NewReader(resp.Body)}
}

// block returns the next lines up to an empty one, without it.
func (e *events) block() (string, error) {
	var lines []string
	for {
		line, err := e.read.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "|"), err
		}
		if line == "\n" {
			return strings.Join(lines, "|"), nil
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// expect wants exactly these blocks next; lines are separated by a bar.
func (e *events) expect(blocks ...string) {
	e.t.Helper()
	for _, want := range blocks {
		if got, err := e.block(); err != nil || got != want {
			e.t.Fatalf("want %s\n got %s, %v", want, got, err)
		}
	}
}

// expectEnd wants the end of the answer next, a good one or that of a connection which was cut.
func (e *events) expectEnd(good bool) {
	e.t.Helper()
	got, err := e.block()
	if got != "" || err == nil || (err == io.EOF) != good {
		e.t.Fatalf("want the end, got %q, %v", got, err)
	}
}

const (
	retryBlock    = "retry: 1000"
	completeBlock = "event: complete|data:"
)

func nextBlock(data string) string { return "event: next|data: " + data }

// Each operation is answered by its results and `complete`. What a document or its execution does wrong is a result; what is no
// request at all is an answer of GraphQL over HTTP.
func TestEventsOfOperations(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`{hello}`, []string{nextBlock(`{"data":{"hello":"world"}}`)}},
		{`mutation{signOut}`, []string{nextBlock(`{"data":{"signOut":"signed out"}}`)}},
		{`{echo(text:\"1\\n2\")}`, []string{nextBlock(`{"data":{"echo":"1\n2"}}`)}},
		{`subscription{ticks(n:2)}`, []string{retryBlock, nextBlock(`{"data":{"ticks":1}}`), nextBlock(`{"data":{"ticks":2}}`)}},
		{`subscription{ticks(n:0)}`, []string{retryBlock}},
		{`subscription{ticks(n:-1)}`, []string{retryBlock, nextBlock(`{"data":{"ticks":1}}`),
			nextBlock(`{"errors":[{"message":"the store is away","extensions":{"code":"UNAVAILABLE"}}]}`)}},
		{`subscription{refused}`, []string{retryBlock,
			nextBlock(`{"errors":[{"message":"sign in first","path":["refused"],"extensions":{"code":"UNAUTHENTICATED"}}]}`)}},
		{`{`, []string{nextBlock(`{"errors":[{"message":"Expected Name, found \u003cEOF\u003e.",` +
			`"locations":[{"line":1,"column":2}],"extensions":{"code":"BAD_REQUEST","reason":"PARSE"}}]}`)}},
	} {
		e := f.events(t, f.postEvents(t, `{"query":"`+c.query+`"}`))
		e.expect(c.want...)
		e.expect(completeBlock)
		e.expectEnd(true)
	}
	eventually(t, "all streams have ended", func() bool { return f.seen.openStreams() == 0 })
	if !f.seen.has("sse subscription OK") || !f.seen.has("sse subscription UNAUTHENTICATED") || f.seen.lastClose() != 1000 {
		t.Errorf("observed %v, closed with %d", f.seen.codes, f.seen.lastClose())
	}

	e := f.events(t, f.getEvents(t, "subscription{ticks(n:1)}"))
	e.expect(retryBlock, nextBlock(`{"data":{"ticks":1}}`), completeBlock)
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": ""} {
		if got := e.Header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	for _, c := range []struct {
		r      *http.Request
		status int
	}{
		{f.getEvents(t, "mutation{bump}"), 405},
		{f.getEvents(t, ""), 400},
		{f.postEvents(t, `{`), 400},
		{f.postEvents(t, `{"query":"{hello}"}`, "Content-Type", "text/plain"), 415},
		{f.postEvents(t, `{"query":"subscription{ticks(n:1)}"}`, "Accept", "application/json"), 400},
		{f.postEvents(t, `{"query":"subscription{ticks(n:1)}"}`, "Accept", "text/event-stream;q=0.1, application/json"), 400},
	} {
		if a := do(t, c.r); a.status != c.status || a.code() != "BAD_REQUEST" || strings.Contains(a.header.Get("Content-Type"), "event") {
			t.Errorf("%s %s: got %d %s", c.r.Method, c.r.URL.RawQuery, a.status, a.body)
		}
	}
	if f.res.Bumped.Load() != 0 {
		t.Error("a GET ran a mutation")
	}
}

// The id of each event is its cursor. A stream with a cursor sends it before the first event, and begins where Last-Event-ID says,
// whatever the argument says.
func TestEventsHaveCursors(t *testing.T) {
	t.Parallel()
	f := start(t)
	const query = `{"query":"subscription($a:String){shared(for:$a){id}}","variables":{"a":"the variable"}}`
	for _, c := range []struct {
		r    *http.Request
		from string
	}{
		{f.postEvents(t, `{"query":"subscription{shared{id}}"}`), "the beginning"},
		{f.postEvents(t, query), "after the variable"},
		{f.postEvents(t, query, "Last-Event-ID", "c1"), "after c1"},
		{f.postEvents(t, query, "Last-Event-ID", ""), "after the variable"},
		{f.getEvents(t, `subscription{shared{id}}`, "Last-Event-ID", "c1"), "after c1"},
		{f.getEvents(t, `subscription{shared(for:"literal"){id}}`, "Last-Event-ID", "c1"), "after c1"},
		{f.getEvents(t, `subscription{shared{id}}`, "Last-Event-ID", strings.Repeat("c", 2000)), "the beginning"},
	} {
		e := f.events(t, c.r)
		e.expect(retryBlock, "id: "+c.from)
		eventually(t, "it listens", func() bool { return f.res.Broadcast(testschema.Item{ID: "1", Cursor: "c2"}) > 0 })
		e.expect(`event: next|id: c2|data: {"data":{"shared":{"id":"1"}}}`)
		f.res.Broadcast(testschema.Item{ID: "2"})
		_ = e.Body.Close()
		eventually(t, "it has ended", func() bool { return f.res.Listeners() == 0 })
	}
}

// Equal subscriptions share events whatever they come over.
func TestEventsAreSharedWithSockets(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		nobody := func(ctx context.Context) context.Context { return caller.With(ctx, caller.New(0, 0)) }
		s.socket.Init = func(context.Context, *http.Request, map[string]any) (transport.InitResult, error) {
			return transport.InitResult{Ctx: nobody}, nil
		}
		s.socket.Caller = func(r *http.Request) (context.Context, transport.InitResult) {
			return context.WithoutCancel(r.Context()), transport.InitResult{Ctx: nobody}
		}
	})
	e := f.events(t, f.postEvents(t, `{"query":"subscription{shared{seen}}"}`))
	e.expect(retryBlock, "id: the beginning")
	c := f.connected(t)
	c.say(subscribe("s", "subscription{shared{seen}}"))
	eventually(t, "both listen", func() bool { return f.res.Listeners() == 2 })
	const rounds = 20
	for i := range rounds {
		id := fmt.Sprint(i)
		f.res.Broadcast(testschema.Item{ID: id, Key: id, Cursor: id})
		e.expect(`event: next|id: ` + id + `|data: {"data":{"shared":{"seen":"0 as nobody"}}}`)
		c.expect(next("seen", "0 as nobody"))
	}
	if n := f.res.Seen.Load(); n >= 2*rounds {
		t.Errorf("%d events were made %d times", rounds, n)
	}
}

// A client that goes away leaves nothing behind; a stream that waits keeps no goroutine but those of net/http.
func TestEventsLeaveNothingBehind(t *testing.T) {
	f := start(t, func(s *setup) { s.socket.PerAddress = 100 })
	transportOf := &http.Transport{}
	defer transportOf.CloseIdleConnections()
	before := runtime.NumGoroutine()
	const streams = 50
	var all []*http.Response
	for range streams {
		r := f.postEvents(t, `{"query":"subscription{shared{id}}"}`)
		resp, err := (&http.Client{Transport: transportOf}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resp)
	}
	eventually(t, "all listen", func() bool { return f.res.Listeners() == streams })
	// Two of the client and two of net/http's server for each connection: one handles the request, the other one reads.
	eventually(t, "no other goroutines are left", func() bool { return runtime.NumGoroutine() <= before+4*streams+5 })
	for _, resp := range all {
		_ = resp.Body.Close()
	}
	eventually(t, "all have ended", func() bool { return f.res.Listeners() == 0 && f.seen.openStreams() == 0 })
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+5 })
	f.events(t, f.postEvents(t, `{"query":"subscription{ticks(n:1)}"}`))
}

// A client that does not read is cut off, and holds no more than its queue until then.
func TestEventsOfASlowReader(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.SlowAfter, s.socket.WriteTimeout, s.socket.CloseTimeout = 300*time.Millisecond, time.Second, time.Second
	})
	e := f.events(t, f.postEvents(t, `{"query":"subscription{flood(size:50000)}"}`))
	eventually(t, "it is cut off", func() bool { return f.seen.lastClose() != 0 })
	if code := f.seen.lastClose(); code != 1013 {
		t.Errorf("closed with %d", code)
	}
	eventually(t, "its source has ended", func() bool { return f.res.Running.Load() == 0 })
	if _, err := io.Copy(io.Discard, e.read); err == nil {
		t.Error("what was cut off ended like a good answer")
	}
}

// A stream that has nothing to send sends comments.
func TestEventsAreKeptAlive(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.PingInterval = 20 * time.Millisecond })
	f.events(t, f.postEvents(t, `{"query":"subscription{silent}"}`)).expect(retryBlock, ":", ":", ":")
}

// Streams and sockets have the same limits together.
func TestLimitsOfEvents(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.Sockets, s.socket.PerUser, s.socket.UserPoints = 3, 2, 130
		s.socket.Caller = func(r *http.Request) (context.Context, transport.InitResult) {
			id := int64(len(r.Header.Get("User")))
			return context.WithoutCancel(r.Context()), transport.InitResult{UserID: id}
		}
	})
	silent := func(headers ...string) *http.Request {
		return f.postEvents(t, `{"query":"subscription{silent}"}`, append(headers, "Accept", "text/event-stream")...)
	}
	first := f.events(t, silent("User", "x"))
	f.events(t, silent("User", "x"))
	if a := do(t, silent("User", "x")); a.status != 429 || a.code() != "RATE_LIMITED" {
		t.Errorf("a third stream of a user: %d %s", a.status, a.body)
	}
	f.connected(t)
	if a := do(t, silent()); a.status != 503 || a.code() != "UNAVAILABLE" || a.header.Get("Retry-After") != "1" {
		t.Errorf("a stream too many: %d %s", a.status, a.body)
	}
	f.refusedDial(t, 503, "UNAVAILABLE", nil)
	// EventSource gives up after any other status than 200, so it gets a stream that ends.
	e := f.events(t, f.getEvents(t, "subscription{silent}"))
	e.expect(retryBlock)
	e.expectEnd(true)
	_ = first.Body.Close()
	eventually(t, "the place is free again", func() bool { return f.seen.openStreams() == 1 })
	f.events(t, silent("User", "x")).expect(retryBlock)
}

// The points of open subscriptions are charged over all transports, and come back at the end.
func TestBudgetOfEvents(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.AddressPoints = 100 })
	silent := f.postEvents(t, `{"query":"subscription{silent}"}`)
	first := f.events(t, silent)
	first.expect(retryBlock)
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	second := f.events(t, f.postEvents(t, `{"query":"subscription{silent}"}`))
	second.expect(retryBlock)
	if got, _ := second.block(); !strings.Contains(got, `"code":"RATE_LIMITED"`) {
		t.Errorf("got %s", got)
	}
	second.expect(completeBlock)
	c := f.connected(t)
	c.say(subscribe("1", "subscription{silent}"))
	c.hearError("1", "RATE_LIMITED")
	_ = first.Body.Close()
	eventually(t, "it has ended", func() bool { return f.res.Running.Load() == 0 && f.seen.openStreams() == 0 })
	f.events(t, f.postEvents(t, `{"query":"subscription{ticks(n:1)}"}`)).expect(retryBlock, nextBlock(`{"data":{"ticks":1}}`), completeBlock)
}

// The end of a session lets its streams end by themselves, and then ends the others with an error.
func TestEventsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(context.Background())
	f := start(t, func(s *setup) {
		s.socket.EndGrace = 50 * time.Millisecond
		s.socket.Caller = func(r *http.Request) (context.Context, transport.InitResult) {
			return context.WithoutCancel(r.Context()), transport.InitResult{UserID: 1, SessionID: 1, Ended: ended}
		}
	})
	told := f.events(t, f.postEvents(t, `{"query":"subscription{sessionEnded}"}`))
	other := f.events(t, f.postEvents(t, `{"query":"subscription{silent}"}`))
	eventually(t, "both run", func() bool { return f.res.Running.Load() == 2 })
	close(f.res.Ended)
	end()
	told.expect(retryBlock, nextBlock(`{"data":{"sessionEnded":true}}`), completeBlock)
	told.expectEnd(true)
	other.expect(retryBlock, nextBlock(`{"errors":[{"message":"the session has ended",`+
		`"extensions":{"closeCode":4403,"code":"UNAUTHENTICATED"}}]}`), completeBlock)
	other.expectEnd(true)
	eventually(t, "nothing runs", func() bool { return f.res.Running.Load() == 0 && f.seen.openStreams() == 0 })
}

// A drain ends streams without `complete`, so that clients come back, and in slices.
func TestDrainOfEvents(t *testing.T) {
	t.Parallel()
	const streams = 25
	f := start(t, func(s *setup) { s.socket.DrainOver = 400 * time.Millisecond })
	ends := make(chan time.Time, streams)
	for range streams {
		e := f.events(t, f.postEvents(t, `{"query":"subscription{silent}"}`))
		e.expect(retryBlock)
		go func() {
			if got, err := e.block(); got != "" || err != io.EOF {
				t.Errorf("want the end, got %q, %v", got, err)
			}
			ends <- time.Now()
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if err := f.socket.Drain(ctx); err != nil {
		t.Error(err)
	}
	var last time.Time
	for range streams {
		last = <-ends
	}
	if took := last.Sub(began); took < 20*time.Millisecond {
		t.Errorf("all streams ended within %s", took)
	}
	if f.seen.openStreams() != 0 || f.seen.lastClose() != 1012 {
		t.Errorf("%d streams are open; the last ended with %d", f.seen.openStreams(), f.seen.lastClose())
	}
	if a := do(t, f.postEvents(t, `{"query":"subscription{silent}"}`)); a.status != 503 {
		t.Errorf("a stream of a drained server: %d %s", a.status, a.body)
	}
}

// A panic ends the stream with an error.
func TestPanicsInEvents(t *testing.T) {
	t.Parallel()
	f := start(t)
	e := f.events(t, f.postEvents(t, `{"query":"subscription{panic}"}`))
	e.expect(retryBlock)
	if got, _ := e.block(); !strings.Contains(got, `"code":"INTERNAL"`) || strings.Contains(got, "secret") {
		t.Errorf("got %s", got)
	}
	e.expect(completeBlock)
	e.expectEnd(true)
}

func (r *record) openStreams() int { r.mu.Lock(); defer r.mu.Unlock(); return r.streams }
