package server

import (
	"context"
	"net"
	"net/http"
	"sync"

	"roost/server/transport"
)

// heldBuffers holds memory for answers that are written together.
var heldBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Together holds back what is written to the connection from now on, until it is so many bytes. Then it goes out in one system call;
// net/http writes pieces of 4 KiB. The goroutine that serves the connection must call Together, while it answers, with no more bytes than
// the answer takes with its headers. What is still held after the answer goes out when the connection waits for the next request.
func (c *boundedConn) Together(bytes int) {
	if c.held == nil {
		c.held = heldBuffers.Get().(*[]byte)
	}
	c.hold = bytes
}

// Write is part of net.Conn. A write that is held back succeeds.
func (c *boundedConn) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	if len(*c.held) < c.hold {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes what is held back.
func (c *boundedConn) flush() (err error) {
	held := c.held
	if held == nil {
		return nil
	}
	c.held, c.hold = nil, 0
	if len(*held) > 0 {
		_, err = c.Conn.Write(*held)
	}
	*held = (*held)[:0]
	heldBuffers.Put(held)
	return err
}

// withConn is the ConnContext function of a server.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if b, ok := c.(*boundedConn); ok {
		return context.WithValue(ctx, transport.ConnKey{}, b)
	}
	return ctx
}

// isComplete reports whether a connection with this state has written its answer.
func isComplete(state http.ConnState) bool {
	return state == http.StateIdle || state == http.StateHijacked
}
