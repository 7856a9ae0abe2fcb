package live

import (
	"context"
	"slices"
	"sync"

	"roost/events"
	"roost/internal/lifecycle"
)

// tailMost is how many events may wait to be carried before they are skipped and the subscribers reset.
const tailMost = 50_000

// Tail carries the batches that a node's follower has applied to the hub, in their order and in a goroutine of its own:
// the follower never waits for subscribers. It is a lifecycle.Service.
type Tail struct {
	lifecycle.Loop
	hub   *Hub
	start func() events.Position
	some  chan struct{}

	mu      sync.Mutex
	queue   []events.Batch
	waiting int // events in queue
}

// NewTail makes a tail that feeds the hub. Position is asked when it starts: what lies behind it will be passed to Take,
// and what lies before it is passed over.
func NewTail(h *Hub, position func() events.Position) *Tail {
	t := &Tail{hub: h, start: position, some: make(chan struct{}, 1)}
	t.Run = t.run
	return t
}

// Start begins at the position.
func (t *Tail) Start(ctx context.Context) error {
	t.hub.advance(t.start())
	return t.Loop.Start(ctx)
}

// Take takes the next batch; it never blocks. When too much waits already, all of that is skipped, but not that the log has
// entered another epoch.
func (t *Tail) Take(b events.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting+len(b.Entries) > tailMost {
		restart := slices.ContainsFunc(t.queue, func(q events.Batch) bool { return q.Restart })
		t.queue, t.waiting = nil, 0
		b = events.Batch{Epoch: b.Epoch, From: b.From, To: b.To, Gap: true, Restart: restart}
	}
	t.queue = append(t.queue, b)
	t.waiting += len(b.Entries)
	signal(t.some)
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

// carry carries what waits to the hub.
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
