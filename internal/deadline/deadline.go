// Package deadline has contexts that end at a time and cost next to nothing while nobody waits for that end. Most requests
// finish within microseconds and never wait, so a timer for each of them would be started and stopped for nothing.
package deadline

import (
	"context"
	"sync"
	"time"
)

// Context is like a context of [context.WithDeadline]. It starts its timer when Done is called for the first time, and reports
// the end of its time from Err with or without one. If its time is over and its parent has ended before anybody asks, it reports
// the end of the parent. The zero Context must be initialised with Begin before it is used. It is
// safe for concurrent use, and must not be copied.
type Context struct {
	context.Context // the parent
	end             time.Time

	mu     sync.Mutex
	timed  context.Context // with a timer; nil until somebody waits
	cancel context.CancelFunc
	over   bool // Cancel was called before somebody waited
}

var _ context.Context = (*Context)(nil)

// New returns a context that ends after a time, or when its parent ends, or when Cancel is called. Call Cancel when it is no
// longer needed.
func New(parent context.Context, after time.Duration) *Context {
	c := new(Context)
	c.Begin(parent, after)
	return c
}

// Begin initialises a Context that is part of something else. See New.
func (c *Context) Begin(parent context.Context, after time.Duration) {
	c.Context, c.end = parent, time.Now().Add(after)
}

// Deadline returns when the context ends, at the latest.
func (c *Context) Deadline() (end time.Time, ok bool) {
	if parents, ok := c.Context.Deadline(); ok && parents.Before(c.end) {
		return parents, true
	}
	return c.end, true
}

// withTimer returns the context with a timer, which it makes if it has to.
func (c *Context) withTimer() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.timed != nil:
	case c.over:
		c.timed = valuesOf{ended, c.Context}
	default:
		c.timed, c.cancel = context.WithDeadline(c.Context, c.end)
	}
	return c.timed
}

// Done returns a channel that is closed when the context ends.
func (c *Context) Done() <-chan struct{} { return c.withTimer().Done() }

// Err returns why the context has ended, nil before.
func (c *Context) Err() error {
	c.mu.Lock()
	timed, over := c.timed, c.over
	c.mu.Unlock()
	switch {
	case timed != nil:
		return timed.Err()
	case over:
		return context.Canceled
	case c.Context.Err() != nil || !time.Now().Before(c.end):
		return c.withTimer().Err() // from now on the answer stays the same
	}
	return nil
}

// Value returns a value of the parent. Package context asks for a key of its own, to find the context with the timer.
func (c *Context) Value(key any) any {
	c.mu.Lock()
	timed := c.timed
	c.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return c.Context.Value(key)
}

// ended is a context that has been cancelled.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Cancel ends the context and releases its timer. All calls but the first do nothing.
func (c *Context) Cancel() {
	if c.Err() != nil { // for another reason, or again
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over = true; c.cancel != nil {
		c.cancel()
	}
}

// valuesOf is a context that has ended, with the values of another one.
type valuesOf struct {
	context.Context
	values context.Context
}

// Value returns a value of the other context.
func (v valuesOf) Value(key any) any { return v.values.Value(key) }
