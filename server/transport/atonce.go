package transport

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

// text is a text message in parts, which follow each other. Several messages may have parts in common.
type text [5][]byte

// size returns the length of the message.
func (t *text) size() (n int) {
	for _, part := range t {
		n += len(part)
	}
	return n
}

// appendTo appends the message to a buffer.
func (t *text) appendTo(b []byte) []byte {
	for _, part := range t {
		b = append(b, part...)
	}
	return b
}

// maxAtOnce is the longest message that is written at once, in bytes. Longer ones are sent by the writer.
const maxAtOnce = 32 << 10

// atOnce is a frame that is written as far as the system takes it without waiting.
type atOnce struct {
	frame   []byte
	head    int // bytes of frame before the message
	written int
	// write is attempt as a function value, which is made once.
	write func(fd uintptr) (done bool)
}

var framesAtOnce = sync.Pool{New: func() any {
	a := &atOnce{}
	a.write = a.attempt
	return a
}}

// set makes the frame of a message.
func (a *atOnce) set(t *text) {
	a.frame, a.written = appendFrameHead(a.frame[:0], t.size()), 0
	a.head = len(a.frame)
	a.frame = t.appendTo(a.frame)
}

// left returns what was not written, as a letter; its data is a copy.
func (a *atOnce) left(op *operation) letter {
	switch {
	case a.written == len(a.frame):
		return letter{}
	case a.written == 0:
		return letter{op: op, data: append([]byte(nil), a.frame[a.head:]...)}
	default:
		return letter{op: op, data: append([]byte(nil), a.frame[a.written:]...), kind: ofRest}
	}
}

// appendFrameHead appends the head of a frame that contains a whole text message of up to maxAtOnce bytes. Frames of servers are
// not masked.
func appendFrameHead(b []byte, size int) []byte {
	const final = 1 << 7
	b = append(b, final|websocket.TextMessage)
	if size < 126 {
		return append(b, byte(size))
	}
	return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
}

// rawConn returns the access to the system's socket that writeAtOnce needs; nil if there is none. What wraps a TCP connection must not
// change what is written; TLS does.
func rawConn(c net.Conn) syscall.RawConn {
	for {
		switch below := c.(type) {
		case *net.TCPConn:
			raw, err := below.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		case *tls.Conn:
			return nil
		case interface{ NetConn() net.Conn }:
			c = below.NetConn()
		default:
			return nil
		}
	}
}

// writeAtOnce sends a message of an operation. The caller has claimed the outbox. It writes as much as the system takes without
// waiting, and leaves the rest to the writer. Most messages are sent so, without another goroutine and without a copy in a queue.
func (c *conn) writeAtOnce(op *operation, t *text) {
	a := framesAtOnce.Get().(*atOnce)
	defer framesAtOnce.Put(a)
	a.set(t)
	if c.raw != nil {
		_ = c.raw.Write(a.write) // after an error nothing was written, and the writer meets the same error
	}
	left := a.left(op)
	c.unread.add(len(left.data))
	if !c.out.settle(left) {
		c.unread.add(-len(left.data))
	}
}
