package transport

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// read handles what the client sends until there is no more, and gives the error that ended it.
func (c *conn) read() (err error) {
	defer c.recover()
	patience := 2*c.s.cfg.PingInterval + c.s.cfg.PingInterval/4
	alive := func() {
		select {
		case <-c.shutting: // the last deadline is the writer's
		default:
			_ = c.ws.SetReadDeadline(time.Now().Add(patience))
		}
	}
	c.ws.SetReadLimit(c.s.cfg.MaxMessage)
	c.ws.SetPongHandler(func(string) error { alive(); return nil })
	alive()
	for {
		kind, raw, err := c.ws.ReadMessage()
		if err != nil {
			c.readFailed(err)
			return err
		}
		select {
		case <-c.shutting: // read on to meet the client's close frame
			continue
		default:
		}
		alive()
		if !c.pace.allow(time.Now()) {
			c.shut(closeTooMany, "Too many messages", flush)
			continue
		}
		c.handle(kind, raw)
	}
}

// readFailed says how the connection ends when reading does.
func (c *conn) readFailed(err error) {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		c.peerCode = closed.Code
		return
	}
	if errors.Is(err, websocket.ErrReadLimit) { // gorilla has sent the close frame
		c.peerCode = closeMessageTooBig
		return
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		c.shut(closeTryAgain, "No answer to pings", drop)
	}
}

// linger discards what still comes, for at most CloseTimeout, after reading ended without the client's
// close frame: to close a connection with unread bytes would reset it, and the client might lose the
// frame that says why.
func (c *conn) linger(readErr error) {
	if _, met := errors.AsType[*websocket.CloseError](readErr); met {
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

// post queues a message of the connection itself. The reader does not wait: a client that makes the server
// answer without reading the answers is closed as soon as their reserve is full.
func (c *conn) post(data []byte) {
	if !c.out.put(letter{data: data}) {
		c.shut(closeTryAgain, "Too slow", drop)
	}
}

// recover ends the connection after a panic.
func (c *conn) recover() {
	if p := recover(); p != nil {
		logPanic(c.req.Context(), c.s.cfg.Log, p)
		c.shut(closeInternal, "Internal error", flush)
	}
}
