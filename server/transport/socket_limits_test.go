package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/server/transport"
)

// refusedDial wants the upgrade to be refused with the status.
func (f *fixture) refusedDial(t *testing.T, status int, code string, header http.Header) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{transport.Subprotocol}, HandshakeTimeout: patience}
	ws, resp, err := d.Dial("ws"+strings.TrimPrefix(f.URL, "http"), header)
	if err == nil {
		_ = ws.Close()
		t.Fatal("the upgrade was not refused")
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != status || !strings.Contains(string(body), `"`+code+`"`) {
		t.Errorf("got %d: %s", resp.StatusCode, body)
	}
}

func TestSocketsInTotal(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.Sockets = 2 })
	first := f.connected(t)
	f.connected(t)
	f.refusedDial(t, 503, "UNAVAILABLE", nil)
	_ = first.Close()
	eventually(t, "the place is free again", func() bool { return f.seen.lastClose() != 0 })
	f.connected(t)
}

func TestSocketsPerAddress(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.PerAddress = 1 })
	f.connected(t)
	f.refusedDial(t, 429, "RATE_LIMITED", nil)
}

func TestSocketsPerUser(t *testing.T) {
	t.Parallel()
	released := make(chan int64, 10)
	f := start(t, func(s *setup) {
		s.socket.PerUser = 2
		s.socket.Init = func(_ context.Context, _ *http.Request, payload map[string]any) (transport.InitResult, error) {
			id, _ := payload["user"].(json.Number).Int64()
			return transport.InitResult{UserID: id, Release: func() { released <- id }}, nil
		}
	})
	as := func(user int) *client {
		c := f.dial(t)
		c.say(fmt.Sprintf(`{"type":"connection_init","payload":{"user":%d}}`, user))
		return c
	}
	first := as(1)
	first.expect(ackMessage)
	as(1).expect(ackMessage)
	as(1).hearClose(1013)
	as(2).expect(ackMessage)
	if got := <-released; got != 1 {
		t.Errorf("released %d", got)
	}
	_ = first.Close()
	if got := <-released; got != 1 {
		t.Errorf("released %d", got)
	}
	as(1).expect(ackMessage)
}

func TestOperationsPerSocket(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.Operations = 2 })
	c := f.connected(t)
	c.say(subscribe("1", "subscription{silent}"), subscribe("2", "subscription{silent}"), subscribe("3", "{hello}"))
	c.hearError("3", "RATE_LIMITED")
	c.say(`{"id":"1","type":"complete"}`)
	eventually(t, "one ends", func() bool { return f.seen.has("socket subscription OK") })
	c.say(subscribe("3", "{hello}"))
	c.expect(`{"id":"3","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"3","type":"complete"}`)
}

func TestMessageRate(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.Rate, s.socket.Burst = 0.001, 5 })
	c := f.connected(t)
	for range 4 {
		c.say(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
	}
	c.say(`{"type":"ping"}`)
	c.hearClose(4429)
}

// Ping frames cost an answer each, so they count as messages do; answers to our pings do not.
func TestPingFrameRate(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.Rate, s.socket.Burst = 0.001, 5 })
	c := f.connected(t)
	pongs := 0
	c.SetPongHandler(func(string) error { pongs++; return nil })
	for range 10 {
		if err := c.WriteControl(websocket.PongMessage, nil, time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if err := c.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	c.hearClose(4429)
	if pongs != 4 {
		t.Errorf("%d ping frames were answered, want 4", pongs)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "https://good.example" }
	})
	f.refusedDial(t, 403, "FORBIDDEN", http.Header{"Origin": {"https://evil.example"}})
}

// A client that reads nothing loses its socket; one beside it notices nothing.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.SlowAfter, s.socket.CloseTimeout = 500*time.Millisecond, 100*time.Millisecond
		s.socket.WriteTimeout = time.Hour
	})
	slow, quick := f.connected(t), f.connected(t)
	if err := slow.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	slow.say(subscribe("1", "subscription{flood(size:100000)}"))
	for i := range 200 {
		id := fmt.Sprint(i)
		quick.say(subscribe(id, "{hello}"))
		quick.expect(`{"id":"`+id+`","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"`+id+`","type":"complete"}`)
	}
	eventually(t, "the slow socket is closed", func() bool { return f.seen.lastClose() == 1013 })
	eventually(t, "its subscription ends", func() bool { return f.res.Running.Load() == 0 })
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	if f.seen.dropped == 0 {
		t.Error("no message was counted as dropped")
	}
	// The queue was bounded: kernel buffers and 1 MiB, not all that the flood could send.
	if n := f.res.Flooded.Load(); n > 300 {
		t.Errorf("%d messages of 100 kB were taken from the source", n)
	}
	// It is not left to wait for more: it learns of the end as soon as it reads on.
	_ = slow.SetReadDeadline(time.Now().Add(patience / 5))
	for {
		if _, _, err := slow.ReadMessage(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Errorf("the slow client hears nothing: %v", err)
			}
			return
		}
	}
}

// A message that does not leave in time ends the connection, even if nothing else is to be sent.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.SlowAfter, s.socket.WriteTimeout = time.Hour, 50*time.Millisecond
	})
	c := f.connected(t)
	c.say(subscribe("1", "subscription{flood(size:10000000)}"))
	eventually(t, "the socket is closed", func() bool { return f.seen.lastClose() == 1013 })
	eventually(t, "its subscription ends", func() bool { return f.res.Running.Load() == 0 })
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	if f.seen.late != 1 {
		t.Errorf("%d writes count as late", f.seen.late)
	}
}

// A client that is gone while much is sent to it was not slow: its connection broke.
func TestBrokenWhileWriting(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	c.say(subscribe("1", "subscription{flood(size:100000)}"))
	eventually(t, "it is sent", func() bool { return f.res.Flooded.Load() > 3 })
	if err := c.NetConn().(*net.TCPConn).SetLinger(0); err != nil { // a reset, as of a process that died
		t.Fatal(err)
	}
	_ = c.NetConn().Close()
	eventually(t, "the socket is closed", func() bool { return f.seen.lastClose() != 0 })
	eventually(t, "its subscription ends", func() bool { return f.res.Running.Load() == 0 })
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	if f.seen.closes[0] != 1006 || f.seen.late != 0 || f.seen.dropped != 0 {
		t.Errorf("closed with %d, %d late writes, %d messages dropped", f.seen.closes[0], f.seen.late, f.seen.dropped)
	}
}

// A client that reads, though not as fast as a stream could send, gets all of it and stays.
func TestPatientReader(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	c.say(subscribe("1", "subscription{ticks(n:5000)}"))
	for i := range 5000 {
		c.expect(fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"ticks":%d}}}`, i+1))
	}
	c.expect(`{"id":"1","type":"complete"}`)
}

// A code reaches a client that had not read what came before it.
func TestCloseCodeAfterBacklog(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	c.say(subscribe("1", "subscription{ticks(n:100)}"))
	eventually(t, "the stream ends", func() bool { return f.res.Running.Load() == 0 })
	c.say(`nonsense`)
	for {
		_, err := c.read()
		if err != nil {
			if !websocket.IsCloseError(err, 4400) {
				t.Errorf("got %v", err)
			}
			return
		}
	}
}

// A message that is far too long is refused with its code, and the client may finish sending it: the
// connection is not reset under its hands, which could lose the code.
func TestTooLongWhileSending(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	if err := c.WriteMessage(websocket.TextMessage, make([]byte, 5<<20)); err != nil {
		t.Errorf("sending: %v", err)
	}
	c.hearClose(1009)
}

func TestPings(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.PingInterval = time.Second })
	good, dead := f.dial(t), f.dial(t)
	pings := make(chan struct{}, 100)
	answer := good.PingHandler()
	good.SetPingHandler(func(data string) error {
		select {
		case pings <- struct{}{}:
		default:
		}
		return answer(data)
	})
	dead.SetPingHandler(func(string) error { return nil }) // receives them, answers none
	for _, c := range []*client{good, dead} {
		c.say(initMessage)
		c.expect(ackMessage)
	}
	go func() { _, _ = good.read() }()
	dead.hearClose(1013)
	for range 4 { // longer than the dead one lived
		select {
		case <-pings:
		case <-time.After(patience):
			t.Fatal("no pings")
		}
	}
}

// Whatever way connections end, nothing of them is left.
func TestNoGoroutineIsLeft(t *testing.T) {
	f := start(t, func(s *setup) { s.socket.CloseTimeout = 50 * time.Millisecond })
	warm := f.connected(t)
	warm.say(`x`)
	warm.hearClose(4400)
	eventually(t, "the first is gone", func() bool { return f.seen.lastClose() == 4400 })
	before := runtime.NumGoroutine()
	for i := range 30 {
		c := f.connected(t)
		c.say(subscribe("1", "subscription{silent}"), subscribe("2", "{hang}"), subscribe("3", "subscription{flood(size:9000)}"))
		eventually(t, "they run", func() bool { return f.res.Running.Load() > 0 })
		switch i % 3 {
		case 0: // in order
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		case 1: // without a word
			_ = c.NetConn().Close()
		case 2: // thrown out
			c.say(initMessage)
		}
	}
	eventually(t, "all operations end", func() bool { return f.res.Running.Load() == 0 })
	eventually(t, "all goroutines end", func() bool {
		http.DefaultClient.CloseIdleConnections()
		return runtime.NumGoroutine() <= before
	})
	eventually(t, "no socket counts as open", func() bool {
		f.seen.mu.Lock()
		defer f.seen.mu.Unlock()
		return f.seen.open == 0
	})
}
