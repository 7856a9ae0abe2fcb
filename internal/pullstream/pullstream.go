// Package pullstream lets whoever sends a subscription's events also make them.
//
// gqlgen takes a subscription's events from a channel, so a resolver needs a goroutine that fills it beside
// the one that empties it and sends. Most subscriptions wait most of the time, and there are thousands of
// them: here the one goroutine of the sender waits for what happens, makes the event, puts it into the
// channel and lets gqlgen take it from there.
//
// # No event is lost
//
// gqlgen resolves the fields of an event after it has taken it from the channel, and a field may fail. The
// sender then calls Again, which puts the same event into the channel once more after a pause, a bounded number
// of times, and after that Replace, which puts the Lost event of the resolver in its place. When neither can
// help, the sender ends the subscription with the error. What a resolver reads to make an event it tries
// again with Retry, by the same rules.
//
// A Feed belongs to one goroutine. It starts none, unless Events is used without a sender.
package pullstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// pauses are the waits before each retry of what failed. They are long enough in sum (1 to 2 s) for a failover of a
// connection, and shorter than a client waits before it takes an update for missing.
var pauses = [...]time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond}

// Retries is how often an event, or what it is made of, is tried again.
const Retries = len(pauses)

// Source is where the events of one subscription come from.
type Source[T any] struct {
	// Next waits for an event. Its error says that there are no more, io.EOF that this is as it should be; it
	// has to come soon after ctx ends.
	Next func(ctx context.Context) (T, error)
	// Lost returns what is sent instead of an event that cannot be resolved. Nil ends the subscription with
	// the error then.
	Lost func(event T) T
	// End is called once, when nobody asks for events any more.
	End func()
}

// Feed makes the events of one subscription.
type Feed struct {
	next func() (more bool)
	// again puts the last event into the channel once more, replace its substitute; nil without one.
	again, replace func()
	// take empties the channel.
	take  func()
	pause func(retry int) bool
	// key is the key of the event in the channel.
	key string
	// retries are those of the last event; waiting says that it is in the channel once more.
	retries int
	waiting bool
	end     func()
	err     error
}

// Keyed is an event that has a key: of two events of the same field with the same key, made for the same caller at about
// the same time, one can replace the other.
type Keyed interface{ EventKey() string }

// keyOf is the key of an event, or "" if it is not Keyed.
func keyOf(event any) string {
	if keyed, ok := event.(Keyed); ok {
		return keyed.EventKey()
	}
	return ""
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
	if f.waiting {
		f.waiting = false
		return
	}
	f.retries = 0
	if f.next != nil && !f.next() {
		f.next = nil
	}
}

// Key returns the key of the event in the channel, or "" if it is not Keyed.
func (f *Feed) Key() string { return f.key }

// Skip takes the event out of the channel, for a sender that has its answer already.
func (f *Feed) Skip() {
	if f.take != nil {
		f.take()
	}
}

// Again waits a moment and puts the event that was taken last into the channel once more; the next call of Next
// returns at once. It reports false when the event has been tried again most times, when ctx has ended, and for
// a resolver that fills its channel by itself. Most is at most Retries.
func (f *Feed) Again(most int) bool {
	if f.again == nil || f.retries >= min(most, Retries) || !f.pause(f.retries) {
		return false
	}
	f.retries++
	f.again()
	f.waiting = true
	return true
}

// Replace puts the substitute of the event that was taken last into the channel. It reports false when there is
// none, or when the substitute itself was taken last.
func (f *Feed) Replace() bool {
	if f.replace == nil {
		return false
	}
	f.retries = Retries
	f.replace()
	f.waiting = true
	return true
}

// Err is the error that ended the channel, nil for a good end.
func (f *Feed) Err() error { return f.err }

// Close ends the feed; it may be called twice.
func (f *Feed) Close() {
	f.next, f.again, f.replace = nil, nil, nil
	if f.end != nil {
		f.end()
		f.end = nil
	}
}

// Events is the channel of a subscription. Without a feed in the context a goroutine fills it until ctx ends.
func Events[T any](ctx context.Context, source Source[T]) <-chan T {
	f, _ := ctx.Value(key{}).(*Feed)
	if f == nil {
		return pump(ctx, source)
	}
	events := make(chan T, 1)
	var last, none T // an event is kept until the next one is waited for
	put := func() {
		f.key = keyOf(last)
		select {
		case events <- last:
		case <-ctx.Done(): // the event before was not taken
		}
	}
	f.take = func() {
		select {
		case <-events:
		default:
		}
	}
	f.end = source.End
	f.pause = func(retry int) bool { return pause(ctx, retry) }
	f.next = func() bool {
		f.again, f.replace, f.key, last = nil, nil, "", none
		event, err := source.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				f.err = err
			}
			close(events)
			return false
		}
		last, f.again = event, put
		if source.Lost != nil {
			f.replace = func() {
				last, f.replace = source.Lost(last), nil
				put()
			}
		}
		put()
		return true
	}
	return events
}

// Retry calls fn until it succeeds, with a pause before each of at most Retries further calls. It returns the last
// error, or the first after ctx has ended.
func Retry(ctx context.Context, fn func() error) error {
	err := fn()
	for retry := 0; err != nil && retry < Retries && pause(ctx, retry); retry++ {
		err = fn()
	}
	return err
}

// pause waits before a retry, and reports whether ctx still lives. The wait is spread over half of itself: a fault
// of the database hits all subscriptions in the same moment.
func pause(ctx context.Context, retry int) bool {
	most := pauses[retry]
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func pump[T any](ctx context.Context, source Source[T]) <-chan T {
	events := make(chan T)
	go func() {
		defer close(events)
		defer source.End()
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "panic in a subscription", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		for {
			event, err := source.Next(ctx)
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
