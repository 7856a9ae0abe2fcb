package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// The addresses of this machine that `localhost` means. Programs differ in which address they try first, and in whether they
// try the other one.
const (
	loopback4 = "127.0.0.1"
	loopback6 = "::1"
)

// portTries is how many free ports of one loopback address are tried on the other address, where they may be taken.
const portTries = 10

// listen listens on an address. The host `localhost` means both loopback addresses, or the only one that the machine has.
// Port 0 means a port that is free on both.
func (s *Server) listen(ctx context.Context, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host == "localhost" {
		return listenLocalhost(ctx, port)
	}
	return listenOn(ctx, addr)
}

func listenOn(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return l, nil
}

func listenLocalhost(ctx context.Context, port string) (net.Listener, error) {
	for try := 1; ; try++ {
		first, err := listenOn(ctx, net.JoinHostPort(loopback4, port))
		if isAbsent(err) {
			return listenOn(ctx, net.JoinHostPort(loopback6, port))
		}
		if err != nil {
			return nil, err
		}
		second, err := listenOn(ctx, net.JoinHostPort(loopback6, strconv.Itoa(first.Addr().(*net.TCPAddr).Port)))
		switch {
		case err == nil:
			return join(first, second), nil
		case isAbsent(err):
			return first, nil
		}
		err = errors.Join(err, first.Close())
		if port != "0" || !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, err
		}
	}
}

// isAbsent reports whether listening failed because the machine has no such address, for example because it has no IPv6.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT)
}

// joined accepts from two listeners. Addr returns the address of the first.
type joined struct {
	net.Listener
	second   net.Listener
	accepted chan accepted
	deadline chan time.Time // a new one for Accept, if it has not taken it yet
	closed   chan struct{}
	once     sync.Once
	running  sync.WaitGroup

	timer <-chan time.Time // of Accept alone; nil without a deadline
}

type accepted struct {
	conn net.Conn
	err  error
}

func join(first, second net.Listener) net.Listener {
	j := &joined{Listener: first, second: second, accepted: make(chan accepted),
		deadline: make(chan time.Time, 1), closed: make(chan struct{})}
	for _, l := range []net.Listener{first, second} {
		j.running.Go(func() { j.accept(l) })
	}
	return j
}

// accept passes on the connections that one of the listeners accepts, one at a time.
func (j *joined) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case j.accepted <- accepted{conn, err}:
		case <-j.closed:
			if conn != nil {
				_ = conn.Close() // nobody is to serve it
			}
			return
		}
	}
}

// Accept waits for a connection of either. It is called by one goroutine at a time.
func (j *joined) Accept() (net.Conn, error) {
	for {
		select {
		case a := <-j.accepted:
			return a.conn, a.err
		case t := <-j.deadline:
			j.timer = time.After(time.Until(t))
		case <-j.timer:
			j.timer = nil
			select {
			case a := <-j.accepted: // in the same moment
				return a.conn, a.err
			default:
				return nil, os.ErrDeadlineExceeded
			}
		case <-j.closed:
			return nil, net.ErrClosed
		}
	}
}

// SetDeadline sets the time at which Accept ends. It applies to the call that waits now, or else to the next.
func (j *joined) SetDeadline(t time.Time) error {
	select {
	case <-j.deadline: // it was not taken
	default:
	}
	select {
	case j.deadline <- t:
	default: // another one came in between
	}
	return nil
}

// Close ends both.
func (j *joined) Close() error {
	err := net.ErrClosed
	j.once.Do(func() {
		close(j.closed)
		err = errors.Join(j.Listener.Close(), j.second.Close())
		j.running.Wait()
	})
	return err
}
