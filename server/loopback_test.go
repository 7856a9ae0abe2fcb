package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"testing"

	"roost/server"
)

// has reports whether the machine has an address.
func has(t *testing.T, host string) bool {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Logf("this machine has no %s: %v", host, err)
		return false
	}
	return l.Close() == nil
}

// A server at localhost is found by clients that take it for 127.0.0.1 and by those that take it for ::1, on one port.
func TestLocalhostIsBothLoopbacks(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.Addr, c.AllowLocalhost = "localhost:0", true })
	port := strconv.Itoa(f.Addr().(*net.TCPAddr).Port)
	for _, host := range []string{"127.0.0.1", "::1"} {
		if !has(t, host) {
			continue
		}
		url := "http://" + net.JoinHostPort(host, port)
		for range 3 {
			if a := send(t, "POST", url+"/graphql", `{"query":"{hello}"}`, "Content-Type", "application/json"); !a.has(http.StatusOK, `"world"`) {
				t.Errorf("at %s: %d %s", host, a.status, a.body)
			}
		}
		if _, _, err := f.dial(t, "", "Origin", url); err != nil {
			t.Errorf("a socket of a page at %s: %v", host, err)
		}
	}
	if err := f.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if conn, err := net.Dial("tcp", net.JoinHostPort(host, port)); err == nil {
			t.Error(errors.Join(errors.New("it listens after its end at "+host), conn.Close()))
		}
	}
}

// Where another program has the port of one loopback address, `localhost` would lead some clients there: that is no start.
func TestLocalhostHalfTaken(t *testing.T) {
	t.Parallel()
	if !has(t, "::1") || !has(t, "127.0.0.1") {
		return
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		other, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		cfg := config(nil, &accounts{})
		cfg.Addr = "localhost:" + strconv.Itoa(other.Addr().(*net.TCPAddr).Port)
		s, err := server.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err == nil {
			t.Error(errors.Join(errors.New("it starts beside another program at "+host), s.Stop(t.Context())))
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Start(t.Context()); err != nil { // nothing was left behind
			t.Errorf("when the port is free: %v", err)
		} else if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
