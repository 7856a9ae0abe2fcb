package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/server/transport"
)

// tightListener accepts connections with such small buffers that a long answer waits for its reader in the process.
type tightListener struct{ net.Listener }

func (l tightListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetWriteBuffer(4 << 10)
	}
	return c, err
}

// askFrom sends a query from an address of the loopback network over a connection of its own, and does not read.
func (f *fixture) askFrom(t *testing.T, ip, query string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	body := `{"query":"` + query + `"}`
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body),
		body); err != nil {
		t.Fatal(err)
	}
	return c
}

// readAnswer reads what comes over a connection until its end.
func readAnswer(c net.Conn) (string, error) {
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return string(raw), err
}

const longText = 100 << 10

// long is a query with a long answer.
func long() string { return `{echo(text:\"` + strings.Repeat("x", longText) + `\")}` }

// Clients that do not read their answers are cut off when they hold too much together: the network that holds most
// first, and not the client that merely reads late.
func TestAnswersThatNobodyReads(t *testing.T) {
	t.Parallel()
	const hostile = 16
	unread := transport.NewUnread(hostile / 2 * longText) // their buffers are larger than what is in them
	f := startTight(t, func(s *setup) { s.http.Unread, s.http.ReadGrace = unread, 10*patience })
	late := f.askFrom(t, "127.0.0.1", long())
	eventually(t, "the answer to be held", func() bool { return unread.Held() >= longText })
	for range hostile {
		f.askFrom(t, "127.0.0.2", long())
	}
	eventually(t, "half of the hostile answers to be cut off", func() bool { return f.seen.cuts() >= hostile/2 })
	_ = late.(*net.TCPConn).SetReadBuffer(1 << 20)
	if got, err := readAnswer(late); err != nil || len(got) < longText {
		t.Errorf("who read late got %d bytes: %v", len(got), err)
	}
	if n := f.seen.cuts(); n > hostile {
		t.Errorf("%d answers were cut off", n)
	}
}

// An answer over HTTP has to be read within a time that grows with its length.
func TestAnAnswerIsReadInTime(t *testing.T) {
	t.Parallel()
	f := startTight(t, func(s *setup) {
		s.http.ReadGrace, s.http.ReadRate = time.Millisecond, longText*10
	})
	slow := f.askFrom(t, "127.0.0.1", long())
	eventually(t, "the answer to be cut off", func() bool { return f.seen.cuts() == 1 })
	if got, err := readAnswer(slow); err == nil {
		t.Errorf("the whole answer of %d bytes was kept for a client that did not read", len(got))
	}
}

// What waits in the queues of sockets, or to get into them, counts as well.
func TestMessagesThatNobodyReads(t *testing.T) {
	t.Parallel()
	const most = 20
	unread := transport.NewUnread(most * longText)
	f := startTight(t, func(s *setup) {
		s.socket.Unread = unread
		s.socket.SlowAfter, s.socket.SendBuffer = patience, 4<<10
	})
	subscribe := func(i int) string {
		return fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"%s"}}`, i, long())
	}
	c := f.connected(t)
	for i := range most / 2 {
		c.say(subscribe(i))
	}
	// The system takes a few answers into its buffers. From here on the socket holds some, so it is the one that began first.
	eventually(t, "answers to be held", func() bool { return unread.Held() >= most/4*longText })
	other := f.connected(t)
	other.say(subscribe(1))
	for i := range most {
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		if c.WriteMessage(websocket.TextMessage, []byte(subscribe(most+i))) != nil {
			break // it is cut off already
		}
	}
	eventually(t, "the socket to be cut off", func() bool { return f.seen.cuts() == 1 })
	if got, err := other.read(); err != nil || len(got) < longText {
		t.Errorf("the other socket got %d bytes: %v", len(got), err)
	}
	eventually(t, "the socket to end", func() bool { return f.seen.lastClose() == 1013 })
}

// startTight is start with small buffers in the system.
func startTight(t *testing.T, change ...func(*setup)) *fixture {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, tightListener{l}, change...)
}

// Bodies that do not end count as well: those of the network that holds most are refused, and the others are answered when they end.
func TestBodiesThatDoNotEnd(t *testing.T) {
	t.Parallel()
	const hostile = 16
	unread := transport.NewUnread(hostile / 2 * longText)
	f := startTight(t, func(s *setup) { s.http.Unread = unread })
	late := f.begin(t, "127.0.0.1")
	eventually(t, "a part of the body to be held", func() bool { return unread.Held() >= longText })
	others := make([]net.Conn, hostile)
	for i := range others {
		others[i] = f.begin(t, "127.0.0.2")
	}
	eventually(t, "half of the hostile bodies to be cut off", func() bool { return f.seen.cuts() >= hostile/2 })
	if got, err := readAnswer(others[0]); err != nil || !strings.Contains(got, `"UNAVAILABLE"`) {
		t.Errorf("the first to be cut off got %q: %v", got, err)
	}
	_, _ = io.WriteString(late, `"}`)
	if got, err := readAnswer(late); err != nil || got != `{"data":{"__typename":"Query"}}` {
		t.Errorf("who was late got %q: %v", got, err)
	}
}

// begin sends a query but for the last two bytes of its body, from an address of the loopback network.
func (f *fixture) begin(t *testing.T, ip string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	body := `{"query":"{__typename}` + strings.Repeat(" ", longText)
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body)+2,
		body); err != nil {
		t.Fatal(err)
	}
	return c
}

// A message has to end in time, and pongs between its frames win none.
func TestMessagesThatDoNotEnd(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.MessageTimeout, s.socket.PingInterval = 300*time.Millisecond, 100*time.Millisecond
	})
	c := f.connected(t)
	w, err := c.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, strings.Repeat("x", longText)) // more than one frame
	c.hearClose(1013)
	eventually(t, "the socket to end", func() bool { return f.seen.lastClose() == 1013 })
}
