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
	// cleanEvery is how often expired counts are removed.
	cleanEvery = time.Minute
	// cleanBatch is how many one transaction removes, cleanTimeout bounds one.
	cleanBatch   = 500
	cleanTimeout = 5 * time.Second
)

// LimitCleaner removes counts of tries to sign in that nobody needs any more. Several may run at once: none waits for
// a row that somebody else has locked. It is a lifecycle.Service.
type LimitCleaner struct {
	lifecycle.Loop
	accounts *Accounts
}

// NewLimitCleaner makes a cleaner of the accounts' database.
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
			slog.WarnContext(ctx, "counts of tries to sign in were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Clean removes what has expired, and returns how many rows that were.
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
			return fmt.Errorf("look for expired counts: %w", err)
		}
		n, err = tx.SignInLimit.Delete().Where(signinlimit.IDIn(keys...)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove expired counts: %w", err)
		}
		return nil
	})
	return n, err
}
