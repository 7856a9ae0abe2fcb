package events

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"roost/ent"
	"roost/internal/clock"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// DefaultKeep is for how long events are kept at least: a client that sleeps for less misses nothing.
	DefaultKeep = 72 * time.Hour
	// cleanEvery is how often retention looks.
	cleanEvery = time.Minute
	// cleanBatch is how many events one transaction removes.
	cleanBatch = 2000
)

// Cleaner removes events that are old and that every group has passed. It is a lifecycle.Service.
type Cleaner struct {
	lifecycle.Loop
	client *ent.Client
	db     *sqldb.DB
	clock  clock.Clock
	keep   time.Duration
}

// NewCleaner makes a cleaner that keeps events for a time, DefaultKeep if 0.
func NewCleaner(client *ent.Client, db *sqldb.DB, c clock.Clock, keep time.Duration) *Cleaner {
	fill(&keep, DefaultKeep)
	cl := &Cleaner{client: client, db: db, clock: c, keep: keep}
	cl.Run = cl.run
	return cl
}

func (c *Cleaner) run(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if _, err := c.Clean(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "old events were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Clean removes what may go now, and returns how many events that were.
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

// batch removes the oldest events and notes how far, in one transaction.
func (c *Cleaner) batch(ctx context.Context) (n int64, err error) {
	at := place(c.db)
	old, err := readEntries(ctx, c.db, fmt.Sprintf(`SELECT %[1]s, %[2]s FROM events WHERE %[1]s IS NOT NULL
		AND %[1]s <= COALESCE((SELECT MIN(position) FROM group_parts), %[1]s) ORDER BY %[1]s LIMIT $1`, at, entryColumns), cleanBatch)
	if err != nil {
		return 0, err
	}
	limit := c.clock.Now().Add(-c.keep)
	last := int64(0)
	for _, e := range old {
		if !e.At.Before(limit) {
			break
		}
		last = e.Seq
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, c.remove(ctx, at, last)
}

func (c *Cleaner) remove(ctx context.Context, at string, last int64) error {
	tx, err := c.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	_, err = tx.Client().ExecContext(ctx, `INSERT INTO log_heads (id, seq, oldest, sequenced_at) VALUES (1, 0, $1, $2)
		ON CONFLICT (id) DO UPDATE SET oldest = excluded.oldest WHERE log_heads.oldest < excluded.oldest`, last, c.clock.Now())
	if err == nil {
		_, err = tx.Client().ExecContext(ctx, "DELETE FROM events WHERE "+at+" <= $1", last)
	}
	if err != nil {
		_ = tx.Rollback() // its own error tells why
		return fmt.Errorf("remove old events: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("remove old events: %w", err)
	}
	return nil
}
