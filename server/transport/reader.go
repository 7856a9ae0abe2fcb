package transport

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// read handles the client's messages until the connection ends, and then calls finish. A connection spends nearly all of its life
// waiting here. So read is the first function of its goroutine and has a small frame: the collector shrinks a stack of which less
// than a quarter is in use, here to 4 KiB.
func (c *conn) read() {
	defer c.finish()
	defer c.recover()
	for {
		kind, r, err := c.ws.NextReader()
		if !c.accept(kind, r, err) {
			return
		}
	}
}

// accept processes the next message; it reports whether more may come.
func (c *conn) accept(kind int, r io.Reader, err error) bool {
	var raw []byte
	if err == nil {
		raw, err = c.readMessage(r)
	}
	if err != nil {
		c.readFailed(err)
		return false
	}
	if c.isShut() { // read on to meet the client's close frame
		return true
	}
	c.alive()
	if c.paced() {
		c.handle(kind, raw)
	}
	return true
}

// readMessage reads a message that has begun. The client has MessageTimeout for all of it: pongs between its frames win no time.
func (c *conn) readMessage(r io.Reader) ([]byte, error) {
	if !c.isShut() {
		_ = c.ws.SetReadDeadline(time.Now().Add(c.s.cfg.MessageTimeout))
	}
	c.inMessage = true
	arriving := arriving{Reader: r, held: c.unread}
	defer arriving.done()
	raw, err := io.ReadAll(&arriving)
	if err != nil {
		return nil, err
	}
	c.inMessage = false
	return raw, nil
}

// alive extends the deadline for the client's next message. A client that is alive answers pings, and so meets it.
func (c *conn) alive() {
	if !c.inMessage && !c.isShut() { // the last deadline is the writer's
		patience := 2*c.s.cfg.PingInterval + c.s.cfg.PingInterval/4
		_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	}
}

// paced reports whether the client keeps within its rate of messages, and shuts the connection if not.
func (c *conn) paced() bool {
	if !c.pace.allow(time.Now()) {
		c.shut(closeTooMany, "Too many messages", flush)
		return false
	}
	return true
}

func (c *conn) isShut() bool {
	select {
	case <-c.shutting:
		return true
	default:
		return false
	}
}

// pinged answers a ping frame. Such frames count as messages: each costs an answer.
func (c *conn) pinged(data string) error {
	c.alive()
	if !c.isShut() && c.paced() {
		c.postLetter(letter{data: []byte(data), kind: ofPong})
	}
	return nil
}

func (c *conn) ponged(string) error {
	c.alive()
	return nil
}

// readFailed shuts the connection after a failed read, with the code that fits the error.
func (c *conn) readFailed(err error) {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		c.peerCode, c.peerGone = closed.Code, true
		c.closeSent.Store(true) // or has gone without a close frame
		return
	}
	if errors.Is(err, websocket.ErrReadLimit) { // gorilla has sent the close frame
		c.peerCode = closeMessageTooBig
		c.closeSent.Store(true)
		return
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		why := "No answer to pings"
		if c.inMessage {
			why = "Too slow"
		}
		c.shut(closeTryAgain, why, drop)
	}
}

// linger reads and discards bytes for at most CloseTimeout, when reading has ended without the client's close frame. Closing a
// connection with unread bytes would reset it, and the client might lose the close frame that contains the reason.
func (c *conn) linger() {
	if c.peerGone {
		return
	}
	nc := c.ws.NetConn()
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the client sees the end, and closes in turn
	}
	_ = nc.SetReadDeadline(time.Now().Add(c.s.cfg.CloseTimeout))
	_, _ = io.Copy(io.Discard, nc)
}

// handle acts on one message.
func (c *conn) handle(kind int, raw []byte) {
	m, ok := decodeMessage(raw)
	if !ok || kind != websocket.TextMessage {
		c.shut(closeBadMessage, "Invalid message", flush)
		return
	}
	switch m.Type {
	case typeInit:
		c.handleInit(m.Payload)
	case typePing:
		c.post(encodeControl(typePong, m.Payload))
	case typeSubscribe:
		c.handleSubscribe(m)
	case typeComplete:
		c.handleComplete(m.ID)
	}
}

// post queues a message of the connection itself. The reader does not wait for room: a client that makes the server answer, and
// does not read the answers, is closed as soon as the queue is full.
func (c *conn) post(data []byte) { c.postLetter(letter{data: data}) }

func (c *conn) postLetter(l letter) {
	c.unread.add(len(l.data))
	if !c.out.put(l) {
		c.unread.add(-len(l.data))
		c.shut(closeTryAgain, "Too slow", drop)
	}
}

// recover ends the connection after a panic.
func (c *conn) recover() {
	if p := recover(); p != nil {
		logPanic(c.ctx, c.s.cfg.Log, p)
		c.shut(closeInternal, "Internal error", flush)
	}
}
