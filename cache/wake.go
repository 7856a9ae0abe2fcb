package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/lifecycle"
)

// wakeChannel is the channel on which nodes publish that the log has grown. Messages are wake-ups without content: a lost one costs time,
// never an event.
const wakeChannel = keyPrefix + "log"

const (
	// deafEvery is how often a Waker that cannot receive anything calls onGrown.
	deafEvery = 200 * time.Millisecond
	// subscribedEvery is how often a subscribed Waker checks whether Redis answers calls.
	subscribedEvery = time.Second
)

// Waker publishes to other nodes that the log has grown, and receives the same from them. It is a lifecycle.Service.
type Waker struct {
	group lifecycle.Group
	grown chan struct{}
	// subscribed is true from the server's confirmation until the connection ends.
	subscribed atomic.Bool
	missed     lifecycle.Wake // signalled when the subscription ends
}

// NewWaker returns a Waker that calls onGrown whenever a node publishes that the log has grown. While Redis
// cannot be reached or refuses the subscription, the Waker calls onGrown five times a second instead. onGrown must not block.
func NewWaker(r *Redis, onGrown func()) *Waker {
	w := &Waker{grown: make(chan struct{}, 1), missed: lifecycle.NewWake()}
	w.group.Add("listen", &lifecycle.Loop{Run: func(ctx context.Context) { w.listen(ctx, r, onGrown) }})
	w.group.Add("replace", &lifecycle.Loop{Run: w.replace(r, onGrown).Run})
	w.group.Add("publish", &lifecycle.Loop{Run: func(ctx context.Context) { w.publish(ctx, r) }})
	return w
}

// replace returns the poll that takes the place of wake-ups while none can be received.
func (w *Waker) replace(r *Redis, onGrown func()) lifecycle.Poll {
	deaf := func() bool { return !w.subscribed.Load() || r.Health().Open }
	return lifecycle.Poll{
		Look: func(context.Context, bool) (more bool, err error) {
			if deaf() {
				onGrown()
			}
			return false, nil
		},
		Pace: func() time.Duration {
			if deaf() {
				return deafEvery
			}
			return subscribedEvery
		},
		Wake: w.missed,
	}
}

// Grown makes the Waker publish that the log has grown. It never blocks; a burst of calls is published once.
func (w *Waker) Grown() {
	select {
	case w.grown <- struct{}{}:
	default:
	}
}

// Start starts listening and publishing.
func (w *Waker) Start(ctx context.Context) error { return w.group.Start(ctx) }

// Stop stops both.
func (w *Waker) Stop(ctx context.Context) error { return w.group.Stop(ctx) }

func (w *Waker) publish(ctx context.Context, r *Redis) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.grown:
			// If Redis is unreachable, the other nodes find the events by polling.
			_ = r.call(ctx, wakeChannel, func(ctx context.Context, c *redis.Client) error {
				return c.Publish(ctx, wakeChannel, "").Err()
			})
		}
	}
}

// listen receives wake-ups until ctx ends. After a failure it subscribes again.
func (w *Waker) listen(ctx context.Context, r *Redis, onGrown func()) {
	for ctx.Err() == nil {
		w.listenOnce(ctx, r, onGrown)
		w.subscribed.Store(false)
		w.missed.Signal()
		select {
		case <-ctx.Done():
		case <-time.After(probeEvery):
		}
	}
}

// quiet is how long a subscription may be silent before it is pinged.
const quiet = 5 * time.Second

func (w *Waker) listenOnce(ctx context.Context, r *Redis, onGrown func()) {
	sub := r.client.Subscribe(ctx, wakeChannel)
	// An error of Close only means that the connection is gone already.
	end := sync.OnceFunc(func() { _ = sub.Close() })
	defer end()
	// Receive does not return when ctx ends, only when the connection does.
	defer context.AfterFunc(ctx, end)()
	// The log may have grown before the subscription began.
	onGrown()
	asked := false
	for ctx.Err() == nil {
		message, err := sub.ReceiveTimeout(ctx, quiet)
		if _, ok := message.(*redis.Pong); ok {
			asked = false
			continue
		}
		switch {
		case err == nil:
			asked = false
			onGrown()
			w.subscribed.Store(true)
		case ctx.Err() != nil || asked || !isTimeout(err) || sub.Ping(ctx) != nil:
			return
		default:
			asked = true
		}
	}
}

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}
