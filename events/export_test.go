package events

import (
	"context"
	"time"

	"roost/ent"
)

// ErrLost is errLost for tests.
var ErrLost = errLost

// Partition is a partition of a group whose worker a test plays.
type Partition struct{ l *lease }

// TakePartition takes the first partition of a group.
func TakePartition(ctx context.Context, g *Group) (Partition, error) {
	l, err := g.workers[0].take(ctx)
	return Partition{l}, err
}

// Look reads the log up to its end, and handles what it finds.
func (p Partition) Look(ctx context.Context) error {
	_, err := p.l.batch(ctx, nil)
	return err
}

// Handle commits a batch without events.
func (p Partition) Handle(ctx context.Context) error {
	return p.l.inTx(ctx, func(context.Context, *ent.Tx) error { return nil }, p.l.position)
}

// Release ends the lease.
func (p Partition) Release(ctx context.Context) error { return p.l.release(ctx) }

// SetGrace sets how long a wake-up of a sequencer's lookout may be on its way. It must be called before Start.
func SetGrace(l *Lookout, d time.Duration) { l.grace = d }

// Alerted reports whether a lookout has ever found that a wake-up was lost.
func Alerted(l *Lookout) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.alert.IsZero()
}

// Suspects reports whether a lookout has found events whose wake-up may still come.
func Suspects(l *Lookout) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.suspicion.came != nil
}
