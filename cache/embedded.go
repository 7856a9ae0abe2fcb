package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"roost/internal/lifecycle"
)

const (
	// embeddedTimeout bounds one call of the in-process Redis, which does not hang, but takes half a millisecond for a script.
	embeddedTimeout = 5 * time.Second
	// embeddedConns is the number of connections to it. Each has goroutines of its own.
	embeddedConns = 8
	// embeddedTick is how often its clock advances. Keys expire up to this much late.
	embeddedTick = time.Second
	// embeddedKeys is the most keys that it keeps. Beyond that it is flushed.
	embeddedKeys = 40_000
)

// startEmbedded starts a Redis in the process. It has no port and can be reached only through dial, so other processes of the machine can
// neither read nor write it.
func startEmbedded() (m *miniredis.Miniredis, dial dialFunc, err error) {
	m = miniredis.NewMiniRedis()
	first, err := m.Dial() // starts the server, without a listener
	if err != nil {
		return nil, nil, fmt.Errorf("start the in-process Redis: %w", err)
	}
	_ = first.Close() // it was never used
	server := m.Server()
	return m, func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		server.ServeConn(newAnswers(theirs))
		return ours, nil
	}, nil
}

// maxAnswers is the most bytes of unread answers of one connection. Beyond that the connection is closed.
const maxAnswers = 64 << 20

// keptAnswers is the largest buffer that a connection reuses, in bytes.
const keptAnswers = 64 << 10

var errAnswersUnread = errors.New("the client does not read its answers")

// answers is the server's end of a connection. It buffers what the server writes until the client reads it. net.Pipe has
// no buffer: the server would block on its first answer while the client, still writing a long pipeline, does not read.
type answers struct {
	net.Conn
	mu      sync.Mutex
	waiting []byte
	some    chan struct{} // has an element if there is something to send
	closed  chan struct{}
	close   func() error
}

func newAnswers(c net.Conn) *answers {
	a := &answers{Conn: c, some: make(chan struct{}, 1), closed: make(chan struct{})}
	a.close = sync.OnceValue(func() error {
		close(a.closed)
		return c.Close()
	})
	go a.send()
	return a
}

// Write buffers b and never blocks.
func (a *answers) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting)+len(b) > maxAnswers {
		return 0, errors.Join(errAnswersUnread, a.close())
	}
	a.waiting = append(a.waiting, b...)
	select {
	case a.some <- struct{}{}:
	default:
	}
	return len(b), nil
}

// send writes what is buffered until the connection ends.
func (a *answers) send() {
	var sending []byte
	for {
		select {
		case <-a.closed:
			return
		case <-a.some:
		}
		if cap(sending) > keptAnswers {
			sending = nil
		}
		a.mu.Lock()
		sending, a.waiting = a.waiting, sending[:0]
		a.mu.Unlock()
		if _, err := a.Conn.Write(sending); err != nil {
			_ = a.close() // the client is gone
			return
		}
	}
}

// Close ends the connection and drops what the client has not read.
func (a *answers) Close() error { return a.close() }

// Ticker returns the service that expires keys of an in-process Redis and bounds their number. With a real Redis it does nothing.
func (r *Redis) Ticker() lifecycle.Service {
	return &lifecycle.Loop{Run: func(ctx context.Context) {
		if r.embedded == nil {
			return
		}
		tick := time.NewTicker(embeddedTick)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				r.embedded.FastForward(now.Sub(last))
				last = now
				if len(r.embedded.DB(0).Keys()) > embeddedKeys {
					r.embedded.FlushAll()
					r.coherence.forget()
				}
			}
		}
	}}
}
