package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/internal/requestid"
	"roost/server"
)

// The limit of sockets counts clients behind a trusted proxy by themselves, and everybody else by where
// they come from, whatever they claim.
func TestSocketsPerForwardedAddress(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	proxied := start(t, func(c *server.Config) { c.TrustedProxies, c.Socket.PerAddress = loopback, 1 })
	open := start(t, func(c *server.Config) { c.Socket.PerAddress = 1 })
	for _, c := range []struct {
		f         *fixture
		forwarded string
		status    int // of the refusal; 0 if it opens
	}{
		{proxied, "198.51.100.1", 0},
		{proxied, "198.51.100.1", 429},
		{proxied, "198.51.100.2, 198.51.100.1", 429}, // a claim
		{proxied, "198.51.100.2", 0},
		{proxied, "198.51.100.3, 127.0.0.9", 0}, // a chain
		{proxied, "2001:db8:0:1::1", 0},
		{proxied, "2001:db8:0:1:ffff::2", 429}, // the same /64
		{proxied, "2001:db8:0:2::1", 0},
		{proxied, "", 0}, // the proxy itself
		{proxied, "", 429},
		{open, "198.51.100.1", 0},
		{open, "198.51.100.2", 429},
	} {
		var headers []string
		if c.forwarded != "" {
			headers = []string{"X-Forwarded-For", c.forwarded}
		}
		_, resp, err := c.f.dial(t, "", headers...)
		if (err != nil) != (c.status != 0) || err != nil && resp.StatusCode != c.status {
			t.Errorf("%q: %v", c.forwarded, err)
		}
	}
}

// One address cannot take all connections; sockets and trusted proxies are not meant.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.PerAddress = 3 })
	for range 4 { // they are plain connections until they are upgraded
		ws, _, err := f.dial(t, "")
		if err != nil {
			t.Fatal(err)
		}
		receive(t, ws)
	}
	var held []net.Conn
	for range 3 {
		held = append(held, plain(t, f))
	}
	for range 2 {
		if c := plain(t, f); !ended(c) {
			t.Error("a connection too many stays open")
		}
	}
	if a := send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", ""); !a.has(200, "roost_connections_refused_total 2\n") {
		t.Errorf("metrics: %s", a.body)
	}
	_ = held[0].Close()
	eventually(t, "there is room again", func() bool { return !ended(plain(t, f)) })
	trusted := start(t, func(c *server.Config) {
		c.PerAddress, c.TrustedProxies = 3, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	for range 10 {
		if ended(plain(t, trusted)) {
			t.Error("a proxy's connection was closed")
		}
	}
}

// plain opens a connection and asks for something on it.
func plain(t *testing.T, f *fixture) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // it may be closed already
	return c
}

// ended reports whether the server has closed a connection instead of answering.
func ended(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	return err != nil || !strings.Contains(line, "200")
}

// A line of the log names the request, as its answer does.
func TestLogNamesTheRequest(t *testing.T) {
	t.Parallel()
	log := &lines{}
	f := start(t, func(c *server.Config) { c.Log = slog.New(requestid.Handler(slog.NewTextHandler(log, nil))) })
	f.accounts.setAway(true)
	a := f.query(t, "{hello}", "Cookie", "roost_session=key-1")
	id := a.header.Get("X-Request-Id")
	if len(id) != 16 || !strings.Contains(log.String(), `msg="a key could not be checked" error="`+errAway.Error()+`" request=`+id+"\n") {
		t.Errorf("the answer names %q, the log says %s", id, log.String())
	}
	ws, resp, err := f.dial(t, `{"Authorization":"Bearer key-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, code := receive(t, ws); code != 1013 {
		t.Errorf("closed with %d", code)
	}
	if id := resp.Header.Get("X-Request-Id"); id == "" || !strings.Contains(log.String(), " request="+id+"\n") {
		t.Errorf("the upgrade names %q, the log says %s", id, log.String())
	}
}

type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8080": "http://localhost:8080", "0.0.0.0:8080": "http://localhost:8080", "[::]:8080": "http://localhost:8080",
		"127.0.0.1:8080": "http://localhost:8080", "[::1]:80": "http://localhost:80", "localhost:80": "http://localhost:80",
		"127.0.0.2:8080": "http://127.0.0.2:8080", "roost.example:81": "http://roost.example:81",
	} {
		if got := server.PublicURL(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// The address is reported before anybody can be served.
func TestListening(t *testing.T) {
	t.Parallel()
	reported := ""
	f := start(t, func(c *server.Config) {
		c.Addr, c.PublicURL = ":0", ""
		c.Listening = func(addr net.Addr) { reported = addr.String() }
	})
	if reported != f.Addr().String() || reported == "" || strings.HasSuffix(reported, ":0") {
		t.Errorf("reported %q, listens on %s", reported, f.Addr())
	}
	cfg := config(nil, &accounts{})
	cfg.Addr = f.Addr().String()
	cfg.Listening = func(net.Addr) { t.Error("it does not listen") }
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error(errors.Join(errors.New("two servers on one address"), s.Stop(t.Context())))
	}
}
