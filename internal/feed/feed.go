// Package feed lets whoever sends a subscription's events also make them.
//
// gqlgen takes a subscription's events from a channel, so a resolver needs a goroutine that fills it beside
// the one that empties it and sends. Most subscriptions wait most of the time, and there are thousands of
// them: here the one goroutine of the sender waits for what happens, makes the event, puts it into the
// channel and lets gqlgen take it from there.
//
// A Feed belongs to one goroutine. It starts none, unless Events is used without a sender.
package feed

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
)

// Feed makes the events of one subscription.
type Feed struct {
	next func() (more bool)
	end  func()
	err  error
}

type key struct{}

// With puts a feed into the context of a subscription that is about to be resolved. Whoever does so calls
// Next before each event is taken, and Close at the end.
func With(ctx context.Context) (context.Context, *Feed) {
	f := &Feed{}
	return context.WithValue(ctx, key{}, f), f
}

// Next waits until the channel of Events holds an event, or is closed because there are no more. It does
// nothing for a resolver that fills its channel by itself.
func (f *Feed) Next() {
	if f.next != nil && !f.next() {
		f.next = nil
	}
}

// Err is the error that ended the channel, nil for a good end.
func (f *Feed) Err() error { return f.err }

// Close ends the feed; it may be called twice.
func (f *Feed) Close() {
	f.next = nil
	if f.end != nil {
		f.end()
		f.end = nil
	}
}

// Events is the channel of a subscription. next waits for an event; its error says that there are no more,
// io.EOF that this is as it should be, and has to come soon after ctx ends. end is called once when nobody asks
// any more. Without a feed in the context a goroutine fills the channel until then.
func Events[T any](ctx context.Context, next func(ctx context.Context) (T, error), end func()) <-chan T {
	f, _ := ctx.Value(key{}).(*Feed)
	if f == nil {
		return pump(ctx, next, end)
	}
	events := make(chan T, 1)
	f.end = end
	f.next = func() bool {
		event, err := next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				f.err = err
			}
			close(events)
			return false
		}
		select {
		case events <- event:
		case <-ctx.Done(): // the event before was not taken
		}
		return true
	}
	return events
}

func pump[T any](ctx context.Context, next func(ctx context.Context) (T, error), end func()) <-chan T {
	events := make(chan T)
	go func() {
		defer close(events)
		defer end()
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "panic in a subscription", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		for {
			event, err := next(ctx)
			if err != nil {
				return
			}
			select {
			case events <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return events
}
