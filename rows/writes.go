package rows

import (
	"context"
	"log/slog"
	"time"

	"roost/cache"
	"roost/events"
	"roost/internal/moment"
)

var _ events.Invalidator = (*Store)(nil)

// Begin is part of events.Invalidator. It takes one round trip if it announces rows, and one after the commit. Invalidations that Redis
// does not take within a second are repeated from the log; reads of this node see the write in any case.
func (s *Store) Begin(ctx context.Context, all []events.Event) (finish func(committed bool)) {
	// Read before the commit: if the database is restored from a backup, a version from before must not count in the next epoch.
	epoch := s.tier.Epoch()
	var announced []string
	for _, e := range all {
		for _, i := range s.announced(e) {
			announced = append(announced, i.Key)
		}
	}
	var announcement cache.Announcement
	if len(announced) > 0 {
		var err error
		if announcement, err = s.tier.Announce(ctx, announced...); err != nil {
			slog.DebugContext(ctx, "a write could not be announced to redis", "error", err)
		}
	}
	return func(committed bool) {
		switch {
		case committed:
			// An error is counted, and the relay repeats the invalidations.
			for _, e := range all {
				s.noteSuspended(e)
			}
			known, counts := s.invalidations(all)
			_ = s.tier.Invalidate(ctx, announcement, in(epoch, known)...)
			s.renewCommitted(ctx, counts)
			moment.From(ctx).Renew()
		case len(announced) > 0:
			s.tier.Withdraw(context.WithoutCancel(ctx), announcement)
		}
	}
}

// Invalidate is part of events.Invalidator. It takes one round trip.
func (s *Store) Invalidate(ctx context.Context, all []events.Event) error {
	known, keys := s.invalidations(all)
	for _, i := range known {
		keys = append(keys, i.Key)
	}
	// A copy that the operation may use from an earlier moment can be older than the drop.
	defer moment.From(ctx).Renew()
	return s.tier.Drop(context.WithoutCancel(ctx), keys...)
}

// renewCounts makes reads of counts of tweets show everything that is committed. It reads from SQL those that entries hold, in one
// statement. On an error some of them may be old on other nodes until they are renewed again.
func (s *Store) renewCounts(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return s.tier.Refresh(ctx, s.TweetCounts.kind, keys, s.TweetCounts.Stored)
}

// renewCommitted is renewCounts after a commit whose counts could not be read at first.
func (s *Store) renewCommitted(ctx context.Context, keys []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catchUpTimeout)
	defer cancel()
	_ = s.renewCounts(ctx, keys) // on an error they are not read from Redis, and the relay repeats it
}

// catchUpTimeout bounds the wait for the follower, which usually takes some milliseconds.
const catchUpTimeout = time.Second

// CatchUp is part of events.Invalidator. Without a follower it does nothing: such a process serves no reads.
func (s *Store) CatchUp(ctx context.Context) error {
	if s.follower == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catchUpTimeout)
	defer cancel()
	defer moment.From(ctx).Renew()
	return s.follower.CatchUp(ctx)
}
