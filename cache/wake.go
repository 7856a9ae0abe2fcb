package cache

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/lifecycle"
)

// wakeChannel is where nodes tell each other that the log has grown. Messages are wake-ups without content:
// one that is lost costs time, never an event.
const wakeChannel = "v1:log"

// Waker tells the other nodes that the log has grown, and hears it from them. It is a lifecycle.Service.
type Waker struct {
	group lifecycle.Group
	grown chan struct{}
}

// NewWaker calls heard, which must not block, whenever some node says that the log has grown.
func NewWaker(r *Redis, heard func()) *Waker {
	w := &Waker{grown: make(chan struct{}, 1)}
	w.group.Add("listen", &lifecycle.Loop{Run: func(ctx context.Context) { r.listen(ctx, heard) }})
	w.group.Add("tell", &lifecycle.Loop{Run: func(ctx context.Context) { w.tell(ctx, r) }})
	return w
}

// Grown tells the other nodes, soon; it never blocks. Bursts are told once.
func (w *Waker) Grown() {
	select {
	case w.grown <- struct{}{}:
	default:
	}
}

// Start begins to listen.
func (w *Waker) Start(ctx context.Context) error { return w.group.Start(ctx) }

// Stop ends both goroutines.
func (w *Waker) Stop(ctx context.Context) error { return w.group.Stop(ctx) }

func (w *Waker) tell(ctx context.Context, r *Redis) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.grown:
			// Redis away: the others look by themselves.
			_ = r.call(ctx, wakeChannel, func(ctx context.Context, c *redis.Client) error {
				return c.Publish(ctx, wakeChannel, "").Err()
			})
		}
	}
}

// listen hears wake-ups until ctx ends, and begins anew after every failure.
func (r *Redis) listen(ctx context.Context, heard func()) {
	for ctx.Err() == nil {
		r.listenOnce(ctx, heard)
		select {
		case <-ctx.Done():
		case <-time.After(probeEvery):
		}
	}
}

// quiet is how long a subscription may be silent before it is asked whether it lives.
const quiet = 5 * time.Second

func (r *Redis) listenOnce(ctx context.Context, heard func()) {
	sub := r.client.Subscribe(ctx, wakeChannel)
	// Its error says only that the connection is gone already.
	end := sync.OnceFunc(func() { _ = sub.Close() })
	defer end()
	// Who receives does not notice that ctx ends, only that the connection does.
	defer context.AfterFunc(ctx, end)()
	// What happened while nobody listened.
	heard()
	asked := false
	for ctx.Err() == nil {
		_, err := sub.ReceiveTimeout(ctx, quiet)
		switch {
		case err == nil:
			asked = false
			heard()
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
