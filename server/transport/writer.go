package transport

import (
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// write sends what is queued, and pings, until the connection is shut; then the close frame.
func (c *conn) write() {
	defer c.recover()
	ping := time.NewTicker(c.s.cfg.PingInterval)
	defer ping.Stop()
	for {
		sent := c.deliver()
		select {
		case <-ping.C:
			c.ping()
		default:
			if sent {
				continue
			}
			select {
			case <-ping.C:
				c.ping()
			case <-c.out.ready:
			case <-c.shutting:
				for c.deliver() { // the outbox is sealed: this ends
				}
				c.farewell()
				return
			}
		}
	}
}

// deliver sends the oldest letter; it reports whether there was one.
func (c *conn) deliver() bool {
	l, ok := c.out.take()
	if !ok {
		return false
	}
	if l.op != nil && l.op.silenced.Load() {
		return true
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTimeout))
	if err := c.ws.WriteMessage(websocket.TextMessage, l.data); err != nil {
		c.unwritten(err)
	}
	return true
}

func (c *conn) ping() {
	if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.s.cfg.WriteTimeout)); err != nil {
		c.unwritten(err)
	}
}

// unwritten ends the connection after a write that failed. Part of a frame may be out, so no close frame can
// follow.
func (c *conn) unwritten(err error) {
	select {
	case <-c.shutting: // cut on purpose
	default:
		if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
			c.s.cfg.Observer.WriteTimedOut()
			c.shut(closeTryAgain, "Too slow", drop)
		}
	}
	c.cut()
}

// farewell sends the close frame, and gives the client until the cut to answer it.
func (c *conn) farewell() {
	if c.ending == gone {
		return
	}
	frame := websocket.FormatCloseMessage(c.code, c.reason)
	deadline := time.Now().Add(c.s.cfg.CloseTimeout)
	if c.ws.WriteControl(websocket.CloseMessage, frame, deadline) != nil {
		c.cut()
		return
	}
	_ = c.ws.SetReadDeadline(deadline)
}
