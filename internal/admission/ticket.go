package admission

import "context"

// Ticket is the right of one request to run. All methods do nothing for a nil Ticket, and for one that Take has not filled in.
type Ticket struct {
	gate *Gate
	// Under the gate's lock:
	pauses int
	left   bool
}

// Key is the key of the ticket among the values of a context.
type Key struct{}

// With returns a context that carries the ticket of its request, see [FromContext].
func With(ctx context.Context, t *Ticket) context.Context { return context.WithValue(ctx, Key{}, t) }

// FromContext returns the ticket of the request, nil for work that came through no gate.
func FromContext(ctx context.Context) *Ticket {
	t, _ := ctx.Value(Key{}).(*Ticket)
	return t
}

// Leave ends the request. All calls but the first do nothing.
func (t *Ticket) Leave() {
	if t == nil || t.gate == nil {
		return
	}
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.left {
		return
	}
	t.left = true
	g.inside--
	if t.pauses == 0 {
		g.running--
	}
	g.next()
}

// Pause is called when the request waits for something that has a limit of its own. The request does not count as running
// until resume is called. Several parts of a request may wait at once; it counts as waiting while any of them waits.
func (t *Ticket) Pause() (resume func()) {
	if t == nil || t.gate == nil {
		return nothing
	}
	t.pause()
	return t.resume
}

func nothing() {}

func (t *Ticket) pause() {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	t.pauses++
	if t.pauses == 1 && !t.left {
		g.running--
		g.next()
	}
}

func (t *Ticket) resume() {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	t.pauses--
	if t.pauses == 0 && !t.left {
		g.running++
	}
}
