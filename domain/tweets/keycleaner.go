package tweets

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent/idempotencykey"
	"roost/events"
	"roost/internal/lifecycle"
)

// cleanBatch is how many rows one transaction removes.
const cleanBatch = 500

// NewKeyCleaner returns a service that removes expired idempotency keys. Any number may run at once: they skip rows that are locked instead
// of waiting.
func NewKeyCleaner(t *Tweets) *lifecycle.Cleaner {
	return lifecycle.NewCleaner(cleanBatch, "expired idempotency keys were not removed", t.removeExpiredKeys)
}

func (t *Tweets) removeExpiredKeys(ctx context.Context, most int) (n int, err error) {
	err = t.log.Write(ctx, func(ctx context.Context, tx *events.Tx) (err error) {
		n, err = tx.IdempotencyKey.Delete().Where(func(s *entsql.Selector) {
			expired := entsql.Dialect(s.Dialect()).Select(idempotencykey.FieldID).From(entsql.Table(idempotencykey.Table)).
				Where(entsql.LT(idempotencykey.FieldID, firstLive(tx.Now))).OrderBy(idempotencykey.FieldID).Limit(most)
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
