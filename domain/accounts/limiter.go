package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
)

// limiter counts tries in the table sign_in_limits.
type limiter struct {
	cfg   Limits
	log   *events.Log
	clock clock.Clock
	// recent are refusals by the keys that are full whoever asks; it saves the statements of a flood.
	recent  *lru.Cache[string, refusal]
	refused [kinds]atomic.Int64 // by kind
}

// refusal says until when a count is full, and when that was read.
type refusal struct {
	kind      kind
	until, at time.Time
}

func newLimiter(log *events.Log, c clock.Clock, cfg Limits) *limiter {
	recent, _ := lru.New[string, refusal](mostRefusals) // it fails for sizes below 1
	return &limiter{cfg: cfg, log: log, clock: c, recent: recent}
}

// kind is what a count is of.
type kind int

// The kinds, in the order in which their rows are locked.
const (
	ofAddress kind = iota
	ofAccount
	ofPair
	ofSession // of proofs of the password in sessions
	ofSignUps
	kinds
)

var refusals = [kinds]string{
	ofAddress: "too many tries to sign in from this address, try again later",
	ofAccount: "too many tries to sign in to this account, try again later",
	ofPair:    "too many tries to sign in to this account from this address, try again later",
	ofSession: "too many tries of the password of this account, try again later",
	ofSignUps: "too many tries to sign up from this address, try again later",
}

// count is a row: what it counts and how far it may go.
type count struct {
	kind kind
	key  string
	most int
}

// try is what one attempt counts for, in the order of kinds.
type try []count

// of names a row. Lengths keep apart what belongs to two parts.
func (l *limiter) of(k kind, most int, parts ...string) count {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return count{k, string(rune('a'+k)) + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]), most}
}

// signIn is a try to sign in from an address by a name, in the form in which names are claimed.
func (l *limiter) signIn(from, name string) (t try) {
	if l.cfg.PerAddress > 0 {
		t = append(t, l.of(ofAddress, l.cfg.PerAddress, from))
	}
	if l.cfg.PerAccount > 0 {
		t = append(t, l.of(ofAccount, l.cfg.PerAccount, name), l.of(ofPair, l.cfg.perPair(), from, name))
	}
	return t
}

// proof is a try to prove the password in a session of a user. Those who are signed in do not compete for the count of
// the account with those who are not, and share that of the pair.
func (l *limiter) proof(from, name string, userID int64) (t try) {
	if l.cfg.PerAddress > 0 {
		t = append(t, l.of(ofAddress, l.cfg.PerAddress, from))
	}
	if l.cfg.PerAccount > 0 {
		t = append(t, l.of(ofPair, l.cfg.perPair(), from, name), l.of(ofSession, l.cfg.PerAccount, strconv.FormatInt(userID, 10)))
	}
	return t
}

// signUp is a try to sign up from an address.
func (l *limiter) signUp(from string) (t try) {
	if l.cfg.SignUps > 0 {
		t = append(t, l.of(ofSignUps, l.cfg.SignUps, from))
	}
	return t
}

// admit counts a try, in one statement, or refuses it with RATE_LIMITED when one of its counts is full. A try that is
// refused counts for nothing.
func (l *limiter) admit(ctx context.Context, t try) error {
	if len(t) == 0 {
		return nil
	}
	now := l.clock.Now()
	if err := l.repeat(t, now); err != nil {
		return err
	}
	var full refusal
	err := l.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		without, err := take(ctx, tx, t, now, l.cfg.Window)
		if err != nil || len(without) == 0 {
			return err
		}
		if full, err = fullest(ctx, tx, without, now); err != nil {
			return err
		}
		return errFull
	})
	if !errors.Is(err, errFull) {
		return err
	}
	l.remember(t, full)
	return l.refuse(full, now)
}

// errFull rolls back what a try that is refused was counted for.
var errFull = errs.New(errs.RateLimited, "too many tries")

// repeat refuses what was refused a moment ago.
func (l *limiter) repeat(t try, now time.Time) error {
	for _, c := range t {
		r, ok := l.recent.Get(c.key)
		if ok && now.Sub(r.at) < refusalsKept && now.Before(r.until) && slices.ContainsFunc(t, func(c count) bool { return c.kind == r.kind }) {
			return l.refuse(r, now)
		}
	}
	return nil
}

// remember keeps a refusal for those who would be refused like this one: where an account's own count is full others
// may be admitted, from addresses that it knows.
func (l *limiter) remember(t try, r refusal) {
	for _, c := range t {
		if c.kind == r.kind && c.kind != ofAccount || c.kind == ofPair && r.kind == ofAccount {
			l.recent.Add(c.key, r)
		}
	}
}

func (l *limiter) refuse(r refusal, now time.Time) error {
	l.refused[r.kind].Add(1)
	return &errs.Error{Kind: errs.RateLimited, Message: refusals[r.kind], RetryAfter: max(r.until.Sub(now), time.Second)}
}

// take counts a try in its rows and gives those without room, in which it was not counted. An account's row needs none
// for an address that the account knows. All lock the rows in the order of kinds.
func take(ctx context.Context, tx *events.Tx, t try, now time.Time, window time.Duration) (without try, err error) {
	args := []any{now, now.Add(window)}
	var values, most strings.Builder
	for i, c := range t {
		args = append(args, c.key)
		if i > 0 {
			values.WriteString(", ")
		}
		fmt.Fprintf(&values, "($%d, 1, $2, $2)", len(args))
		fmt.Fprintf(&most, " WHEN $%d THEN %d", len(args), c.most)
	}
	rows, err := tx.Client().QueryContext(ctx, `INSERT INTO sign_in_limits AS l (key, used, ends_at, expires_at) VALUES `+values.String()+`
		ON CONFLICT (key) DO UPDATE SET used = CASE WHEN l.ends_at <= $1 THEN 1 ELSE l.used + 1 END,
			ends_at = CASE WHEN l.ends_at <= $1 THEN $2 ELSE l.ends_at END,
			expires_at = CASE WHEN l.expires_at < $2 THEN $2 ELSE l.expires_at END
		WHERE l.ends_at <= $1 OR l.used < CASE l.key`+most.String()+` END
		RETURNING key, COALESCE(known_until > $1, FALSE)`, args...)
	if err != nil {
		return nil, fmt.Errorf("count a try to sign in: %w", err)
	}
	defer func() { _ = rows.Close() }()
	counted, known := map[string]bool{}, false
	for rows.Next() {
		var key string
		var isKnown bool
		if err := rows.Scan(&key, &isKnown); err != nil {
			return nil, fmt.Errorf("count a try to sign in: %w", err)
		}
		counted[key], known = true, known || isKnown
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count a try to sign in: %w", err)
	}
	for _, c := range t {
		if !counted[c.key] && !(known && c.kind == ofAccount) {
			without = append(without, c)
		}
	}
	return without, nil
}

// fullest gives which of full counts stays so for longest.
func fullest(ctx context.Context, tx *events.Tx, full try, now time.Time) (refusal, error) {
	longest := refusal{kind: full[0].kind, until: now, at: now}
	for _, c := range full {
		row, err := tx.SignInLimit.Get(ctx, c.key)
		if err != nil {
			return longest, fmt.Errorf("look at a limit of sign-in: %w", err)
		}
		if row.EndsAt.After(longest.until) {
			longest.kind, longest.until = c.kind, row.EndsAt
		}
	}
	return longest, nil
}
