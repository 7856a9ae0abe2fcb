package live

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"roost/events"
)

const (
	// pollEvery is how often the log is looked at when nobody wakes the tail: without a wake-up, updates
	// come this late.
	pollEvery = 200 * time.Millisecond
	// tailBatch is how many events are read at once.
	tailBatch = 1000
	// tailSkip is how far a node may fall behind before it skips to the end and resets its subscribers.
	tailSkip = 50_000
)

// Tail reads the log on behalf of a node's hub. It is a lifecycle.Service.
type Tail struct {
	hub    *Hub
	reader *events.Reader
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	behind atomic.Int64
}

// NewTail makes a tail that feeds the hub.
func NewTail(h *Hub, r *events.Reader) *Tail {
	return &Tail{hub: h, reader: r, wake: make(chan struct{}, 1)}
}

// Wake makes the tail look now; it never blocks.
func (t *Tail) Wake() { signal(t.wake) }

// Behind is how many events the log was ahead of the node when it last looked.
func (t *Tail) Behind() int64 { return t.behind.Load() }

// Start begins at the end of the log.
func (t *Tail) Start(ctx context.Context) error {
	head, err := t.reader.Head(ctx)
	if err != nil {
		return err
	}
	t.hub.advance(head)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.cancel, t.done = cancel, make(chan struct{})
	go func() {
		defer close(t.done)
		t.run(run)
	}()
	return nil
}

// Stop ends the tail.
func (t *Tail) Stop(ctx context.Context) error {
	if t.cancel == nil {
		return nil
	}
	t.cancel()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// warnEvery bounds how often it is logged that the log cannot be read.
const warnEvery = 30 * time.Second

func (t *Tail) run(ctx context.Context) {
	var warned time.Time
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-tick.C:
		}
		if err := t.catchUp(ctx); err != nil && ctx.Err() == nil && time.Since(warned) > warnEvery {
			warned = time.Now()
			slog.WarnContext(ctx, "live updates wait for the log", "error", err)
		}
	}
}

// catchUp carries what the log holds to the hub.
func (t *Tail) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		from := t.hub.Position()
		head, err := t.reader.Head(ctx)
		if err != nil {
			return err
		}
		t.behind.Store(head - from)
		if head <= from || t.hub.PassOver(head) {
			return nil
		}
		if head-from > tailSkip {
			t.hub.SkipTo(head)
			return nil
		}
		entries, err := t.reader.After(ctx, from, head, tailBatch)
		if err != nil {
			return err
		}
		if len(entries) == 0 { // retention was faster
			t.hub.SkipTo(head)
			return nil
		}
		if first := entries[0].Seq; first > from+1 {
			// A process that was frozen for days may find that only the beginning is gone.
			oldest, err := t.reader.Oldest(ctx)
			if err != nil {
				return err
			}
			if oldest > from {
				t.hub.SkipTo(first - 1)
			}
		}
		t.hub.Carry(ctx, entries)
	}
	return nil
}
