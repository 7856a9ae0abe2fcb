package tweets

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent/idempotencykey"
	"roost/events"
	"roost/internal/lifecycle"
)

const (
	// cleanEvery is how often expired idempotency keys are removed.
	cleanEvery = time.Minute
	// cleanBatch is how many rows one transaction removes, cleanTimeout how long it may take.
	cleanBatch   = 500
	cleanTimeout = 5 * time.Second
)

// KeyCleaner removes expired idempotency keys. Any number may run at once: they skip rows that are locked instead of waiting. It is a
// lifecycle.Service.
type KeyCleaner struct {
	lifecycle.Loop
	tweets *Tweets
}

// NewKeyCleaner returns a cleaner for the tweets' database.
func NewKeyCleaner(t *Tweets) *KeyCleaner {
	c := &KeyCleaner{tweets: t}
	c.Run = lifecycle.Steadily(cleanEvery, "expired idempotency keys were not removed", func(ctx context.Context) error {
		_, err := c.Clean(ctx)
		return err
	}).Run
	return c
}

// Clean removes all expired keys that are not locked, and returns their number.
func (c *KeyCleaner) Clean(ctx context.Context) (removed int, err error) {
	for ctx.Err() == nil {
		n, err := c.batch(ctx)
		removed += n
		if err != nil || n < cleanBatch {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

func (c *KeyCleaner) batch(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	err = c.tweets.log.Write(ctx, func(ctx context.Context, tx *events.Tx) (err error) {
		n, err = tx.IdempotencyKey.Delete().Where(func(s *entsql.Selector) {
			expired := entsql.Dialect(s.Dialect()).Select(idempotencykey.FieldID).From(entsql.Table(idempotencykey.Table)).
				Where(entsql.LT(idempotencykey.FieldID, firstLive(tx.Now))).OrderBy(idempotencykey.FieldID).Limit(cleanBatch)
			if s.Dialect() == dialect.Postgres {
				expired.ForUpdate(entsql.WithLockAction(entsql.SkipLocked))
			}
			s.Where(entsql.In(s.C(idempotencykey.FieldID), expired))
		}).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove expired idempotency keys: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
