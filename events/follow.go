package events

import (
	"context"
	"log/slog"
	"time"

	"roost/internal/lifecycle"
)

const (
	// followEvery is how often the log is looked at when nobody wakes the follower.
	followEvery = 200 * time.Millisecond
	// followBatch is how many events it reads at once, and followWithin how long it may take.
	followBatch  = 1000
	followWithin = 5 * time.Second
)

// Follower has a node see events of some types in their order, from its start on. Unlike those of a Group, other
// nodes see them too, and no position is kept. It is a lifecycle.Service.
type Follower struct {
	lifecycle.Loop
	reader   *Reader
	fn       func(ctx context.Context, all []Entry) error
	types    []string
	wake     chan struct{}
	position int64 // -1 until it is known where the log ends
}

// NewFollower calls fn with events of the types. Those for which it fails come again.
func NewFollower(r *Reader, fn func(ctx context.Context, all []Entry) error, types ...string) *Follower {
	f := &Follower{reader: r, fn: fn, types: types, wake: make(chan struct{}, 1), position: -1}
	f.Run = f.run
	return f
}

// Wake makes it look now; it never blocks.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Follower) run(ctx context.Context) {
	var warned time.Time
	for ctx.Err() == nil {
		more, err := f.look(ctx)
		if err != nil && ctx.Err() == nil && time.Since(warned) > warnEvery {
			warned = time.Now()
			slog.WarnContext(ctx, "the log is not followed", "types", f.types, "error", err)
		}
		if !more || err != nil {
			pause(ctx, f.wake, followEvery)
		}
	}
}

// look passes on what came since the last look. It reports whether there is more.
func (f *Follower) look(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	head, err := f.reader.Head(ctx)
	if err != nil {
		return false, err
	}
	if f.position < 0 {
		f.position = head
	}
	if head <= f.position {
		return false, nil
	}
	all, err := f.reader.After(ctx, f.position, head, followBatch, f.types...)
	if err != nil {
		return false, err
	}
	if len(all) > 0 {
		if err := f.fn(ctx, all); err != nil {
			return false, err
		}
	}
	if len(all) == followBatch {
		f.position = all[len(all)-1].Seq
		return true, nil
	}
	f.position = head
	return false, nil
}
