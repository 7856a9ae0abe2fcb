package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

const (
	// refusalTTL is how long a node repeats a refusal without asking the database.
	refusalTTL = time.Second
	// maxRefusals bounds the refusals that a node remembers; the least recently used one is forgotten first.
	maxRefusals = 8192
)

// limiter enforces Limits with counters in SQL, which all nodes share.
type limiter struct {
	limits Limits
	log    *events.Log
	clock  clock.Clock
	// recent contains refusals by the key of the full counter. It saves the statements that a flood would cost.
	recent  *lru.Cache[string, refusal]
	refused [counterKinds]atomic.Int64
}

// refusal says that a counter was full at a time, and when its window ends.
type refusal struct {
	kind     counterKind
	at, ends time.Time
}

func newLimiter(log *events.Log, c clock.Clock, limits Limits) *limiter {
	recent, _ := lru.New[string, refusal](maxRefusals) // fails for sizes below 1 only
	return &limiter{limits: limits, log: log, clock: c, recent: recent}
}

// admit counts an attempt in all its counters, with one statement. If one of them is full, it counts the attempt in none and
// returns RATE_LIMITED. Counters are exact, also when attempts run concurrently.
func (l *limiter) admit(ctx context.Context, a attempt) error {
	if len(a) == 0 {
		return nil
	}
	now := l.clock.Now()
	if err := l.repeat(a, now); err != nil {
		return err
	}
	var full refusal
	err := l.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		without, err := count(ctx, tx, a, now, l.limits.Window)
		if err != nil || len(without) == 0 {
			return err
		}
		if full, err = latest(ctx, tx, without, now); err != nil {
			return err
		}
		return errFull
	})
	if !errors.Is(err, errFull) {
		return err
	}
	l.remember(a, full)
	return l.refuse(full, now)
}

// errFull rolls back an attempt that was counted in some of its counters.
var errFull = errs.New(errs.RateLimited, "too many attempts")

// repeat refuses an attempt that the database has just refused.
func (l *limiter) repeat(a attempt, now time.Time) error {
	for _, c := range a {
		r, ok := l.recent.Get(c.key)
		if ok && now.Sub(r.at) < refusalTTL && now.Before(r.ends) && slices.ContainsFunc(a, func(c counter) bool { return c.kind == r.kind }) {
			return l.refuse(r, now)
		}
	}
	return nil
}

// remember stores a refusal under the counter that was full. If that is the account's counter, other addresses may still be
// admitted, so the refusal is stored under the counter of the pair.
func (l *limiter) remember(a attempt, r refusal) {
	kind := r.kind
	if kind == perAccount {
		kind = perPair
	}
	for _, c := range a {
		if c.kind == kind {
			l.recent.Add(c.key, r)
		}
	}
}

func (l *limiter) refuse(r refusal, now time.Time) error {
	l.refused[r.kind].Add(1)
	// A concurrent attempt may have begun the window after now.
	after := min(max(r.ends.Sub(now), time.Second), l.limits.Window)
	return &errs.Error{Kind: errs.RateLimited, Message: messages[r.kind], RetryAfter: after}
}

// count adds an attempt to its counters and returns the counters that were full. If the address is known to the account, the
// account's own counter may be full.
func count(ctx context.Context, tx *events.Tx, a attempt, now time.Time, window time.Duration) (full attempt, err error) {
	args := []any{now, now.Add(window)}
	var values, limits strings.Builder
	for i, c := range a {
		args = append(args, c.key)
		if i > 0 {
			values.WriteString(", ")
		}
		fmt.Fprintf(&values, "($%d, 1, $2, $2)", len(args))
		fmt.Fprintf(&limits, " WHEN $%d THEN %d", len(args), c.max)
	}
	type row struct {
		key   string
		known bool
	}
	rows, err := sqldb.ScanAll(ctx, tx.Client(), `INSERT INTO sign_in_limits AS l (key, used, ends_at, expires_at) VALUES `+values.String()+`
		ON CONFLICT (key) DO UPDATE SET used = CASE WHEN l.ends_at <= $1 THEN 1 ELSE l.used + 1 END,
			ends_at = CASE WHEN l.ends_at <= $1 THEN $2 ELSE l.ends_at END,
			expires_at = CASE WHEN l.expires_at < $2 THEN $2 ELSE l.expires_at END
		WHERE l.ends_at <= $1 OR l.used < CASE l.key`+limits.String()+` END
		RETURNING key, COALESCE(known_until > $1, FALSE)`, args, func(r *row) []any { return []any{&r.key, &r.known} })
	if err != nil {
		return nil, fmt.Errorf("count an attempt to sign in: %w", err)
	}
	counted, known := map[string]bool{}, false
	for _, r := range rows {
		counted[r.key], known = true, known || r.known
	}
	for _, c := range a {
		if !counted[c.key] && !(known && c.kind == perAccount) {
			full = append(full, c)
		}
	}
	return full, nil
}

// latest returns the refusal of the full counter whose window ends last.
func latest(ctx context.Context, tx *events.Tx, full attempt, now time.Time) (refusal, error) {
	last := refusal{kind: full[0].kind, at: now, ends: now}
	for _, c := range full {
		row, err := tx.SignInLimit.Get(ctx, c.key)
		if err != nil {
			return last, fmt.Errorf("read a limit of sign-in: %w", err)
		}
		if row.EndsAt.After(last.ends) {
			last.kind, last.ends = c.kind, row.EndsAt
		}
	}
	return last, nil
}
