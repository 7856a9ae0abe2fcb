package accounts

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent/signinlimit"
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
	c.Run = lifecycle.Steadily(cleanEvery, "expired limits of sign-in were not removed", func(ctx context.Context) error {
		_, err := c.Clean(ctx)
		return err
	}).Run
	return c
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

func (c *LimitCleaner) batch(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	now := c.accounts.clock.Now()
	n, err := c.accounts.client.SignInLimit.Delete().Where(func(s *entsql.Selector) {
		expired := entsql.Dialect(s.Dialect()).Select(signinlimit.FieldID).From(entsql.Table(signinlimit.Table)).
			Where(entsql.LT(signinlimit.FieldExpiresAt, now)).OrderBy(signinlimit.FieldExpiresAt).Limit(cleanBatch)
		if s.Dialect() == dialect.Postgres {
			expired.ForUpdate(entsql.WithLockAction(entsql.SkipLocked))
		}
		s.Where(entsql.In(s.C(signinlimit.FieldID), expired))
	}).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("remove expired limits of sign-in: %w", err)
	}
	return n, nil
}
