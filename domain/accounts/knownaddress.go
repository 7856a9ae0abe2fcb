package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"roost/events"
)

// succeeded gives a try back that has proved the password, but for its address, and makes the address known to the
// account. It is one statement.
func (l *limiter) succeeded(ctx context.Context, tx *events.Tx, t try) error {
	var rows []known
	for _, c := range t {
		if c.kind == ofPair {
			l.recent.Remove(c.key)
		}
		if c.kind != ofAddress {
			rows = append(rows, known{c, 1})
		}
	}
	return know(ctx, tx, rows)
}

// signedUp makes the address known to a new account, by both its names. It is one statement.
func (l *limiter) signedUp(ctx context.Context, tx *events.Tx, from string, names ...string) error {
	var rows []known
	if l.cfg.PerAccount > 0 {
		for _, name := range names {
			rows = append(rows, known{count: l.of(ofPair, 0, from, name)})
		}
	}
	slices.SortFunc(rows, func(x, y known) int { return cmp.Compare(x.key, y.key) })
	return know(ctx, tx, rows)
}

// known is a row from which tries are taken back; a pair is known from then on.
type known struct {
	count
	back int
}

func know(ctx context.Context, tx *events.Tx, all []known) error {
	if len(all) == 0 {
		return nil
	}
	args := []any{tx.Now, tx.Now.Add(knownFor)}
	values := make([]string, len(all))
	for i, k := range all {
		args = append(args, k.key)
		until, expires := "NULL", "$1"
		if k.kind == ofPair {
			until, expires = "$2", "$2"
		}
		values[i] = fmt.Sprintf("($%d, %d, $1, %s, %s)", len(args), k.back, until, expires)
	}
	// A row that is not there is written as one whose window has ended.
	_, err := tx.Client().ExecContext(ctx, `INSERT INTO sign_in_limits AS l (key, used, ends_at, known_until, expires_at) VALUES `+strings.Join(values, ", ")+`
		ON CONFLICT (key) DO UPDATE SET used = CASE WHEN l.used > excluded.used THEN l.used - excluded.used ELSE 0 END,
			known_until = COALESCE(excluded.known_until, l.known_until),
			expires_at = CASE WHEN l.expires_at < excluded.expires_at THEN excluded.expires_at ELSE l.expires_at END`, args...)
	if err != nil {
		return fmt.Errorf("note an address of an account: %w", err)
	}
	return nil
}
