package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"roost/server/transport"
)

// connections are those of all listeners of an address, open until limits.total. A further connection of a listener waits,
// others in the kernel's backlog, and are refused when that is full. Connections of one client beyond limits.perAddress are
// closed at once.
type connections struct {
	limits  connectionLimits
	permits chan struct{}

	mu   sync.Mutex
	open map[netip.Prefix]int
	// busy counts the connections that wait for an answer: their first request has not been read yet, or a request is being
	// handled. idle gets a value when busy becomes 0.
	busy int
	idle chan struct{}
}

// connectionLimits bound the connections of an address.
type connectionLimits struct {
	total int
	// perAddress bounds the connections of one IPv4 address or IPv6 /64 network; 0 is no bound.
	perAddress int
	// exempt reports whether perAddress does not apply to an address.
	exempt func(netip.Addr) bool
	// refused is called for each connection beyond perAddress.
	refused func()
	// sendBuffer is how many bytes the system may keep for a client; 0 leaves that to the system.
	sendBuffer int
}

func newConnections(limits connectionLimits) *connections {
	return &connections{limits: limits, permits: make(chan struct{}, limits.total), open: map[netip.Prefix]int{},
		idle: make(chan struct{}, 1)}
}

// boundedListener accepts connections within the limits that it shares with other listeners.
type boundedListener struct {
	net.Listener
	conns     *connections
	closed    chan struct{}
	once      sync.Once
	quiescing atomic.Bool
	began     time.Time // of an Accept while quiescing; Accept's alone
}

func (cs *connections) bound(l net.Listener) *boundedListener {
	return &boundedListener{Listener: l, conns: cs, closed: make(chan struct{})}
}

// Accept waits for a connection, and for a permit.
func (l *boundedListener) Accept() (net.Conn, error) {
	cs := l.conns
	for {
		l.window()
		c, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if !l.quiet() {
					continue
				}
				// At once, because connections that arrive between here and the end of Serve would be reset.
				_ = l.Close()
				err = errQuiesced
			}
			return nil, err
		}
		leave, ok := cs.enter(c.RemoteAddr().String())
		if !ok {
			cs.limits.refused()
			_ = c.Close() // nobody is informed of it
			continue
		}
		select {
		case cs.permits <- struct{}{}:
		case <-l.closed:
			leave()
			_ = c.Close() // nobody is to serve it
			return nil, net.ErrClosed
		}
		if tcp, is := c.(*net.TCPConn); is && cs.limits.sendBuffer > 0 {
			_ = tcp.SetWriteBuffer(cs.limits.sendBuffer)
		}
		return &boundedConn{Conn: c, conns: cs, leave: leave, free: sync.OnceFunc(func() { <-cs.permits })}, nil
	}
}

// enter counts a connection of an address, if the limit allows it. leave ends the counting and may be called repeatedly.
func (cs *connections) enter(remote string) (leave func(), ok bool) {
	network := transport.Network(remote)
	if cs.limits.perAddress == 0 || !network.IsValid() {
		return func() {}, true
	}
	if at, err := netip.ParseAddrPort(remote); err == nil && cs.limits.exempt(at.Addr().Unmap().WithZone("")) {
		return func() {}, true
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open[network] >= cs.limits.perAddress {
		return nil, false
	}
	cs.open[network]++
	return sync.OnceFunc(func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		if cs.open[network]--; cs.open[network] == 0 {
			delete(cs.open, network)
		}
	}), true
}

// errQuiesced ends Accept after quiesce.
var errQuiesced = errors.New("the listener accepts no more connections")

// quietFor is how long no connection may have arrived before Accept ends after quiesce.
const quietFor = time.Millisecond

// quiesce ends Accept, and closes the listener, in a moment without new connections. At any other time, closing it would reset
// the connections in the kernel's queue, and a proxy may not repeat the requests that it has sent over them.
func (l *boundedListener) quiesce() {
	if timed, ok := l.Listener.(deadliner); ok {
		l.quiescing.Store(true)
		_ = timed.SetDeadline(time.Now()) // for an Accept that waits
	}
}

// deadliner is a listener whose Accept ends at a time.
type deadliner interface{ SetDeadline(t time.Time) error }

// window sets the deadline of an Accept while quiescing.
func (l *boundedListener) window() {
	if timed, ok := l.Listener.(deadliner); ok && l.quiescing.Load() {
		l.began = time.Now()
		_ = timed.SetDeadline(l.began.Add(quietFor))
	}
}

// quiet reports whether it is certain that nobody connected while an Accept waited. It is not if the wait was cut short, or if
// the process ran so late that a connection may have arrived in the meantime.
func (l *boundedListener) quiet() bool {
	took := time.Since(l.began)
	return took >= quietFor && took < 20*quietFor && !pending(l.Listener)
}

// Close ends Accept, also one that waits for a permit.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// waitServed waits until every accepted connection has its answer, or until ctx ends. http.Server.Shutdown alone would close
// connections whose request it reads after it has begun, without an answer.
func (cs *connections) waitServed(ctx context.Context) {
	for {
		cs.mu.Lock()
		busy := cs.busy
		cs.mu.Unlock()
		if busy == 0 {
			return
		}
		select {
		case <-cs.idle:
		case <-ctx.Done():
			return
		}
	}
}

type boundedConn struct {
	net.Conn
	conns       *connections
	leave, free func()
	busy        bool // under conns.mu

	// held is what Together holds back, nil if nothing is; hold is how many bytes are written together.
	held *[]byte
	hold int
}

// setBusy sets whether the connection counts as one that waits for an answer.
func (c *boundedConn) setBusy(busy bool) {
	cs := c.conns
	cs.mu.Lock()
	defer cs.mu.Unlock()
	switch {
	case busy && !c.busy:
		cs.busy++
	case !busy && c.busy:
		if cs.busy--; cs.busy == 0 {
			select {
			case cs.idle <- struct{}{}:
			default:
			}
		}
	}
	c.busy = busy
}

// Close closes the connection, takes it out of the count of its address, and returns its permit.
func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	c.free()
	return err
}

// CloseWrite ends the sending half, if the connection has halves.
func (c *boundedConn) CloseWrite() error {
	if err := c.flush(); err != nil {
		return err
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// noteState is the ConnState function of a server. A connection that has become a websocket no longer counts for its address,
// because websockets have a limit of their own, by the address that proxies report.
func noteState(c net.Conn, state http.ConnState) {
	b, ok := c.(*boundedConn)
	if !ok {
		return
	}
	if isComplete(state) {
		_ = b.flush() // if it fails, so does the next read
	}
	b.setBusy(state == http.StateNew || state == http.StateActive)
	if state == http.StateHijacked {
		b.leave()
	}
}

// Streams is called when the answer to the last request on the connection begins to stream events. Like a websocket, it then no longer
// counts for its address, and not as a connection that waits for an answer.
func (c *boundedConn) Streams() {
	c.leave()
	c.setBusy(false)
}

// NetConn returns the underlying connection, for calls that only TCP connections have.
func (c *boundedConn) NetConn() net.Conn { return c.Conn }
