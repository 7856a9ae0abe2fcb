package live

import (
	"context"
	"slices"
	"sync"

	"roost/events"
	"roost/internal/lifecycle"
)

// maxTailEvents is the most events that wait for the hub. Beyond it they are skipped, and the subscribers are reset.
const maxTailEvents = 50_000

// Tail passes the batches that a node's follower has applied to the hub, in their order. It has a goroutine of its own, so the
// follower never waits for subscribers. It is a lifecycle.Service.
type Tail struct {
	lifecycle.Loop
	hub   *Hub
	start func() events.Position
	some  lifecycle.Wake

	mu      sync.Mutex
	queue   []events.Batch
	waiting int // events in queue
}

// NewTail returns a tail for the hub. The tail reads the position when it starts. It pushes only events behind this position,
// and all of them must be passed to Take.
func NewTail(h *Hub, position func() events.Position) *Tail {
	t := &Tail{hub: h, start: position, some: lifecycle.NewWake()}
	t.Run = t.run
	return t
}

// Start reads the position and begins there.
func (t *Tail) Start(ctx context.Context) error {
	t.hub.advance(t.start())
	return t.Loop.Start(ctx)
}

// Take takes the next batch; it never blocks. With more than 50,000 events waiting (maxTailEvents), all of them and the batch
// are skipped, but a change of the log's epoch among them is kept.
func (t *Tail) Take(b events.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting+len(b.Entries) > maxTailEvents {
		restart := slices.ContainsFunc(t.queue, func(q events.Batch) bool { return q.Restart })
		t.queue, t.waiting = nil, 0
		b = events.Batch{Epoch: b.Epoch, From: b.From, To: b.To, Gap: true, Restart: restart}
	}
	t.queue = append(t.queue, b)
	t.waiting += len(b.Entries)
	t.some.Signal()
}

func (t *Tail) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.some:
		}
		t.carry(ctx)
	}
}

// carry passes the batches that wait to the hub.
func (t *Tail) carry(ctx context.Context) {
	for ctx.Err() == nil {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.queue = nil
			t.mu.Unlock()
			return
		}
		b := t.queue[0]
		t.queue = t.queue[1:]
		t.waiting -= len(b.Entries)
		t.mu.Unlock()
		t.hub.take(ctx, b)
	}
}
