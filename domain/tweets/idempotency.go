package tweets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"roost/events"
	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

const (
	// MaxKeyLength is the most bytes of an idempotency key.
	MaxKeyLength = 255
	// KeyLifetime is how long a key is remembered, from the time of its tweet.
	KeyLifetime = 24 * time.Hour
	// keyWait is how long a repeat waits for the first request.
	keyWait = 2 * time.Second
	// keyPause is how long a repeat waits before it looks again for the end of a request on another node, at first and at most.
	keyPause, maxKeyPause = 10 * time.Millisecond, 160 * time.Millisecond
)

// CheckKey returns nil if a text is allowed as an idempotency key, otherwise an errs.BadRequest.
func CheckKey(key string) *errs.Error {
	switch {
	case key == "" || len(key) > MaxKeyLength:
		return errs.Newf(errs.BadRequest, "an idempotency key has 1 to %d bytes", MaxKeyLength)
	case !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl):
		return errs.New(errs.BadRequest, "an idempotency key is UTF-8 text without control characters")
	}
	return nil
}

// PostOnce is PostDraft for a request that the client may repeat: the first call with an author and a key posts a tweet, and later ones
// within KeyLifetime return the id of this tweet, whether it was deleted meanwhile or not. made is the tweet if this call has posted it,
// otherwise nil. The key must be one that CheckKey allows.
//
// A repeat with another draft is refused with IDEMPOTENCY_KEY_REUSED. While the first call runs, on any node, a repeat waits for up to 2 s,
// and is then refused with IDEMPOTENCY_IN_PROGRESS. A call that fails does not use the key up. Repeats that wait hold no connection to the
// database.
func (t *Tweets) PostOnce(ctx context.Context, authorID int64, key string, d Draft) (id int64, made *Tweet, err error) {
	if e := Check(d.Text); e != nil {
		return 0, nil, e
	}
	p := &keyedPost{of: t, user: userKey{authorID, key}, draft: d, arguments: argumentsHash(d)}
	waited := time.NewTimer(keyWait)
	defer waited.Stop()
	for {
		mine, other := t.running.begin(p.user)
		if mine != nil {
			defer t.running.end(p.user, mine)
			id, made, err = p.run(ctx, waited.C)
			if err == nil {
				mine.posted, mine.arguments = id, p.arguments
			}
			return id, made, err
		}
		if err := wait(ctx, other.done, waited.C); err != nil {
			return 0, nil, err
		}
		if other.posted != 0 {
			return other.posted, nil, sameArguments(other.arguments[:], p.arguments)
		}
	}
}

// wait waits until something is over, or until the call has waited for long enough. The request does not count as running meanwhile.
func wait[T any](ctx context.Context, over <-chan T, waited <-chan time.Time) error {
	defer admission.FromContext(ctx).Pause()()
	select {
	case <-over:
		return nil
	case <-waited:
		return inProgress()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func inProgress() *errs.Error {
	return errs.New(errs.IdempotencyInProgress, "the first request with this idempotency key is still running, try again")
}

// sameArguments returns a refusal if a key was used with other arguments.
func sameArguments(first []byte, now [sha256.Size]byte) error {
	if !bytes.Equal(first, now[:]) {
		return errs.New(errs.IdempotencyKeyReused, "the idempotency key was used with other arguments")
	}
	return nil
}

// argumentsHash is the hash of what a tweet is posted with. It is stored, so releases that run side by side must agree on it: an argument
// that a later release adds may change the hash only where the argument is given.
func argumentsHash(d Draft) [sha256.Size]byte {
	arguments := "createTweet\x00text\x00" + d.Text
	if d.InReplyTo != 0 {
		arguments += "\x00inReplyTo\x00" + strconv.FormatInt(d.InReplyTo, 10)
	}
	return sha256.Sum256([]byte(arguments))
}

// keyedPost is one call of PostOnce.
type keyedPost struct {
	of        *Tweets
	user      userKey
	draft     Draft
	arguments [sha256.Size]byte
}

// errHeld reports that a transaction of another node uses the key.
var errHeld = errors.New("another transaction uses the idempotency key")

// run posts the tweet, or finds the one that was posted. While another node posts it, run tries again, until waited.
func (p *keyedPost) run(ctx context.Context, waited <-chan time.Time) (id int64, made *Tweet, err error) {
	for pause := keyPause; ; pause = min(2*pause, maxKeyPause) {
		id, made, err = p.try(ctx)
		if !errors.Is(err, errHeld) {
			return id, made, err
		}
		if err := wait(ctx, time.After(pause), waited); err != nil {
			return 0, nil, err
		}
	}
}

func (p *keyedPost) try(ctx context.Context) (id int64, made *Tweet, err error) {
	draft, err := p.of.prepare(ctx, p.user.id, p.draft)
	if err != nil {
		return 0, nil, err
	}
	err = p.of.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		if id, err = p.claim(ctx, tx, int64(draft.ID)); err != nil {
			return err
		}
		if id != int64(draft.ID) {
			made = nil
			tx.AlreadyDone(events.TweetPosted{TweetID: id, AuthorID: p.user.id})
			return nil
		}
		made = draft
		return p.of.insert(ctx, tx, draft)
	})
	if err != nil {
		return 0, nil, err
	}
	return id, made, nil
}

// The claim of a key. A row that has expired counts as absent. On PostgreSQL a second transaction would wait at the unique index until the
// first one ends, and hold its connection meanwhile; so it tries a lock, and writes nothing without it. SQLite has one writer at a time.
const (
	claimSQL = `INSERT INTO idempotency_keys (tweet_id, user_id, key, arguments) VALUES ($1, $2, $3, $4)` + claimConflictSQL + `$5`
	// claimLockedSQL also has the numbers of the lock.
	claimLockedSQL = `INSERT INTO idempotency_keys (tweet_id, user_id, key, arguments)
		SELECT $1::bigint, $2::bigint, $3::varchar, $4::bytea WHERE pg_try_advisory_xact_lock($6::integer, $7::integer)` +
		claimConflictSQL + `$5::bigint`
	claimConflictSQL = ` ON CONFLICT (user_id, key) DO UPDATE SET tweet_id = excluded.tweet_id, arguments = excluded.arguments
		WHERE idempotency_keys.tweet_id < `
	claimedSQL = `SELECT tweet_id, arguments FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND tweet_id >= $3`
)

// claim writes the row of the key, and returns the id of the tweet that the key belongs to: the draft, or an earlier one. It returns
// errHeld while another transaction posts that one.
func (p *keyedPost) claim(ctx context.Context, tx *events.Tx, draft int64) (id int64, err error) {
	live := firstLive(tx.Now)
	statement, args := claimSQL, []any{draft, p.user.id, p.user.key, p.arguments[:], live}
	if p.of.db.IsPostgres() {
		statement, args = claimLockedSQL, append(args, sqldb.LockIdempotencyKeys, p.user.lock())
	}
	res, err := tx.Client().ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("claim an idempotency key: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return draft, err
	}
	var first []byte
	err = sqldb.ScanOne(ctx, tx.Client(), claimedSQL, []any{p.user.id, p.user.key, live}, &id, &first)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, errHeld
	case err != nil:
		return 0, fmt.Errorf("look up an idempotency key: %w", err)
	}
	return id, sameArguments(first, p.arguments)
}

// firstLive is the lowest id of a tweet whose key has not expired.
func firstLive(now time.Time) int64 { return firstAt(now.Add(-KeyLifetime)) }

// userKey is an idempotency key of a user.
type userKey struct {
	id  int64
	key string
}

// lock is the second number of the advisory lock. Keys with the same number only wait for each other.
func (k userKey) lock() int32 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, uint64(k.id)), k.key...))
	return int32(binary.BigEndian.Uint32(sum[:]))
}
