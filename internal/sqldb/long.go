package sqldb

import (
	"context"
	"errors"
	"time"

	"roost/internal/errs"
)

const (
	// longTime is how long a long read may take. Searches of 400,000 tweets take some 10 ms, and 100 ms at p99.
	longTime = 5 * time.Second
	// longShare is the part of a pool's permits that long reads may have together: one of so many.
	longShare = 4
)

var errTooLong = errs.New(errs.Unavailable, "the search took too long; look for rarer words")

// newLongLimit returns the limit of long reads in a pool.
func newLongLimit(pool *limit) *limit {
	return newLimit(max(1, pool.size/longShare), pool.wait[begins])
}

// Long calls read for a search or the like, of which no plan bounds what it reads. Such reads of requests have a quarter of the permits
// together, so most are left for all others. Long waits for its turn as a statement does for its permit, and fails with Unavailable if
// none comes, or if the read takes longer than 5 s. Background work is not bounded.
func (d *Driver) Long(ctx context.Context, read func(ctx context.Context) error) error {
	turn, err := d.permits.long.acquire(ctx)
	if err != nil {
		return err
	}
	if turn == nil {
		return read(ctx)
	}
	defer turn.release()
	timed, cancel := context.WithTimeoutCause(ctx, d.longTime, errTooLong)
	defer cancel()
	err = read(timed)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(timed), errTooLong) {
		return errTooLong
	}
	return err
}
