package transport

import (
	"errors"
	"net"
	"time"
)

// write sends the queued messages and returns when none is left; the outbox starts it again. Once the connection is shut, it
// sends the close frame, closes written, and is not started again.
func (c *conn) write() {
	defer c.writeFailed()
	for {
		switch what, l := c.out.take(); what {
		case dueNothing:
			return
		case dueLetter:
			c.deliver(l)
		case duePing:
			c.ping()
		case dueFarewell:
			c.farewell()
			close(c.written)
			return
		}
	}
}

// writeFailed cuts the connection after a panic that has ended its writer.
func (c *conn) writeFailed() {
	if p := recover(); p != nil {
		logPanic(c.ctx, c.s.cfg.Log, p)
		c.shut(closeInternal, "Internal error", drop)
		c.cut()
		close(c.written)
	}
}

// deliver sends a letter.
func (c *conn) deliver(l letter) {
	defer c.unread.add(-len(l.data))
	if l.op != nil && l.op.silenced.Load() && l.kind != ofRest {
		return
	}
	deadline := time.Now().Add(c.s.cfg.WriteTimeout)
	c.sent(c.wire.deliver(l, deadline))
}

func (c *conn) ping() {
	c.sent(c.wire.ping(time.Now().Add(c.s.cfg.WriteTimeout)))
}

// sent is called after each write.
func (c *conn) sent(err error) {
	if err != nil {
		c.unwritten(err)
		return
	}
	c.wire.written()
}

// unwritten ends the connection after a failed write. Part of a frame may have been sent, so no close frame can follow.
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

// farewell is the last thing that is sent.
func (c *conn) farewell() {
	if c.ending == gone {
		return
	}
	if c.wire.farewell(c.code, c.reason, time.Now().Add(c.s.cfg.CloseTimeout)) != nil {
		c.cut()
		return
	}
	c.closeSent.Store(true)
}
