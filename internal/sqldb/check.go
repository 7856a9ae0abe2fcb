package sqldb

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Check reports whether the database answers and takes writes. It uses no permit.
func (db *DB) Check(ctx context.Context) error {
	if db.primaries != nil {
		return db.checkPrimary(ctx)
	}
	if err := db.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	if db.disk.last.Load() == nil {
		return nil
	}
	if err := db.tryWrite(Background(ctx)); err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	return nil
}

// tryWrite makes SQLite's file grow by a page, or use a free page. Without such a write, a node whose only clients are health
// checks would not notice that the disk has room again.
func (db *DB) tryWrite(ctx context.Context) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, q := range []string{"CREATE TABLE roost_room (filler)", "DROP TABLE roost_room"} {
		if err := tx.Exec(ctx, q, []any{}, nil); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// checkPrimary checks whether the server of a pooled connection still takes writes. This was checked before when the connection
// was opened, perhaps minutes ago. If the server takes no writes any more, all connections are closed as they become free.
func (db *DB) checkPrimary(ctx context.Context) error {
	generation := db.primaries.generation.Load()
	var readOnly string
	if err := db.write.QueryRowContext(ctx, "SELECT current_setting('transaction_read_only')").Scan(&readOnly); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	if readOnly == "on" {
		db.primaries.demote(generation)
		return ErrNotPrimary
	}
	return nil
}

// disk remembers the last write of SQLite that failed because of the disk, until one succeeds.
type disk struct{ last atomic.Pointer[error] }

// failed notes the error of a statement, and returns it.
func (d *disk) failed(err error) error {
	if d != nil && err != nil && isDiskFailure(err) {
		d.last.Store(&err)
	}
	return err
}

// wrote notes the outcome of a write that has ended, and returns it.
func (d *disk) wrote(err error) error {
	if d != nil && err == nil && d.last.Load() != nil {
		d.last.Store(nil)
	}
	return d.failed(err)
}
