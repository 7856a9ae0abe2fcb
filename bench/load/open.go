package load

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// Pacer returns the times at which requests are due. A caller that is late receives the times that have passed at once, one after
// another; none is left out.
type Pacer struct {
	start    time.Time
	interval float64 // ns
	total    int64
	next     int64
}

// NewPacer paces rate times a second from the start on, for a while.
func NewPacer(start time.Time, rate float64, d time.Duration) *Pacer {
	return &Pacer{start: start, interval: float64(time.Second) / rate, total: int64(rate * d.Seconds())}
}

// Due returns when the next request is due; ok is false after the last one.
func (p *Pacer) Due() (at time.Time, ok bool) {
	if p.next >= p.total {
		return time.Time{}, false
	}
	at = p.start.Add(time.Duration(float64(p.next) * p.interval))
	p.next++
	return at, true
}

// Open runs an open loop: rate requests a second for a while. Latency counts from the time a request was
// due. It returns when all of them were answered, and fails if the server falls behind by more than
// Patience.
func (p *Pool) Open(ctx context.Context, rate float64, d time.Duration) (*Result, error) {
	return p.open(ctx, rate, d, napUntil)
}

// open is Open with another way to wait for a time.
func (p *Pool) open(ctx context.Context, rate float64, d time.Duration, waitUntil func(time.Time)) (*Result, error) {
	if rate <= 0 {
		return nil, errors.New("the rate of an open loop must be positive")
	}
	start := time.Now()
	pace := NewPacer(start, rate, d)
	// Requests that are due wait here for a connection. When all are busy the pacer waits; later it still returns the times at
	// which the requests were due.
	due := make(chan time.Time, len(p.workers))
	paced := make(chan struct{})
	var failed atomic.Bool
	go func() {
		defer close(paced)
		defer close(due)
		// A thread of its own: the runtime's timers are up to a millisecond late on an idle machine.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		precise()
		for {
			at, ok := pace.Due()
			if !ok || failed.Load() || ctx.Err() != nil {
				return
			}
			waitUntil(at)
			due <- at
		}
	}()
	r, err := p.run(ctx, start, start.Add(d), func(_ context.Context, w *worker) error {
		var err error
		for at := range due {
			if err != nil {
				continue // lets the pacer see that it is over
			}
			if err = w.ask(&p.traffic); err != nil {
				failed.Store(true)
				continue
			}
			w.latency.Record(time.Since(at))
		}
		return err
	})
	<-paced
	return r, err
}
