package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"roost/server/transport"
)

// boundedListener accepts while fewer than so many of its connections are open; others wait in the
// kernel's backlog, whose end refuses them. Of one address it closes those beyond perAddress at once.
type boundedListener struct {
	net.Listener
	limits connectionLimits
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open map[netip.Prefix]int
}

// connectionLimits are those of a listener.
type connectionLimits struct {
	total int
	// perAddress bounds the connections of one IPv4 address or IPv6 /64 network; 0 is no bound.
	perAddress int
	// exempt tells which addresses perAddress is not for.
	exempt func(netip.Addr) bool
	// refused is told of connections beyond perAddress.
	refused func()
}

func bound(l net.Listener, limits connectionLimits) net.Listener {
	return &boundedListener{Listener: l, limits: limits, slots: make(chan struct{}, limits.total),
		closed: make(chan struct{}), open: map[netip.Prefix]int{}}
}

// Accept waits for a slot and for a connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		leave, ok := l.enter(c.RemoteAddr().String())
		if ok {
			return &boundedConn{Conn: c, leave: leave, free: sync.OnceFunc(func() { <-l.slots })}, nil
		}
		l.limits.refused()
		_ = c.Close() // nobody is to hear of it
	}
}

// enter counts a connection of an address, if there is room; leave takes it back and may be called again.
func (l *boundedListener) enter(remote string) (leave func(), ok bool) {
	network := transport.Network(remote)
	if l.limits.perAddress == 0 || !network.IsValid() {
		return func() {}, true
	}
	if at, err := netip.ParseAddrPort(remote); err == nil && l.limits.exempt(at.Addr().Unmap().WithZone("")) {
		return func() {}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[network] >= l.limits.perAddress {
		return nil, false
	}
	l.open[network]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open[network]--; l.open[network] == 0 {
			delete(l.open, network)
		}
	}), true
}

// Close ends Accept, also one that waits for a slot.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	leave, free func()
}

// Close gives the slot back.
func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	c.free()
	return err
}

// CloseWrite ends the sending half, if the connection has halves.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// hijacked takes connections that have become websockets out of the count of their address: those have a
// limit of their own, by the address that proxies tell.
func hijacked(c net.Conn, state http.ConnState) {
	if b, ok := c.(*boundedConn); ok && state == http.StateHijacked {
		b.leave()
	}
}

// NetConn is the connection below, for what only TCP has.
func (c *boundedConn) NetConn() net.Conn { return c.Conn }
