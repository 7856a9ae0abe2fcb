package accounts

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent/signinlimit"
	"roost/internal/lifecycle"
)

// cleanBatch is how many rows one transaction removes.
const cleanBatch = 500

// NewLimitCleaner returns a service that removes expired rows of sign_in_limits. Any number may run at once: they skip rows that are locked
// instead of waiting.
func NewLimitCleaner(a *Accounts) *lifecycle.Cleaner {
	return lifecycle.NewCleaner(cleanBatch, "expired limits of sign-in were not removed", a.removeExpiredLimits)
}

func (a *Accounts) removeExpiredLimits(ctx context.Context, most int) (int, error) {
	now := a.clock.Now()
	n, err := a.client.SignInLimit.Delete().Where(func(s *entsql.Selector) {
		expired := entsql.Dialect(s.Dialect()).Select(signinlimit.FieldID).From(entsql.Table(signinlimit.Table)).
			Where(entsql.LT(signinlimit.FieldExpiresAt, now)).OrderBy(signinlimit.FieldExpiresAt).Limit(most)
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
