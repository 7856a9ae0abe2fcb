package sqldb

import (
	"context"
	"errors"
	"testing"
	"time"

	"roost/internal/errs"
)

// Long reads of requests have a quarter of the permits. One more is refused after a while; background work is not bounded.
func TestLongReadsLeavePermits(t *testing.T) {
	t.Parallel()
	d := &Driver{longTime: patience}
	d.permits.long = newLongLimit(newLimit(8, time.Millisecond))
	hold, held := make(chan struct{}), make(chan error)
	begun := make(chan struct{})
	for range 2 {
		go func() {
			held <- d.Long(request(t.Context()), func(context.Context) error {
				begun <- struct{}{}
				<-hold
				return nil
			})
		}()
		<-begun
	}
	never := func(context.Context) error { t.Error("a third read runs"); return nil }
	if err := d.Long(request(t.Context()), never); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a third read: %v", err)
	}
	ran := false
	if err := d.Long(t.Context(), func(context.Context) error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("background work: %v", err)
	}
	close(hold)
	for range 2 {
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
	if err := d.Long(request(t.Context()), func(context.Context) error { return nil }); err != nil {
		t.Errorf("a read when there are turns again: %v", err)
	}
}

// A long read ends after its time, and says so. A request that ends before gets its own error.
func TestLongReadsEnd(t *testing.T) {
	t.Parallel()
	d := &Driver{longTime: time.Millisecond}
	d.permits.long = newLongLimit(newLimit(1, patience))
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if err := d.Long(request(t.Context()), wait); !errors.Is(err, errTooLong) {
		t.Errorf("a read without end: %v", err)
	}
	d.longTime = patience
	gone, cancel := context.WithCancel(request(t.Context()))
	cancel()
	if err := d.Long(gone, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("a read whose client has left: %v", err)
	}
}
