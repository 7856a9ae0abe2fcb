package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/server"
	"roost/server/internal/testschema"
	"roost/server/playground"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.AdminHandlers = map[string]http.Handler{"GET /panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret") })}
		c.Playground = playground.Config{Title: "Nest"}
	})
	f.query(t, "{hello}")
	admin := "http://" + f.AdminAddr().String()
	for url, want := range map[string]struct {
		status int
		part   string
	}{
		f.url + "/":                              {200, "<title>Roost</title>"},
		f.url + "/playground":                    {200, "<title>Nest</title>"},
		f.url + "/playground/start.js":           {200, "GraphiQL"},
		f.url + "/schema.graphqls":               {200, "type Query { hello: String! }"},
		f.url + "/healthz":                       {200, "ok"},
		f.url + "/readyz":                        {200, `"ready"`},
		f.url + "/graphql?query=%7Bhello%7D":     {200, `{"data":{"hello":"world"}}`},
		f.url + "/graphql/":                      {404, ""},
		f.url + "/nothing":                       {404, ""},
		f.url + "/metrics":                       {404, ""},
		f.url + "/debug/pprof/":                  {404, ""},
		admin + "/metrics":                       {200, `roost_operations_total{code="OK",kind="query",transport="http"}`},
		admin + "/debug/pprof/goroutine?debug=1": {200, "goroutine profile"},
		admin + "/panic":                         {500, `"INTERNAL"`},
		admin + "/graphql":                       {404, ""},
	} {
		if a := send(t, "GET", url, ""); !a.has(want.status, want.part) || strings.Contains(a.body, "secret") {
			t.Errorf("%s: %d %.300s", url, a.status, a.body)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.ServerTiming = true })
	a := f.query(t, "{hello}")
	if got := a.header.Get("Server-Timing"); !strings.Contains(got, `sql;dur=1.000;desc="1"`) {
		t.Errorf("Server-Timing %q", got)
	}
	if got := start(t).query(t, "{hello}").header.Get("Server-Timing"); got != "" {
		t.Errorf("Server-Timing %q though it is off", got)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var fail error
	hung := make(chan struct{})
	runs := 0
	sql := func(context.Context) error { runs++; return fail }
	f := start(t, func(c *server.Config) { c.Checks = []server.Check{{Name: "sql", Run: sql}} })
	for range 3 {
		if a := send(t, "GET", f.url+"/readyz", ""); !a.has(200, `"sql":"ok"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if runs != 1 {
		t.Errorf("%d checks in a moment", runs)
	}
	fail = errors.New("a secret address")
	eventually(t, "it is unready", func() bool {
		a := send(t, "GET", f.url+"/readyz", "")
		return a.has(503, `"sql":"failing"`) && a.has(503, `"unready"`) && !strings.Contains(a.body, "secret")
	})
	redis := start(t, func(c *server.Config) {
		c.Checks = []server.Check{{Name: "redis", Optional: true, Run: func(context.Context) error { return errors.New("away") }}}
	})
	if a := send(t, "GET", redis.url+"/readyz", ""); !a.has(200, `"redis":"degraded"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A check that ignores its deadline neither holds the answer up nor is started over and over.
	slow := start(t, func(c *server.Config) {
		c.CheckTimeout = 10 * time.Millisecond
		c.Checks = []server.Check{{Name: "slow", Run: func(context.Context) error { <-hung; return nil }},
			{Name: "wild", Run: func(context.Context) error { panic("a secret") }}}
	})
	for range 2 {
		if a := send(t, "GET", slow.url+"/readyz", ""); !a.has(503, `"slow":"failing","wild":"failing"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	close(hung)
	f.Drain()
	if a := send(t, "GET", f.url+"/readyz", ""); !a.has(503, `"draining"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if _, resp, err := f.dial(t, ""); err == nil || resp.StatusCode != 503 {
		t.Errorf("a socket during the drain: %v", err)
	}
}

// A stop lets requests end, sends sockets away with 1012, and leaves nothing open.
func TestStop(t *testing.T) {
	t.Parallel()
	f := start(t)
	ws, _, err := f.dial(t, "")
	if err != nil {
		t.Fatal(err)
	}
	receive(t, ws)
	answered := make(chan answer)
	go func() { answered <- f.query(t, "{gate}") }()
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	stopped := make(chan error)
	go func() { stopped <- f.Stop(t.Context()) }()
	if got, code := receive(t, ws); code != 1012 {
		t.Errorf("socket: %d %s", code, got)
	}
	select {
	case <-stopped:
		t.Error("it stopped before its requests")
	default:
	}
	close(f.res.Gate)
	if a := <-answered; !a.has(200, "open") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", f.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	f := start(t)
	go func() {
		resp, err := http.Get(f.url + "/graphql?query=%7Bhang%7D")
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.Stop(ctx); err == nil {
		t.Error("nothing was cut off")
	}
	eventually(t, "the operation ends", func() bool { return f.res.Running.Load() == 0 })
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cfg := config(&testschema.Resolvers{}, &accounts{})
	cfg.AdminAddr = taken.Addr().String()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error("two servers on one address")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop of what did not start: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := server.New(server.Config{}); err == nil || !strings.Contains(err.Error(), "Schema") ||
		!strings.Contains(err.Error(), "Authenticator") {
		t.Errorf("an empty config: %v", err)
	}
	for name, change := range map[string]func(*server.Config){
		"PublicURL":   func(c *server.Config) { c.PublicURL = "roost.example" },
		"star":        func(c *server.Config) { c.Origins = []string{"*"} },
		"pattern":     func(c *server.Config) { c.Origins = []string{"https://*.example"} },
		"path":        func(c *server.Config) { c.Origins = []string{"https://app.example/x"} },
		"check":       func(c *server.Config) { c.Checks = []server.Check{{Name: "x"}} },
		"connections": func(c *server.Config) { c.MaxConnections = -1 },
		"one address": func(c *server.Config) { c.PerAddress = -1 },
		"proxies":     func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::/0")} },
		"guard":       func(c *server.Config) { c.Guard.Depth = -1 },
		"body":        func(c *server.Config) { c.HTTP.MaxBody = -1 },
		"socket":      func(c *server.Config) { c.Socket.Rate = -1 },
	} {
		cfg := config(&testschema.Resolvers{}, &accounts{})
		change(&cfg)
		if _, err := server.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Slow senders are cut off, and hold nobody else up.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.ReadHeaderTimeout, c.ReadTimeout = 2*time.Second, 3*time.Second
	})
	for _, begin := range []string{
		"", "POST /graphql HTTP/1.1\r\nHost: x\r\n",
		"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := c.Write([]byte(begin)); err != nil {
			t.Fatal(err)
		}
		if a := f.query(t, "{hello}"); a.status != 200 {
			t.Errorf("beside it: %d", a.status)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for r := bufio.NewReader(c); ; {
			if _, err := r.ReadByte(); err != nil {
				if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
					t.Errorf("%q was waited for", begin)
				}
				break
			}
		}
	}
	if a := f.query(t, "{hello}", "X-Long", strings.Repeat("x", 32<<10)); a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("long headers: %d", a.status)
	}
}

// Connections beyond the limit wait until one of the others ends.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.MaxConnections = 2 })
	var held []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	defer func() { _ = held[1].Close() }()
	answered := make(chan answer, 1)
	go func() { answered <- f.query(t, "{hello}") }()
	select {
	case a := <-answered:
		t.Fatalf("a third connection was served: %d", a.status)
	case <-time.After(50 * time.Millisecond):
	}
	_ = held[0].Close()
	select {
	case a := <-answered:
		if a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	case <-time.After(patience):
		t.Error("it still waits")
	}
}

// The list of hostile requests, against the whole server, which answers them all and lives.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	f := start(t)
	quoted := func(query string) string { return fmt.Sprintf(`{"query":%q}`, query) }
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"fragment bomb":      {quoted("{item(id:1){...A}}fragment A on Item{self{...B}x:self{...B}}" + bomb(25)), 200, "QUERY_TOO_COMPLEX"},
		"deep nesting":       {quoted(strings.Repeat("{a", 10_000) + strings.Repeat("}", 10_000)), 200, "QUERY_TOO_COMPLEX"},
		"1,000 aliases":      {quoted("{" + aliases(1000) + "}"), 200, "QUERY_TOO_COMPLEX"},
		"5,000 equal fields": {quoted("{" + strings.Repeat("hello ", 5000) + "}"), 200, "QUERY_TOO_COMPLEX"},
		"50,000 directives":  {quoted("{hello" + strings.Repeat(" @a", 50_000) + "}"), 200, "QUERY_TOO_COMPLEX"},
		"5 MB body":          {quoted("{" + strings.Repeat("hello ", 900_000) + "}"), 413, "BAD_REQUEST"},
		"invalid UTF-8":      {"{\"query\":\"{hello}\xff\"}", 400, "BAD_REQUEST"},
		"NUL":                {`{"query":"{hello}\u0000"}`, 400, "BAD_REQUEST"},
		"lone surrogate":     {`{"query":"{echo(text:\"\ud800\")}"}`, 400, "BAD_REQUEST"},
		"first of 0":         {quoted("{items(first:0){nodes{id}}}"), 200, "BAD_REQUEST"},
		"first of -1":        {quoted("{items(first:-1){nodes{id}}}"), 200, "BAD_REQUEST"},
		"first of 101":       {quoted("{items(first:101){nodes{id}}}"), 200, "BAD_REQUEST"},
		"defer":              {quoted("{item(id:1){...@defer{id}}}"), 200, "BAD_REQUEST"},
		"batch":              {`[{"query":"{hello}"}]`, 400, "BAD_REQUEST"},
	} {
		for range 2 { // a second time, when a cache might hold it
			if a := f.query(t, "{hello}"); a.status != 200 {
				t.Fatalf("%s: the server is gone", name)
			}
			a := send(t, "POST", f.url+"/graphql", c.body, "Content-Type", "application/json")
			if !a.has(c.status, `"code":"`+c.code+`"`) {
				t.Errorf("%s: %d %.300s", name, a.status, a.body)
			}
		}
	}
}

func bomb(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "fragment %[1]c on Item{self{...%[2]c}x:self{...%[2]c}}", 'B'+rune(i%24), 'B'+rune((i+1)%24))
		if i == 23 {
			break
		}
	}
	return strings.Replace(b.String(), "fragment Y", "fragment Y on Item{id}fragment Z", 1)
}

func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d:hello ", i)
	}
	return b.String()
}
