package transport

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"roost/internal/errs"
)

// ending is what happens to a connection's queue when the connection is shut.
type ending int

const (
	flush ending = iota // what is queued is sent, then the close frame
	drop                // the queue is dropped, the close frame is sent
	gone                // there is nobody to send anything to
)

// conn is one websocket, or the answer to one request that is a stream of events, see eventStream. A websocket's reader runs from start
// to finish, its writer when there is something to send; everything else that it starts is in wg. There are thousands of
// them, most with nothing to do, so a connection keeps neither goroutines nor memory for what it does not do at the time.
type conn struct {
	s    *Socket
	addr netip.Prefix // the network that the connection counts for
	wire wire
	ws   *websocket.Conn // nil if the connection is not a websocket
	raw  syscall.RawConn // for writeAtOnce; may be nil
	exec graphql.GraphExecutor
	out  *outbox
	// unread counts the bytes that wait for the client.
	unread *account
	// req is the upgrade request, for Init; nil afterwards.
	req *http.Request

	// ctx is the parent of every operation's context; it ends when the connection is shut.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	initTimer *time.Timer
	pace      pace

	mu        sync.Mutex
	pingTimer *time.Timer
	unwatch   func() bool // ends the watch on the session; false if that has ended
	initSeen  bool
	acked     bool
	retired   *errs.Error // why there are no new operations; nil while there may be
	who       InitResult
	running   []*operation  // also those that the client completed but that have not ended
	opEnded   chan struct{} // closed when one ends; nil if nobody waits for that

	// written is closed by the writer when it has ended for good.
	written chan struct{}
	// shutting is closed by the first shut; the fields below are written before.
	shutting chan struct{}
	shutOnce sync.Once
	code     int
	reason   string
	ending   ending
	cutTimer *time.Timer
	// closeSent is set when a close frame is on its way to the client.
	closeSent atomic.Bool

	// Of the reader: the code of the client's close frame, closeNone if it sent none, and whether the
	// client has ended its side.
	peerCode int
	peerGone bool
	// inMessage is set from the first frame of a message to its end, which may never come.
	inMessage bool
}

// newConn returns a connection without a wire. ctx is the parent of the contexts of its operations.
func newConn(ctx context.Context, s *Socket, addr netip.Prefix, exec graphql.GraphExecutor) *conn {
	c := &conn{
		s: s, addr: addr, exec: exec,
		written:  make(chan struct{}),
		shutting: make(chan struct{}),
		peerCode: closeNone,
	}
	c.unread = s.cfg.Unread.account(c.addr, func() { go c.cutUnread() })
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// newSocketConn returns a connection over a websocket.
func newSocketConn(s *Socket, ws *websocket.Conn, r *http.Request, exec graphql.GraphExecutor) *conn {
	// The request ends with its handler, the connection goes on.
	c := newConn(context.WithoutCancel(r.Context()), s, Network(r.RemoteAddr), exec)
	c.ws, c.wire, c.req = ws, webSocket{ws}, r
	c.pace = newPace(s.cfg.Rate, s.cfg.Burst)
	c.raw = rawConn(ws.NetConn())
	c.out = newOutbox(func() { go c.write() })
	return c
}

// start runs the connection; it goes on until finish.
func (c *conn) start() {
	c.initTimer = time.AfterFunc(c.s.cfg.InitTimeout, func() {
		c.shut(closeInitTimeout, "Connection initialisation timeout", flush)
	})
	c.keepAlive()
	c.ws.SetReadLimit(c.s.cfg.MaxMessage)
	c.ws.SetPingHandler(c.pinged)
	c.ws.SetPongHandler(c.ponged)
	c.alive()
	go c.read()
}

// finish is the last step of the reader. It returns when everything that belongs to the connection has ended.
func (c *conn) finish() {
	defer c.s.gone(c)
	defer func() {
		if p := recover(); p != nil {
			logPanic(c.ctx, c.s.cfg.Log, p)
			_ = c.ws.NetConn().Close()
		}
	}()
	c.initTimer.Stop()
	c.shut(closeNormal, "", gone)
	<-c.written
	c.linger()
	c.cutTimer.Stop()
	_ = c.ws.Close()
	c.settle()
}

// settle waits until everything that belongs to the connection, which is shut, has ended.
func (c *conn) settle() {
	c.cutTimer.Stop()
	c.unread.close()
	c.release()
	c.wg.Wait()

	c.mu.Lock()
	who := c.who
	c.mu.Unlock()
	c.s.freeUser(who.UserID)
	if who.Release != nil {
		who.Release()
	}
}

// keepAlive pings from now on until the connection is shut.
func (c *conn) keepAlive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingTimer = time.AfterFunc(c.s.cfg.PingInterval, func() {
		c.out.ping()
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.isShut() {
			c.pingTimer.Reset(c.s.cfg.PingInterval)
		}
	})
}

// watch makes the connection end with its session. The caller holds the lock and is counted in wg.
func (c *conn) watch(ended context.Context) {
	if c.isShut() { // nobody would end the watch
		return
	}
	c.wg.Add(1)
	c.unwatch = context.AfterFunc(ended, func() {
		defer c.wg.Done()
		c.retire(closeForbidden, "Session ended", c.s.cfg.EndGrace, true)
	})
}

// release unblocks every goroutine that waits on the connection, which is shut.
func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingTimer.Stop()
	if c.unwatch != nil && c.unwatch() {
		c.wg.Done()
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
		if how != flush {
			c.unread.close()
		}
		c.cutTimer = time.AfterFunc(c.s.cfg.CloseTimeout, c.cut)
		close(c.shutting)
		c.cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, op := range c.running {
			op.wake()
		}
	})
}

// cut closes the connection while its reader and writer may still use it. If nothing has shut it before, it counts as broken, or
// as closed by the client if the client has sent a close frame. A client that was sent no close frame gets a reset: otherwise it
// might not notice the end before it reads, and the system would keep the bytes that it has not read.
func (c *conn) cut() {
	c.shut(closeNone, "", gone)
	c.wire.cut(!c.closeSent.Load())
}

// cutUnread cuts the connection because others need the memory that its unread bytes take. There is no close frame: a client
// that does not read would not see it.
func (c *conn) cutUnread() {
	c.s.cfg.Observer.Cut()
	c.shut(closeTryAgain, "Too slow", drop)
	c.cut()
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
		for _, op := range c.running {
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

// closedWith returns the code with which the connection ended. It is valid after finish.
func (c *conn) closedWith() int {
	if c.ending == gone {
		return c.peerCode
	}
	return c.code
}
