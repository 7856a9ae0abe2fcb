package server

import (
	"net"
	"testing"
)

// A connection that nobody has accepted yet is pending, also when an Accept has just timed out.
func TestPendingConnections(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if pending(l) {
		t.Error("a connection is pending before anybody connected")
	}
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if !pending(l) {
		t.Error("a connection that nobody accepted is not pending")
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	if pending(l) {
		t.Error("an accepted connection is pending")
	}
}
