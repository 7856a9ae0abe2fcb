package migrations

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// rename is a new name of a table, or of a column if column is not empty. table is the old name in both cases.
type rename struct{ table, column, to string }

// renames are what sql/00008_names.sql does to PostgreSQL, for SQLite: ent adds tables and columns, but does not recognize one
// that got another name. Columns come before their table.
var renames = []rename{
	{"follows", "place", "sort_key"},
	{"users", "ver", "version"},
	{"username_claims", "ver", "version"},
	{"email_claims", "ver", "version"},
	{"sessions", "ver", "version"},
	{"follows", "ver", "version"},
	{"tweets", "ver", "version"},
	{"reactions", "ver", "version"},
	{"user_stats", "ver", "version"},
	{"user_stats", "following_ver", "following_version"},
	{"group_parts", "part", "partition"},
	{"group_parts", "", "group_partitions"},
	{"parked_events", "", "retry_queue"},
}

// oldIndexes are indexes whose names contain an old name, which SQLite cannot rename, and an index whose condition has changed. ent
// creates them again under their new names.
var oldIndexes = []string{"group_parts_key", "parked_events_key", "parked_events_waiting", "events_timeline", "events_home"}

// renameSQLite renames the tables and columns of a database that was made before migration 8: all of them or none. A database
// from before another migration does not have all the old names; ent adds what it lacks.
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
	for _, r := range renames {
		exists, err := r.exists(ctx, tx)
		if err != nil {
			return fmt.Errorf("look for old names: %w", err)
		}
		if !exists {
			continue
		}
		q := "ALTER TABLE " + r.table + " RENAME TO " + r.to
		if r.column != "" {
			q = "ALTER TABLE " + r.table + " RENAME COLUMN " + r.column + " TO " + r.to
		}
		if err := tx.Exec(ctx, q, []any{}, nil); err != nil {
			return fmt.Errorf("rename: %w", err)
		}
	}
	for _, name := range oldIndexes {
		if err := tx.Exec(ctx, "DROP INDEX IF EXISTS "+name, []any{}, nil); err != nil {
			return fmt.Errorf("drop an index with an old name: %w", err)
		}
	}
	return tx.Commit()
}

// exists reports whether the database has the column, or any column of the table.
func (r rename) exists(ctx context.Context, tx dialect.Tx) (bool, error) {
	var rows entsql.Rows
	const columns = "SELECT count(*) FROM pragma_table_info(?) WHERE ? IN ('', name)"
	if err := tx.Query(ctx, columns, []any{r.table, r.column}, &rows); err != nil {
		return false, err
	}
	n, err := entsql.ScanInt(rows)
	return n > 0, errors.Join(err, rows.Close())
}

// triggers raise the versions of lists, by the names of the triggers: SQLite cannot change two tables in one statement. PostgreSQL
// needs none.
var triggers = map[string]struct{ when, raise string }{
	"reactions_inserted": {"INSERT ON reactions", raiseReacted},
	"reactions_updated":  {"UPDATE OF kind ON reactions", raiseReacted},
	"retweets_inserted":  {"INSERT ON retweets", raiseRetweeted},
	"retweets_updated":   {"UPDATE OF active ON retweets", raiseRetweeted},
}

const (
	raiseReacted   = "INSERT INTO reaction_lists (user_id, version) VALUES (new.user_id, 2)"
	raiseRetweeted = "INSERT INTO user_stats (user_id) VALUES (new.user_id)"
)

func createTriggers(ctx context.Context, drv dialect.Driver) error {
	for name, t := range triggers {
		q := fmt.Sprintf("CREATE TRIGGER %s AFTER %s BEGIN %s ON CONFLICT (user_id) DO UPDATE SET version = version + 1; END",
			name, t.when, t.raise)
		if err := drv.Exec(ctx, q, []any{}, nil); err != nil {
			return fmt.Errorf("create the trigger %s: %w", name, err)
		}
	}
	return nil
}

// dropTriggers drops what createTriggers has created. A table that a trigger names cannot be renamed, which is how ent changes tables.
func dropTriggers(ctx context.Context, drv dialect.Driver) error {
	for name := range triggers {
		if err := drv.Exec(ctx, "DROP TRIGGER IF EXISTS "+name, []any{}, nil); err != nil {
			return fmt.Errorf("drop the trigger %s: %w", name, err)
		}
	}
	return nil
}
