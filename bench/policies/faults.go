package policies

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Fault describes what fails during a run.
type Fault struct {
	Name string
	// steps are called in the middle of operations.
	steps Steps
	// flush is how often Redis is flushed, deaths how often a node dies; 0 means never.
	flush, deaths time.Duration
}

// The faults; doc.go describes them.
var (
	NoFault = Fault{Name: "none"}
	// Faults lists all faults, NoFault first.
	Faults = []Fault{
		NoFault,
		{Name: "slow readers", steps: Steps{Read: pause}},
		{Name: "flush", flush: 300 * time.Millisecond},
		{Name: "deaths", deaths: time.Second, steps: Steps{Write: die}},
	}
)

const (
	slowOneOf, maxSlow = 10, 100 * time.Millisecond
	dieOneOf           = 10
)

// pause delays one of slowOneOf reads, by up to maxSlow.
func pause(ctx context.Context, _ int64) {
	if rand.IntN(slowOneOf) > 0 {
		return
	}
	t := time.NewTimer(rand.N(maxSlow))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// die fails one of dieOneOf writes.
func die(context.Context, int64) error {
	if rand.IntN(dieOneOf) > 0 {
		return nil
	}
	return errDied
}

// every calls fn at an interval until the context ends or fn fails. With an interval of 0 it only waits for the context.
func every(ctx context.Context, d time.Duration, fn func() error) error {
	if d == 0 {
		return nil
	}
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := fn(); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// emptied flushes a Redis.
func emptied(ctx context.Context, url string) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	c := redis.NewClient(o)
	defer func() { _ = c.Close() }()
	return c.FlushAll(ctx).Err()
}
