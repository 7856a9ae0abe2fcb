package transport_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/server/transport"
	"roost/testkit/testtime"
)

// sessioned has connections whose session ends with the context.
func sessioned(ended context.Context, grace time.Duration) func(*setup) {
	return func(s *setup) {
		s.socket.EndGrace = grace
		s.socket.Init = func(context.Context, *http.Request, map[string]any) (transport.InitResult, error) {
			return transport.InitResult{Ended: ended}, nil
		}
	}
}

// The subscription that reports the end sends its event, then the connection is closed, at once when
// nothing else runs.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	defer end()
	f := start(t, sessioned(ended, patience))
	c := f.connected(t)
	c.say(subscribe("1", "subscription{sessionEnded}"))
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	close(f.res.Ended)
	end()
	c.expect(`{"id":"1","type":"next","payload":{"data":{"sessionEnded":true}}}`, `{"id":"1","type":"complete"}`)
	c.hearClose(4403)
}

// Subscriptions that go on regardless have until the grace is over, and nothing new begins.
func TestSessionEndsUnderStreams(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	defer end()
	f := start(t, sessioned(ended, 100*time.Millisecond))
	c := f.connected(t)
	c.say(subscribe("1", "subscription{silent}"))
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	began := time.Now()
	end()
	c.hearClose(4403)
	if took := time.Since(began); took > testtime.Soak(patience, time.Second) {
		t.Errorf("it took %v", took)
	}
	eventually(t, "the subscription ends", func() bool { return f.res.Running.Load() == 0 })
}

func TestNothingNewAfterTheSession(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	defer end()
	f := start(t, sessioned(ended, patience))
	c := f.connected(t)
	c.say(subscribe("1", "{gate}"))
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	end()
	refused := false
	for !refused { // the end is noticed a moment later
		c.say(subscribe("2", "{hello}"))
		got, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		refused = got == `{"id":"2","type":"error","payload":[{"message":"the session has ended","extensions":{"code":"UNAUTHENTICATED"}}]}`
		if !refused {
			c.expect(`{"id":"2","type":"complete"}`)
		}
	}
	close(f.res.Gate) // what ran may end
	c.expect(`{"id":"1","type":"next","payload":{"data":{"gate":"open"}}}`, `{"id":"1","type":"complete"}`)
	c.hearClose(4403)
}

func TestSessionEndedBeforeTheAck(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	f := start(t, sessioned(ended, patience))
	c := f.dial(t)
	c.say(initMessage)
	c.expect(ackMessage)
	c.hearClose(4403)
}

// Whichever of a session and its socket ends first, or both at once: the socket releases what it holds,
// once, and nothing waits for it.
func TestSessionAndSocketEndTogether(t *testing.T) {
	t.Parallel()
	const rounds = 60
	var ended context.Context
	released := make(chan struct{}, rounds+1)
	f := start(t, func(s *setup) {
		s.socket.EndGrace, s.socket.CloseTimeout = time.Millisecond, 50*time.Millisecond
		s.socket.Init = func(context.Context, *http.Request, map[string]any) (transport.InitResult, error) {
			return transport.InitResult{UserID: 1, Ended: ended, Release: func() { released <- struct{}{} }}, nil
		}
	})
	for i := range rounds {
		var end context.CancelFunc
		ended, end = context.WithCancel(t.Context())
		c := f.dial(t)
		c.say(initMessage)
		if i%2 == 0 {
			c.expect(ackMessage)
			c.say(subscribe("1", "subscription{silent}"))
		}
		go end()
		_ = c.NetConn().Close()
		if i%2 == 0 { // without an acknowledgement there may be nothing to release
			select {
			case <-released:
			case <-time.After(patience):
				t.Fatal("nothing was given back")
			}
		}
		eventually(t, "the socket is gone", func() bool {
			f.seen.mu.Lock()
			defer f.seen.mu.Unlock()
			return f.seen.open == 0 && len(f.seen.closes) == i+1
		})
		for i%2 == 1 && len(released) > 0 {
			<-released
		}
		if len(released) > 0 {
			t.Fatal("something was given back twice")
		}
	}
}

// A drain closes streams with 1012, lets a mutation end first, and takes nobody new.
func TestDrain(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.DrainGrace = patience })
	stream, busy, idle := f.connected(t), f.connected(t), f.dial(t)
	stream.say(subscribe("1", "subscription{silent}"))
	busy.say(subscribe("1", "mutation{gate}"))
	eventually(t, "they run", func() bool { return f.res.Running.Load() == 2 })
	drained := make(chan error)
	go func() { drained <- f.socket.Drain(t.Context()) }()
	stream.hearClose(1012)
	idle.hearClose(1012)
	f.refusedDial(t, 503, "UNAVAILABLE", nil)
	close(f.res.Gate)
	busy.expect(`{"id":"1","type":"next","payload":{"data":{"gate":"open"}}}`, `{"id":"1","type":"complete"}`)
	busy.hearClose(1012)
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
}

// Many connections leave in slices: some are still open when others have gone.
func TestDrainInSlices(t *testing.T) {
	t.Parallel()
	const sockets = 60
	f := start(t, func(s *setup) { s.socket.DrainOver = 2 * time.Second })
	closed := make(chan time.Time, sockets)
	for range sockets {
		c := f.connected(t)
		go func() {
			_, err := c.read()
			if !websocket.IsCloseError(err, 1012) {
				t.Errorf("got %v", err)
			}
			closed <- time.Now()
		}()
	}
	if err := f.socket.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := <-closed
	last := first
	for range sockets - 1 {
		if at := <-closed; at.After(last) {
			last = at
		}
	}
	if spread := last.Sub(first); spread < 100*time.Millisecond {
		t.Errorf("all were closed within %v", spread)
	}
}

// A drain ends with its context, whatever clients and operations do.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.DrainGrace, s.socket.CloseTimeout = patience, patience })
	c := f.connected(t)
	c.say(subscribe("1", "mutation{gate}"))
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := f.socket.Drain(ctx); err == nil {
		t.Error("nothing was cut off")
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	eventually(t, "the operation ends", func() bool { return f.res.Running.Load() == 0 })
}
