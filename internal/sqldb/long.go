package sqldb

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"

	"roost/internal/admission"
	"roost/internal/errs"
)

const (
	// longTime is how long a long read may take. Searches of 400,000 tweets take some 10 ms, and 100 ms at p99.
	longTime = 5 * time.Second
	// longShare is the part of the permits for reads that long reads may have together: one of so many.
	longShare = 4
)

var (
	errLongBusy = errs.Busy("the search", comeBack)
	errTooLong  = errs.New(errs.Unavailable, "the search took too long; look for words that are rarer, or for fewer of them")
)

// long bounds reads whose size no plan bounds, such as searches: however many of them come, most permits are left for other reads.
type long struct {
	turns *semaphore.Weighted
	time  time.Duration
}

// newLong returns the bound for a pool with a number of permits.
func newLong(permits int) long {
	return long{turns: semaphore.NewWeighted(int64(max(1, permits/longShare))), time: longTime}
}

// Long calls read, which may read very much. Of a request it waits for its turn as long as for a permit, and fails with Unavailable if
// there is none, or if the read takes longer than 5 s. Background work is not bounded.
func (d *Driver) Long(ctx context.Context, read func(ctx context.Context) error) error {
	c := classOf(ctx)
	if c == background {
		return read(ctx)
	}
	if err := d.long.turn(ctx, d.permits.read.wait[c]); err != nil {
		return err
	}
	defer d.long.turns.Release(1)
	timed, cancel := context.WithTimeoutCause(ctx, d.long.time, errTooLong)
	defer cancel()
	err := read(timed)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(timed), errTooLong) {
		return errTooLong
	}
	return err
}

// turn waits for a turn.
func (l long) turn(ctx context.Context, wait time.Duration) error {
	if l.turns.TryAcquire(1) {
		return nil
	}
	resume := admission.FromContext(ctx).Pause()
	defer resume()
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if l.turns.Acquire(waiting, 1) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errLongBusy
}
