package rows

import (
	"context"
	"log/slog"
	"time"

	"roost/cache"
	"roost/events"
)

var _ events.Invalidator = (*Store)(nil)

// Begin makes the store an events.Invalidator. It takes one trip for strict events, and one after the commit. What
// Redis does not take within a second is repeated from the log; reads of this node see the write all the same.
func (s *Store) Begin(ctx context.Context, all []events.Event) (finish func(committed bool)) {
	// Of before the commit: a version that was given before the database went back must not count in the next epoch.
	epoch := s.tier.Epoch()
	var fenced []string
	for _, e := range all {
		for _, i := range s.fenced(e) {
			fenced = append(fenced, i.Key)
		}
	}
	var intent cache.Intent
	if len(fenced) > 0 {
		var err error
		if intent, err = s.tier.Intend(ctx, fenced...); err != nil {
			slog.DebugContext(ctx, "a write is not announced", "error", err)
		}
	}
	return func(committed bool) {
		switch {
		case committed:
			// Its error is counted, and mended from the log.
			_ = s.tier.Invalidate(ctx, intent, in(epoch, s.invalidations(all))...)
		case len(fenced) > 0:
			s.tier.Withdraw(context.WithoutCancel(ctx), intent)
		}
	}
}

// Invalidate makes the store an events.Invalidator. It takes one trip.
func (s *Store) Invalidate(ctx context.Context, all []events.Event) error {
	var keys []string
	for _, i := range s.invalidations(all) {
		keys = append(keys, i.Key)
	}
	return s.tier.Drop(context.WithoutCancel(ctx), keys...)
}

// catchUpTimeout bounds the wait for the follower. It is usually some milliseconds.
const catchUpTimeout = time.Second

// CatchUp makes the store an events.Invalidator. Without a follower it does nothing: such a process serves no reads.
func (s *Store) CatchUp(ctx context.Context) error {
	if s.follower == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catchUpTimeout)
	defer cancel()
	return s.follower.CatchUp(ctx)
}
