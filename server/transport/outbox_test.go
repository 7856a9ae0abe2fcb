package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// crowded is a connection whose outbox has no room, with operations that wait to send.
type crowded struct {
	*conn
	operations map[string]*operation
	sent       map[string]chan bool
}

// newCrowded runs in a bubble of synctest.
func newCrowded(ids ...string) *crowded {
	c := &crowded{sent: map[string]chan bool{}, operations: map[string]*operation{}, conn: &conn{
		s: NewSocket(SocketConfig{}), out: newOutbox(func() {}), shutting: make(chan struct{})}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.out.put(letter{data: make([]byte, outboxBytes)})
	for _, id := range ids {
		op := &operation{c: c.conn, id: id, open: true}
		op.ctx, op.cancel = context.WithCancel(c.ctx)
		c.operations[id] = op
		c.sent[id] = make(chan bool, 1)
		go func() { c.sent[id] <- op.send(&text{[]byte(id)}, false) }()
		synctest.Wait() // so that they wait in this order
	}
	return c
}

// result is the result of an operation's send, if it has returned.
func (c *crowded) result(id string) string {
	synctest.Wait()
	select {
	case ok := <-c.sent[id]:
		if ok {
			return "sent"
		}
		return "not sent"
	default:
		return "waits"
	}
}

// forget is the first half of a `complete` of the client's: the operation has not noticed it yet.
func (c *crowded) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operations[id].open = false
}

// An operation that gives up when it is woken for room wakes the next one.
func TestRoomIsPassedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded("first", "second", "third")
		defer c.cancel()
		c.forget("first")
		c.out.take()
		for id, want := range map[string]string{"first": "not sent", "second": "sent", "third": "sent"} {
			if got := c.result(id); got != want {
				t.Errorf("the %s operation: %s, want %s", id, got, want)
			}
		}
	})
}

// Room that comes when the time is up is still used.
func TestRoomAtTheLastMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded("only")
		defer c.cancel()
		// There is room, and this one has not noticed it.
		c.out.mu.Lock()
		c.out.letters, c.out.bytes = nil, 0
		c.out.mu.Unlock()
		<-time.After(c.s.cfg.SlowAfter)
		if got := c.result("only"); got != "sent" {
			t.Errorf("it %s", got)
		}
		select {
		case <-c.shutting:
			t.Error("the connection was closed as too slow")
		default:
		}
	})
}

// Without room the connection ends when the time is up, and everybody who waits with it.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded("first", "second")
		defer c.cancel()
		<-time.After(c.s.cfg.SlowAfter - time.Nanosecond)
		if got := c.result("first"); got != "waits" {
			t.Errorf("before the time is up it %s", got)
		}
		<-time.After(time.Nanosecond)
		synctest.Wait()
		<-c.shutting
		if c.code != closeTryAgain || c.ending != drop {
			t.Errorf("closed with %d", c.code)
		}
		c.cutTimer.Stop() // there is no connection to cut
		for _, id := range []string{"first", "second"} {
			if c.result(id) == "waits" {
				t.Errorf("the %s still waits", id)
			}
		}
	})
}
