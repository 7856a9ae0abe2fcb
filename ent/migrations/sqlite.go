package migrations

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// renames are what sql/00008_names.sql does to PostgreSQL, for SQLite: ent adds tables and columns, but does not recognize one
// that got another name. Indexes of SQLite cannot be renamed; ent makes those that are dropped here again.
var renames = []string{
	"ALTER TABLE follows RENAME COLUMN place TO sort_key",
	"ALTER TABLE users RENAME COLUMN ver TO version",
	"ALTER TABLE username_claims RENAME COLUMN ver TO version",
	"ALTER TABLE email_claims RENAME COLUMN ver TO version",
	"ALTER TABLE sessions RENAME COLUMN ver TO version",
	"ALTER TABLE follows RENAME COLUMN ver TO version",
	"ALTER TABLE tweets RENAME COLUMN ver TO version",
	"ALTER TABLE reactions RENAME COLUMN ver TO version",
	"ALTER TABLE user_stats RENAME COLUMN ver TO version",
	"ALTER TABLE user_stats RENAME COLUMN following_ver TO following_version",
	"ALTER TABLE group_parts RENAME TO group_partitions",
	"ALTER TABLE group_partitions RENAME COLUMN part TO partition",
	"DROP INDEX group_parts_key",
	"ALTER TABLE parked_events RENAME TO retry_queue",
	"DROP INDEX parked_events_key",
	"DROP INDEX parked_events_waiting",
}

// renameSQLite renames the tables and columns of a database that was made before migration 8: all of them or none.
func renameSQLite(ctx context.Context, drv dialect.Driver) (err error) {
	tx, err := drv.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var rows entsql.Rows
	const old = "SELECT count(*) FROM pragma_table_info('follows') WHERE name = 'place'"
	if err := tx.Query(ctx, old, []any{}, &rows); err != nil {
		return fmt.Errorf("look for old names: %w", err)
	}
	n, err := entsql.ScanInt(rows)
	if err := errors.Join(err, rows.Close()); err != nil {
		return fmt.Errorf("look for old names: %w", err)
	}
	for _, q := range renames[:n*len(renames)] {
		if err := tx.Exec(ctx, q, []any{}, nil); err != nil {
			return fmt.Errorf("rename: %w", err)
		}
	}
	return tx.Commit()
}
