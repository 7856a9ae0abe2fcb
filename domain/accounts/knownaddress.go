package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/events"
)

// knownFor is how long an address stays known to an account after a sign-in or sign-up from it.
const knownFor = 90 * 24 * time.Hour

// succeeded removes an attempt that proved the password from its counters, except from the counter of the address. It also
// marks the address as known to the account. It is one statement.
func (l *limiter) succeeded(ctx context.Context, tx *events.Tx, a attempt) error {
	var rows []correction
	for _, c := range a {
		if c.kind == perPair {
			l.recent.Remove(c.key)
		}
		if c.kind != perAddress {
			rows = append(rows, correction{c, 1})
		}
	}
	return correct(ctx, tx, rows)
}

// signedUp marks an address as known to a new account, by both its names. It is one statement.
func (l *limiter) signedUp(ctx context.Context, tx *events.Tx, address string, names ...string) error {
	var rows []correction
	if l.limits.PerAccount > 0 {
		for _, name := range names {
			rows = append(rows, correction{newCounter(perPair, 0, address, name), 0})
		}
	}
	// Concurrent transactions lock rows in one order.
	slices.SortFunc(rows, func(x, y correction) int { return cmp.Compare(x.key, y.key) })
	return correct(ctx, tx, rows)
}

// correction removes attempts from a counter. If the counter belongs to a pair of account and address, the address becomes known.
type correction struct {
	counter
	attempts int
}

func correct(ctx context.Context, tx *events.Tx, all []correction) error {
	if len(all) == 0 {
		return nil
	}
	args := []any{tx.Now, tx.Now.Add(knownFor)}
	values := make([]string, len(all))
	for i, c := range all {
		args = append(args, c.key)
		known, expires := "NULL", "$1"
		if c.kind == perPair {
			known, expires = "$2", "$2"
		}
		values[i] = fmt.Sprintf("($%d, %d, $1, %s, %s)", len(args), c.attempts, known, expires)
	}
	// An absent row is inserted with a window that has ended.
	_, err := tx.Client().ExecContext(ctx, `INSERT INTO sign_in_limits AS l (key, used, ends_at, known_until, expires_at)
		VALUES `+strings.Join(values, ", ")+`
		ON CONFLICT (key) DO UPDATE SET used = CASE WHEN l.used > excluded.used THEN l.used - excluded.used ELSE 0 END,
			known_until = COALESCE(excluded.known_until, l.known_until),
			expires_at = CASE WHEN l.expires_at < excluded.expires_at THEN excluded.expires_at ELSE l.expires_at END`, args...)
	if err != nil {
		return fmt.Errorf("record a successful attempt: %w", err)
	}
	return nil
}
