package pullstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"roost/internal/pullstream"
	"roost/testkit/testtime"
)

// upTo is a source of the numbers up to n.
func upTo(n int, end func()) pullstream.Source[int] {
	last := 0
	next := func(context.Context) (int, error) {
		if last++; last > n {
			return 0, io.EOF
		}
		return last, nil
	}
	return pullstream.Source[int]{Next: next, End: end}
}

// A failure is distinguished from a good end, and from a client that has gone.
func TestErr(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		err, want error
		gone      bool
	}{{io.EOF, nil, false}, {broken, broken, false}, {broken, nil, true}} {
		ctx, cancel := context.WithCancel(t.Context())
		ctx, f := pullstream.With(ctx)
		pullstream.Events(ctx, pullstream.Source[int]{Next: func(context.Context) (int, error) { return 0, c.err }, End: func() {}})
		if c.gone {
			cancel()
		}
		f.Next()
		if got := f.Err(); got != c.want {
			t.Errorf("%v ends with %v", c.err, got)
		}
		cancel()
	}
}

func TestEventsAreMadeWhenAskedFor(t *testing.T) {
	t.Parallel()
	ctx, f := pullstream.With(t.Context())
	ended := 0
	events := pullstream.Events(ctx, upTo(2, func() { ended++ }))
	select {
	case e := <-events:
		t.Fatalf("%d came before it was asked for", e)
	default:
	}
	for want := 1; want <= 2; want++ {
		f.Next()
		if got := <-events; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	f.Next()
	f.Next() // after the end it does nothing
	if _, open := <-events; open {
		t.Error("the channel is open after the last event")
	}
	f.Close()
	f.Close()
	if ended != 1 {
		t.Errorf("it was ended %d times", ended)
	}
}

// A sender that does not take an event, because its client has gone, does not wait for itself.
func TestAnEventThatIsNotTaken(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ctx, f := pullstream.With(ctx)
	ended := 0
	pullstream.Events(ctx, upTo(5, func() { ended++ }))
	f.Next()
	cancel()
	f.Next()
	f.Close()
	if ended != 1 {
		t.Errorf("it was ended %d times", ended)
	}
}

// A resolver without a stream has its events taken as they come.
func TestAForeignResolver(t *testing.T) {
	t.Parallel()
	_, f := pullstream.With(t.Context())
	f.Next()
	if f.Again(pullstream.Retries) || f.Replace() {
		t.Error("its events come again")
	}
	f.Close()
}

// An event that could not be resolved comes again as often as it may, then its substitute. The next event has all its
// tries.
func TestAgain(t *testing.T) {
	t.Parallel()
	ctx, f := pullstream.With(t.Context())
	source := upTo(2, func() {})
	source.Lost = func(n int) int { return -n }
	events := pullstream.Events(ctx, source)
	defer f.Close()
	for event := 1; event <= 2; event++ {
		want := event
		for try := 0; ; try++ {
			f.Next()
			if got := <-events; got != want {
				t.Fatalf("try %d gives %d, want %d", try, got, want)
			}
			if event == 2 && try == 1 {
				break // it goes well
			}
			if f.Again(2) {
				if try >= 2 {
					t.Fatalf("event %d comes again after %d tries", event, try+1)
				}
				continue
			}
			if want < 0 {
				if f.Replace() {
					t.Error("a substitute is replaced")
				}
				break
			}
			if try != 2 || !f.Replace() {
				t.Fatalf("event %d is given up after %d tries", event, try+1)
			}
			want = -event
		}
	}
	f.Next()
	if _, open := <-events; open || f.Again(1) || f.Replace() {
		t.Error("something comes after the end")
	}
}

// An event whose source has no substitute is not replaced, and nothing is tried for a client that has gone.
func TestNotAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ctx, f := pullstream.With(ctx)
	events := pullstream.Events(ctx, upTo(2, func() {}))
	defer f.Close()
	f.Next()
	<-events
	if f.Again(0) || f.Replace() {
		t.Error("an event came again that must not")
	}
	cancel()
	if f.Again(pullstream.Retries) {
		t.Error("an event is tried again for nobody")
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		failures, calls int
		want            error
	}{{0, 1, nil}, {1, 2, nil}, {pullstream.Retries + 5, pullstream.Retries + 1, broken}} {
		t.Run(fmt.Sprint(c.failures), func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := pullstream.Retry(t.Context(), func() error {
				if calls++; calls <= c.failures {
					return broken
				}
				return nil
			})
			if err != c.want || calls != c.calls {
				t.Errorf("%d failures: %v after %d calls", c.failures, err, calls)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	calls := 0
	if err := pullstream.Retry(gone, func() error { calls++; return broken }); err != broken || calls != 1 {
		t.Errorf("for nobody: %v after %d calls", err, calls)
	}
}

// Without a sender that asks, the channel is filled all the same.
func TestWithoutAFeed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	events := pullstream.Events(ctx, upTo(3, func() { close(ended) }))
	for want := 1; want <= 3; want++ {
		if got := <-events; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if _, open := <-events; open {
		t.Error("the channel is open after the last event")
	}
	<-ended

	ended = make(chan struct{})
	pullstream.Events(ctx, upTo(3, func() { close(ended) }))
	cancel()
	select {
	case <-ended:
	case <-time.After(testtime.Patience):
		t.Error("it goes on after its context")
	}
}

// resumed is an event with a cursor.
type resumed string

func (e resumed) EventCursor() string { return "at " + string(e) }

// The sender learns the cursor of each event, and before the first one where they begin; it may say where they are to begin.
func TestCursor(t *testing.T) {
	t.Parallel()
	argument := "argument"
	if got := pullstream.After(t.Context(), &argument); got != &argument {
		t.Errorf("without a sender a subscription begins after %q", *got)
	}
	ctx, s := pullstream.With(t.Context())
	defer s.Close()
	if got := pullstream.After(ctx, nil); got != nil {
		t.Errorf("nobody said where it begins, and it does after %q", *got)
	}
	s.After = "sender"
	if got := pullstream.After(ctx, &argument); *got != "sender" {
		t.Errorf("it begins after %q", *got)
	}
	all := []resumed{"1", "2"}
	events := pullstream.Events(ctx, pullstream.Source[resumed]{From: "start", End: func() {}, Next: func(context.Context) (resumed, error) {
		event := all[0]
		all = all[1:]
		return event, nil
	}})
	for _, want := range []string{"start", "at 1", "at 2"} {
		if got := s.Cursor(); got != want {
			t.Errorf("the cursor is %q, not %q", got, want)
		}
		if len(all) > 0 {
			s.Next()
			<-events
		}
	}
}
