package transport_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/gorilla/websocket"

	"roost/server/internal/testschema"
	"roost/server/transport"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// fixture is a server with both transports on the test schema.
type fixture struct {
	*httptest.Server
	res    *testschema.Resolvers
	socket *transport.Socket
	seen   *record
}

type setup struct {
	http       transport.HTTP
	socket     transport.SocketConfig
	extensions []graphql.HandlerExtension
}

func start(t *testing.T, change ...func(*setup)) *fixture {
	t.Helper()
	return startOn(t, nil, change...)
}

// startOn is start with a listener, or one of its own.
func startOn(t *testing.T, l net.Listener, change ...func(*setup)) *fixture {
	t.Helper()
	f := &fixture{
		res: &testschema.Resolvers{
			Items: make(chan *testschema.Item), Gate: make(chan struct{}), Ended: make(chan struct{}),
		},
		seen: &record{},
	}
	var s setup
	for _, c := range change {
		c(&s)
	}
	s.http.Observer, s.socket.Observer = f.seen, f.seen
	s.http.Log, s.socket.Log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	f.socket = transport.NewSocket(s.socket)
	s.http.Streams = f.socket
	exec := handler.New(testschema.NewExecutableSchema(testschema.Config{Resolvers: f.res}))
	exec.SetErrorPresenter(testschema.Present)
	exec.SetRecoverFunc(testschema.Recover)
	exec.Use(extension.Introspection{})
	for _, e := range s.extensions {
		exec.Use(e)
	}
	exec.AddTransport(f.socket)
	exec.AddTransport(s.http)
	f.Server = httptest.NewUnstartedServer(s.http.Receive(exec))
	if l != nil {
		_ = f.Listener.Close()
		f.Listener = l
	}
	f.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.socket.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		f.Close()
	})
	return f
}

// record is an Observer that remembers.
type record struct {
	mu      sync.Mutex
	codes   []string
	closes  []int
	dropped int
	late    int
	open    int
	streams int
	refused int
	cut     int
}

func (r *record) Operation(how, kind, code string, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes = append(r.codes, how+" "+kind+" "+code)
}
func (r *record) SocketOpened() { r.mu.Lock(); r.open++; r.mu.Unlock() }
func (r *record) SocketClosed(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open--
	r.closes = append(r.closes, code)
}
func (r *record) StreamOpened() { r.mu.Lock(); r.streams++; r.mu.Unlock() }
func (r *record) StreamClosed(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams--
	r.closes = append(r.closes, code)
}
func (r *record) SocketRefused()     { r.mu.Lock(); r.refused++; r.mu.Unlock() }
func (r *record) WriteTimedOut()     { r.mu.Lock(); r.late++; r.mu.Unlock() }
func (r *record) Cut()               { r.mu.Lock(); r.cut++; r.mu.Unlock() }
func (r *record) QueueDropped(n int) { r.mu.Lock(); r.dropped += n; r.mu.Unlock() }

func (r *record) cuts() int { r.mu.Lock(); defer r.mu.Unlock(); return r.cut }

func (r *record) has(operation string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.codes, operation)
}

func (r *record) lastClose() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.closes) == 0 {
		return 0
	}
	return r.closes[len(r.closes)-1]
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, what, ok)
}

// client is a raw graphql-transport-ws client: it sends what the test says.
type client struct {
	*websocket.Conn
	t *testing.T
}

func (f *fixture) dial(t *testing.T, protocols ...string) *client {
	t.Helper()
	if len(protocols) == 0 {
		protocols = []string{transport.Subprotocol}
	}
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: patience}
	ws, resp, err := d.Dial("ws"+strings.TrimPrefix(f.URL, "http"), http.Header{})
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, resp)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &client{ws, t}
}

// connected is a client whose connection is acknowledged.
func (f *fixture) connected(t *testing.T) *client {
	t.Helper()
	c := f.dial(t)
	c.say(`{"type":"connection_init"}`)
	c.expect(`{"type":"connection_ack"}`)
	return c
}

func (c *client) say(messages ...string) {
	c.t.Helper()
	for _, m := range messages {
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		if err := c.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			c.t.Fatalf("send %s: %v", m, err)
		}
	}
}

func (c *client) read() (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := c.ReadMessage()
	return string(raw), err
}

// expect wants exactly these messages next.
func (c *client) expect(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		got, err := c.read()
		if err != nil {
			c.t.Fatalf("want %s, got %v", want, err)
		}
		if got != want {
			c.t.Fatalf("want %s\n got %s", want, got)
		}
	}
}

// hearError wants an `error` for the id, with the code.
func (c *client) hearError(id, code string) {
	c.t.Helper()
	got, err := c.read()
	if err != nil {
		c.t.Fatalf("want an error for %s, got %v", id, err)
	}
	var m struct {
		ID, Type string
		Payload  []struct {
			Message    string
			Extensions map[string]any
		}
	}
	if err := json.Unmarshal([]byte(got), &m); err != nil || m.Type != "error" || m.ID != id ||
		len(m.Payload) == 0 || m.Payload[0].Extensions["code"] != code {
		c.t.Fatalf("want an error %s for %s, got %s", code, id, got)
	}
}

// hearClose wants the connection to be closed with the code, and nothing before.
func (c *client) hearClose(code int) {
	c.t.Helper()
	got, err := c.read()
	if err == nil {
		c.t.Fatalf("want close %d, got %s", code, got)
	}
	if !websocket.IsCloseError(err, code) {
		c.t.Fatalf("want close %d, got %v", code, err)
	}
}
