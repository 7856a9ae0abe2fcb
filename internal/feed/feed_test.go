package feed_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"roost/internal/feed"
)

// upTo gives the numbers up to n, and counts how often it is ended.
func upTo(n int, ended *int) (next func(context.Context) (int, error), end func()) {
	last := 0
	return func(context.Context) (int, error) {
		if last++; last > n {
			return 0, io.EOF
		}
		return last, nil
	}, func() { *ended++ }
}

// A failure is told apart from a good end, and from a client that has gone.
func TestErr(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		err, want error
		gone      bool
	}{{io.EOF, nil, false}, {broken, broken, false}, {broken, nil, true}} {
		ctx, cancel := context.WithCancel(t.Context())
		ctx, f := feed.With(ctx)
		feed.Events(ctx, func(context.Context) (int, error) { return 0, c.err }, func() {})
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
	ctx, f := feed.With(t.Context())
	ended := 0
	next, end := upTo(2, &ended)
	events := feed.Events(ctx, next, end)
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
	ctx, f := feed.With(ctx)
	ended := 0
	next, end := upTo(5, &ended)
	feed.Events(ctx, next, end)
	f.Next()
	cancel()
	f.Next()
	f.Close()
	if ended != 1 {
		t.Errorf("it was ended %d times", ended)
	}
}

// A resolver that knows nothing of feeds has its events taken as they come.
func TestAForeignResolver(t *testing.T) {
	t.Parallel()
	_, f := feed.With(t.Context())
	f.Next()
	f.Close()
}

// Without a sender that asks, the channel is filled all the same.
func TestWithoutAFeed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	next, _ := upTo(3, new(int))
	events := feed.Events(ctx, next, func() { close(ended) })
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
	next, _ = upTo(3, new(int))
	feed.Events(ctx, next, func() { close(ended) })
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it goes on after its context")
	}
}
