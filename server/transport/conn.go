package transport

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"roost/internal/errs"
)

// ending says what becomes of a connection's queue when it is shut.
type ending int

const (
	flush ending = iota // what is queued is sent, then the close frame
	drop                // the queue is dropped, the close frame is sent
	gone                // there is nobody to send anything to
)

// conn is one websocket. Its reader runs in serve; everything else that it starts is in wg.
type conn struct {
	s    *Socket
	ws   *websocket.Conn
	req  *http.Request
	exec graphql.GraphExecutor
	out  *outbox

	// ctx is that of all operations; it ends when the connection is shut.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	initTimer *time.Timer
	pace      pace

	mu         sync.Mutex
	initSeen   bool
	acked      bool
	retired    *errs.Error // why there are no new operations; nil while there may be
	who        InitResult
	operations map[string]*operation
	running    map[*operation]struct{} // also those that the client completed but that have not ended
	opEnded    chan struct{}           // closed when one ends; nil if nobody waits for that

	// shutting is closed by the first shut; the fields below are written before.
	shutting chan struct{}
	shutOnce sync.Once
	code     int
	reason   string
	ending   ending
	// peerCode is the code of the client's close frame, closeNone if it sent none. The reader's.
	peerCode int
	cutTimer *time.Timer
}

func newConn(s *Socket, ws *websocket.Conn, r *http.Request, exec graphql.GraphExecutor) *conn {
	c := &conn{
		s: s, ws: ws, req: r, exec: exec, out: newOutbox(),
		pace:       newPace(s.cfg.Rate, s.cfg.Burst),
		operations: map[string]*operation{},
		running:    map[*operation]struct{}{},
		shutting:   make(chan struct{}),
		peerCode:   closeNone,
	}
	c.ctx, c.cancel = context.WithCancel(r.Context())
	return c
}

// serve runs the connection and returns when all of it has ended.
func (c *conn) serve() {
	c.initTimer = time.AfterFunc(c.s.cfg.InitTimeout, func() {
		c.shut(closeInitTimeout, "Connection initialisation timeout", flush)
	})
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	readErr := c.read()
	c.initTimer.Stop()
	c.shut(closeNormal, "", gone)
	<-written
	c.linger(readErr)
	c.cutTimer.Stop()
	_ = c.ws.Close()
	c.wg.Wait()

	c.mu.Lock()
	who := c.who
	c.mu.Unlock()
	c.s.freeUser(who.UserID)
	if who.Release != nil {
		who.Release()
	}
}

// shut begins the end of the connection: operations are cancelled, the writer deals with the queue and the
// close frame, and after CloseTimeout the connection is cut whatever the client does. Only the first shut
// counts.
func (c *conn) shut(code int, reason string, how ending) {
	c.shutOnce.Do(func() {
		c.code, c.reason, c.ending = code, reason, how
		if n := c.out.seal(how != flush); n > 0 && how == drop {
			c.s.cfg.Observer.QueueDropped(n)
		}
		c.cutTimer = time.AfterFunc(c.s.cfg.CloseTimeout, c.cut)
		close(c.shutting)
		c.cancel()
	})
}

// cut ends the connection under the feet of reader and writer. If nothing has shut it before, it counts as
// broken, or as closed by the client if it said so.
func (c *conn) cut() {
	c.shut(closeNone, "", gone)
	_ = c.ws.NetConn().Close()
}

// retire lets no new operation begin, waits until those running have ended, though not longer than grace,
// and shuts the connection. Subscriptions are waited for only if all is set.
func (c *conn) retire(code int, reason string, grace time.Duration, all bool) {
	why := errs.Busy("the server restarts and", time.Second)
	if code == closeForbidden {
		why = errs.New(errs.Unauthenticated, "the session has ended")
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		c.mu.Lock()
		c.retired = why
		if c.opEnded == nil {
			c.opEnded = make(chan struct{})
		}
		ended, busy := c.opEnded, false
		for op := range c.running {
			busy = busy || all || !op.stream.Load()
		}
		c.mu.Unlock()
		if busy {
			select {
			case <-ended:
				continue
			case <-timer.C:
			case <-c.shutting:
			}
		}
		c.shut(code, reason, flush)
		return
	}
}

// closedWith is the code that the connection ended with; valid after serve.
func (c *conn) closedWith() int {
	if c.ending == gone {
		return c.peerCode
	}
	return c.code
}
