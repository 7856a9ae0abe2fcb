package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent/signinlimit"
	"roost/events"
	"roost/internal/lifecycle"
)

const (
	// cleanEvery is how often expired rows are removed.
	cleanEvery = time.Minute
	// cleanBatch is how many rows one transaction removes, cleanTimeout how long it may take.
	cleanBatch   = 500
	cleanTimeout = 5 * time.Second
)

// LimitCleaner removes expired rows of sign_in_limits. Any number may run at once: they skip rows that are locked instead
// of waiting. It is a lifecycle.Service.
type LimitCleaner struct {
	lifecycle.Loop
	accounts *Accounts
}

// NewLimitCleaner returns a cleaner for the accounts' database.
func NewLimitCleaner(a *Accounts) *LimitCleaner {
	c := &LimitCleaner{accounts: a}
	c.Run = c.run
	return c
}

func (c *LimitCleaner) run(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if _, err := c.Clean(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "expired limits of sign-in were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Clean removes all expired rows that are not locked, and returns their number.
func (c *LimitCleaner) Clean(ctx context.Context) (removed int, err error) {
	for ctx.Err() == nil {
		n, err := c.batch(ctx)
		removed += n
		if err != nil || n < cleanBatch {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

func (c *LimitCleaner) batch(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	err = c.accounts.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		q := tx.SignInLimit.Query().Where(signinlimit.ExpiresAtLT(tx.Now)).Order(signinlimit.ByExpiresAt()).Limit(cleanBatch)
		q.Modify(func(s *entsql.Selector) {
			if s.Dialect() == dialect.Postgres {
				s.ForUpdate(entsql.WithLockAction(entsql.SkipLocked))
			}
		})
		keys, err := q.IDs(ctx)
		if err != nil {
			return fmt.Errorf("find expired limits of sign-in: %w", err)
		}
		if len(keys) == 0 {
			return nil
		}
		n, err = tx.SignInLimit.Delete().Where(signinlimit.IDIn(keys...)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove expired limits of sign-in: %w", err)
		}
		return nil
	})
	return n, err
}
