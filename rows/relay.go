package rows

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"roost/cache"
	"roost/ent"
	"roost/events"
	"roost/internal/errs"
)

// relayGroup is the name of the relay's consumer group. Everything up to its position has been taken by Redis.
const relayGroup = "cache"

// relayLease is how long a batch may take: an invalidation tries for a second.
const relayLease = 2 * time.Second

// Relay is the consumer group that repeats every invalidation until Redis accepts it. Where the rows are not known it
// removes all entries: when rows were imported, which are not named, and when an event cannot be read. Such an event is
// then a dead letter at once, because another attempt would read the same.
//
// The lease is short, so that another node soon goes on when one is killed. Removing all entries may take longer, of
// more than some million: it is begun again until it is done, and what was removed stays so.
func (s *Store) Relay() events.GroupConfig {
	r := &relay{store: s}
	return events.GroupConfig{Name: relayGroup, Lease: relayLease, Attempts: 1, Handler: events.HandlerFunc(r.handle)}
}

// relay is called by one goroutine of a node at a time, because its group has one part.
type relay struct {
	store *Store
	// cleared is the position up to which unreadable events need not clear the cache again. The group handles the
	// events of a batch one by one after the whole batch has failed.
	cleared events.Position
}

func (r *relay) handle(ctx context.Context, _ *ent.Tx, batch []events.Entry) error {
	c, last := r.store.changesOf(batch), batch[len(batch)-1].Position()
	err := r.store.tier.Invalidate(ctx, cache.Intent{}, c.invalidations...)
	if err == nil && (c.imported || c.unreadable != nil && !r.cleared.Covers(last)) {
		if c.unreadable != nil {
			slog.ErrorContext(ctx, "all cached rows are dropped, because it is not known which ones an event has changed", "error", c.unreadable)
		}
		if err = r.store.tier.Clear(ctx); err == nil {
			r.cleared = last
		}
	}
	if err != nil {
		// The relay waits for Redis rather than give an event up.
		return &errs.Error{Kind: errs.Unavailable, Message: "redis does not take invalidations", RetryAfter: time.Second, Err: fmt.Errorf("repeat: %w", err)}
	}
	return c.unreadable
}
