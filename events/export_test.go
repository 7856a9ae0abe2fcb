package events

import (
	"context"

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
