package events

import (
	"context"

	"roost/ent"
)

// ErrLost is errLost for tests.
var ErrLost = errLost

// Part is a part of a group that a test works on by hand.
type Part struct{ l *lease }

// TakePart takes the first part of a group.
func TakePart(ctx context.Context, g *Group) (Part, error) {
	l, err := g.workers[0].take(ctx)
	return Part{l}, err
}

// Look reads the log up to its end, and handles what it finds.
func (p Part) Look(ctx context.Context) error {
	_, err := p.l.batch(ctx, nil)
	return err
}

// Handle commits a batch without events.
func (p Part) Handle(ctx context.Context) error {
	return p.l.inTx(ctx, func(context.Context, *ent.Tx) error { return nil }, p.l.position)
}

// Release gives the part back.
func (p Part) Release(ctx context.Context) error { return p.l.release(ctx) }
