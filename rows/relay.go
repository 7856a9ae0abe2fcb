package rows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/errs"
)

// RelayGroup is the name of the relay's consumer group. Everything up to its position has been taken by Redis.
const RelayGroup = "cache"

// relayLease is how long a batch may take: an invalidation tries for a second.
const relayLease = 2 * time.Second

// relayEvery is how often the relay looks at the log while there are events. They gather meanwhile, because a look costs a transaction, and
// Redis has most invalidations from their writers by then. After a quiet time the relay begins when the lookout has found an event.
const relayEvery = 50 * time.Millisecond

// Relay returns the consumer group that repeats every invalidation until Redis takes it. If the changed rows are not known, because
// rows were imported or because an event cannot be read, it removes all entries. An event that cannot be read then becomes a dead
// letter at once, because another attempt would read the same.
//
// The lease is short, so that another node continues soon after one is killed. Removing more than some million entries takes longer
// than the lease. It is repeated until it is complete; each attempt has fewer entries to remove.
func (s *Store) Relay() events.GroupConfig {
	r := &relay{store: s}
	return events.GroupConfig{Name: RelayGroup, Lease: relayLease, Attempts: 1, Poll: relayEvery, Gathers: true,
		Handler: events.HandlerFunc(r.handle)}
}

// relay handles the group's batches. One goroutine of a node calls it at a time, because its group has one partition.
type relay struct {
	store *Store
	// cleared is the position up to which unreadable events need not clear the cache again. The group handles the
	// events of a batch one by one after the whole batch has failed.
	cleared events.Position
}

func (r *relay) handle(ctx context.Context, _ *ent.Tx, batch []events.Entry) error {
	c, last := r.store.changesOf(batch), batch[len(batch)-1].Position()
	err := errors.Join(r.store.tier.Confirm(ctx, c.invalidations...), r.store.renewCounts(ctx, c.counts))
	if err == nil && (c.imported || c.unreadable != nil && !r.cleared.Covers(last)) {
		if c.unreadable != nil && r.store.warnings.cleared.Allow() { // the group tries again for as long as Redis is away
			slog.ErrorContext(ctx, "all cached rows are dropped, because an event does not name the rows it changed", "error", c.unreadable)
		}
		if err = r.store.tier.Clear(ctx); err == nil {
			r.cleared = last
		}
	}
	if err != nil {
		// The relay waits for Redis. It never skips an event.
		return &errs.Error{Kind: errs.Unavailable, Message: "redis does not take invalidations", RetryAfter: time.Second,
			Err: fmt.Errorf("repeat invalidations: %w", err)}
	}
	return c.unreadable
}
