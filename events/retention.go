package events

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"roost/ent"
	"roost/internal/clock"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// DefaultKeep is how long events are kept at least. A client that reconnects within that time misses nothing.
	DefaultKeep = 72 * time.Hour
	// cleanEvery is how often retention looks for events to remove.
	cleanEvery = time.Minute
	// cleanBatch is how many events one transaction removes at most.
	cleanBatch = 2000
)

// Cleaner removes events that every group has passed and that are older than the time that events are kept. It is a
// lifecycle.Service.
type Cleaner struct {
	lifecycle.Loop
	client *ent.Client
	db     *sqldb.DB
	clock  clock.Clock
	keep   time.Duration
}

// NewCleaner returns a cleaner that keeps events for at least a time, DefaultKeep if 0.
func NewCleaner(client *ent.Client, db *sqldb.DB, c clock.Clock, keep time.Duration) *Cleaner {
	fill(&keep, DefaultKeep)
	cl := &Cleaner{client: client, db: db, clock: c, keep: keep}
	cl.Run = lifecycle.Steadily(cleanEvery, "old events were not removed", func(ctx context.Context) error {
		_, err := cl.Clean(ctx)
		return err
	}).Run
	return cl
}

// Clean removes all events that may be removed now, and returns how many it removed.
func (c *Cleaner) Clean(ctx context.Context) (removed int64, err error) {
	for ctx.Err() == nil {
		n, err := c.batch(ctx)
		removed += n
		if err != nil || n < cleanBatch {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

// batch removes up to cleanBatch of the oldest events and stores up to which seq, in one transaction.
func (c *Cleaner) batch(ctx context.Context) (n int64, err error) {
	tx, err := c.client.Tx(ctx)
	if err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil || n == 0 {
			_ = tx.Rollback() // nothing was removed, or the error that is returned says why
		}
	}()
	if ok, err := tryRetention(ctx, c.db, tx); err != nil || !ok {
		return 0, err
	}
	var last int64
	if last, n, err = c.removable(ctx, tx); err != nil || n == 0 {
		return 0, err
	}
	if _, err := tx.Client().ExecContext(ctx, "DELETE FROM events WHERE "+seqColumn(c.db)+" <= $1", last); err != nil {
		return 0, fmt.Errorf("remove old events: %w", err)
	}
	// Last, because the sequencer waits for this row.
	_, err = tx.Client().ExecContext(ctx, `INSERT INTO log_heads (id, seq, oldest, sequenced_at) VALUES (1, 0, $1, $2)
		ON CONFLICT (id) DO UPDATE SET oldest = excluded.oldest WHERE log_heads.oldest < excluded.oldest`, last, c.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("store the end of the log: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("remove old events: %w", err)
	}
	return n, nil
}

// removable returns the last of the events that may be removed, and how many they are. Every group has passed them, and they and
// all events before them are older than the limit.
func (c *Cleaner) removable(ctx context.Context, tx *ent.Tx) (last, n int64, err error) {
	at := seqColumn(c.db)
	rows, err := tx.Client().QueryContext(ctx, fmt.Sprintf(`SELECT %[1]s, created_at FROM events WHERE %[1]s IS NOT NULL
		AND %[1]s <= (SELECT COALESCE(MIN(position), 9223372036854775807) FROM group_partitions) ORDER BY %[1]s LIMIT $1`, at), cleanBatch)
	if err != nil {
		return 0, 0, fmt.Errorf("look for old events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	limit := c.clock.Now().Add(-c.keep)
	for rows.Next() {
		var seq int64
		var created time.Time
		if err := rows.Scan(&seq, &created); err != nil {
			return 0, 0, fmt.Errorf("look for old events: %w", err)
		}
		if !created.Before(limit) {
			break
		}
		last = seq
		n++
	}
	if err := rows.Err(); err != nil {
		return 0, 0, fmt.Errorf("look for old events: %w", err)
	}
	return last, n, rows.Close()
}

const (
	// cleanLockTimeout bounds each wait of a cleaner for a lock. A cleaner that does not get it tries again later: a queue of
	// cleaners would hold connections and old snapshots while it waits.
	cleanLockTimeout = 2 * time.Second
	// replayLockTimeout bounds how long a replay waits for retention, and for the current batches of its group, which end with
	// their lease.
	replayLockTimeout = 20 * time.Second
)

// tryRetention takes the lock of retention for the transaction, and reports whether it was free. A replay or another cleaner may
// hold it. On SQLite only one transaction writes at a time, so there is no lock.
func tryRetention(ctx context.Context, db *sqldb.DB, tx *ent.Tx) (ok bool, err error) {
	if !db.IsPostgres() {
		return true, nil
	}
	var timeout string
	err = sqldb.ScanOne(ctx, tx.Client(), "SELECT set_config('lock_timeout', $1, true), pg_try_advisory_xact_lock($2)",
		[]any{milliseconds(cleanLockTimeout), int64(sqldb.LockRetention)}, &timeout, &ok)
	if err != nil {
		return false, fmt.Errorf("lock the end of the log: %w", err)
	}
	return ok, nil
}

// lockRetention keeps retention from removing events until the transaction ends. It bounds the wait for this lock and for every
// other lock of the transaction. On SQLite only one transaction writes at a time, so there is no lock.
func lockRetention(ctx context.Context, db *sqldb.DB, tx *ent.Tx) error {
	if !db.IsPostgres() {
		return nil
	}
	if _, err := tx.Client().ExecContext(ctx, "SELECT set_config('lock_timeout', $1, true)", milliseconds(replayLockTimeout)); err != nil {
		return fmt.Errorf("lock the end of the log: %w", err)
	}
	if _, err := tx.Client().ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(sqldb.LockRetention)); err != nil {
		return fmt.Errorf("lock the end of the log: %w", err)
	}
	return nil
}

// milliseconds formats a time for PostgreSQL's settings.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
