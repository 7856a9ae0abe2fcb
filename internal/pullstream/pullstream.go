package pullstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"roost/internal/lifecycle"
)

// pauses are the waits before each retry. Their sum (1 to 2 s) is long enough for the failover of a connection, and shorter than
// the time after which a client considers an update missing.
var pauses = [...]time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond}

// Retries is how often the sending of an event, or a read that it is made of, is tried again at most.
const Retries = len(pauses)

// Source produces the events of one subscription.
type Source[T any] struct {
	// Next waits for an event. An error ends the subscription; after io.EOF it ends without a failure. Next has to return soon
	// after ctx ends.
	Next func(ctx context.Context) (T, error)
	// Ready reports whether Next returns without waiting for something to happen. If not, wake is called once, when that changes;
	// it does not block. If Ready is nil, Next is called right away.
	Ready func(wake func()) bool
	// Lost returns the event that is sent instead of one that cannot be resolved. If Lost is nil, such an event ends the
	// subscription with its error.
	Lost func(event T) T
	// From is the cursor after which the events begin, for a subscriber that has received none yet; empty if they have none.
	From string
	// End is called once, when no more events are asked for.
	End func()
}

// Stream is the sender's side of one subscription. It belongs to one goroutine.
type Stream struct {
	// Blocks, if it is not nil, is called before anything that may take longer than some microseconds.
	Blocks func()
	// After is the cursor after which the events are to begin, instead of what the subscription's arguments say. It is set before the
	// resolver runs; empty if the arguments count.
	After string

	next  func() (more bool)
	ready func(wake func()) bool
	// again puts the last event into the channel once more, replace puts its substitute there; nil without one.
	again, replace func()
	// take empties the channel.
	take  func()
	pause func(retry int) bool
	// key and cursor are those of the event in the channel.
	key, cursor string
	// retries counts the retries of the last event; waiting reports that it is in the channel once more.
	retries int
	waiting bool
	end     func()
	err     error
}

// Keyed is implemented by events with a key. Two events of the same field with the same key, made for the same caller at
// about the same time, are interchangeable.
type Keyed interface{ EventKey() string }

// Resumable is implemented by events with a cursor. Who subscribes again after it gets the events that followed.
type Resumable interface{ EventCursor() string }

// After returns the cursor after which a subscription begins: the sender's, or else the argument.
func After(ctx context.Context, argument *string) *string {
	if s, _ := ctx.Value(key{}).(*Stream); s != nil && s.After != "" {
		return &s.After
	}
	return argument
}

// keyOf returns the key of an event, or "" if it is not Keyed.
func keyOf(event any) string {
	if keyed, ok := event.(Keyed); ok {
		return keyed.EventKey()
	}
	return ""
}

type key struct{}

// With returns a context with a new stream, for a subscription that is about to be resolved. The caller has to call Next
// before each event is taken, and Close at the end.
func With(ctx context.Context) (context.Context, *Stream) {
	s := &Stream{}
	return context.WithValue(ctx, key{}, s), s
}

// Ready reports whether Next returns without waiting for something to happen. If not, wake is called once, when that changes. For
// a resolver that does not use Events, or a source without Ready, it reports true.
func (s *Stream) Ready(wake func()) bool { return s.waiting || s.ready == nil || s.ready(wake) }

// Next waits until the channel of Events holds an event, or is closed because there are no more. It does nothing for a
// resolver that does not use Events.
func (s *Stream) Next() {
	if s.waiting {
		s.waiting = false
		return
	}
	s.retries = 0
	if s.ready == nil {
		s.blocks()
	}
	if s.next != nil && !s.next() {
		s.next, s.ready = nil, nil
	}
}

func (s *Stream) blocks() {
	if s != nil && s.Blocks != nil {
		s.Blocks()
	}
}

// Blocking is called by a source before it waits although Ready has reported true.
func Blocking(ctx context.Context) {
	s, _ := ctx.Value(key{}).(*Stream)
	s.blocks()
}

// Key returns the key of the event in the channel, or "" if it is not Keyed.
func (s *Stream) Key() string { return s.key }

// Cursor returns the cursor of the event in the channel, or that was taken from it last; before the first event, Source.From. It is
// empty if the event is not Resumable.
func (s *Stream) Cursor() string { return s.cursor }

// Skip removes the event from the channel, for a sender that has its answer already.
func (s *Stream) Skip() {
	if s.take != nil {
		s.take()
	}
}

// Again pauses (100 ms at first, then longer) and puts the event that was taken last into the channel once more; the next
// call of Next returns at once. It reports false when the event has been retried maxRetries times, or [Retries] if that is
// less, when ctx has ended, and for a resolver that does not use Events.
func (s *Stream) Again(maxRetries int) bool {
	if s.again == nil || s.retries >= min(maxRetries, Retries) || !s.pause(s.retries) {
		return false
	}
	s.retries++
	s.again()
	s.waiting = true
	return true
}

// Replace puts the substitute of the event that was taken last into the channel, see [Source].Lost. It reports false when
// there is none, or when the substitute itself was taken last.
func (s *Stream) Replace() bool {
	if s.replace == nil {
		return false
	}
	s.retries = Retries
	s.replace()
	s.waiting = true
	return true
}

// Err returns the error that closed the channel; nil if it is open, or was closed without a failure.
func (s *Stream) Err() error { return s.err }

// Close ends the stream and calls the source's End; it may be called twice.
func (s *Stream) Close() {
	s.next, s.ready, s.again, s.replace = nil, nil, nil, nil
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// Events returns the channel of a subscription, for its resolver to return. With a stream in the context the stream fills
// it; without one a goroutine does, until ctx ends.
func Events[T any](ctx context.Context, source Source[T]) <-chan T {
	s, _ := ctx.Value(key{}).(*Stream)
	if s == nil {
		return pump(ctx, source)
	}
	events := make(chan T, 1)
	var last, none T // an event is kept until the next one is waited for
	put := func() {
		s.key, s.cursor = keyOf(last), ""
		if resumable, ok := any(last).(Resumable); ok {
			s.cursor = resumable.EventCursor()
		}
		select {
		case events <- last:
			return
		default: // the event before was not taken
		}
		select {
		case events <- last:
		case <-ctx.Done():
		}
	}
	s.take = func() {
		select {
		case <-events:
		default:
		}
	}
	s.end, s.ready, s.cursor = source.End, source.Ready, source.From
	s.pause = func(retry int) bool { return pause(ctx, retry) }
	s.next = func() bool {
		s.again, s.replace, s.key, last = nil, nil, "", none
		event, err := source.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				s.err = err
			}
			close(events)
			return false
		}
		last, s.again = event, put
		if source.Lost != nil {
			s.replace = func() {
				last, s.replace = source.Lost(last), nil
				put()
			}
		}
		put()
		return true
	}
	return events
}

// Retry calls fn until it succeeds, with a pause before each of at most [Retries] further calls. It returns the last
// error, or the first one after ctx has ended.
func Retry(ctx context.Context, fn func() error) error {
	Blocking(ctx)
	err := fn()
	for retry := 0; err != nil && retry < Retries && pause(ctx, retry); retry++ {
		err = fn()
	}
	return err
}

// pause waits before a retry. It returns false if ctx has ended. The wait is random, between half of its length and all of it,
// because a fault of the database makes all subscriptions fail in the same moment.
func pause(ctx context.Context, retry int) bool {
	longest := pauses[retry]
	lifecycle.Pause(ctx, nil, longest/2+rand.N(longest/2))
	return ctx.Err() == nil
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
