package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Lock is the number of an advisory lock of PostgreSQL. All of Roost's numbers are in this file: two kinds of work with
// the same number would exclude each other.
type Lock int64

const (
	// LockMigrations is held by the session of the node that migrates.
	LockMigrations Lock = 7_303_014_519
	// LockImport is held by the session of an import, from its start to its end.
	LockImport Lock = 7_303_014_520
	// LockRetention is held by a transaction that removes old events, or by one that moves a group back and needs these events.
	LockRetention Lock = 7_303_014_521
)

// LockIdempotencyKeys is the first number of the advisory locks with two numbers that transactions hold while they post a tweet with an
// idempotency key; the second number is a hash of the user and the key. PostgreSQL keeps locks with two numbers apart from the others.
const LockIdempotencyKeys int32 = 730_301

// lockPoll is how often a lock that another session holds is tried. A statement that waited in the server would keep a snapshot
// meanwhile, and because of the snapshot no dead row of the database could be removed.
const lockPoll = 200 * time.Millisecond

// Take takes the lock for the session of a connection, until the session ends or unlocks it. While another session holds the
// lock, Take tries again, for up to wait; it calls waiting once before that. taken is false if the lock was held all the time.
func (l Lock) Take(ctx context.Context, conn *sql.Conn, wait time.Duration, waiting func() error) (taken bool, err error) {
	deadline := time.Now().Add(wait)
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for waits := false; ; {
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(l)).Scan(&taken); err != nil {
			return false, fmt.Errorf("take a lock: %w", err)
		}
		if taken || time.Now().After(deadline) {
			return taken, nil
		}
		if !waits {
			waits = true
			if err := waiting(); err != nil {
				return false, err
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-tick.C:
		}
	}
}

// Release unlocks what Take has locked, in the same session.
func (l Lock) Release(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(l)); err != nil {
		return fmt.Errorf("release a lock: %w", err)
	}
	return nil
}
