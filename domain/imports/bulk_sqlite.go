package imports

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"roost/internal/sqldb"
)

// sqliteRows is the number of rows in one statement. Measured on two cores with 20,000 rows in a
// transaction: 130,000 rows a second with 1, 305,000 with 50, 330,000 with 200, 324,000 with 1,000; all
// of them as one JSON argument 225,000.
const sqliteRows = 128

// sqlite inserts many rows in a statement, on the one connection that writes.
type sqlite struct{ db *sqldb.DB }

func (s *sqlite) begin(ctx context.Context) (*sql.Tx, error) {
	// A connection of its own would keep the id generator from extending its lease.
	return s.db.Writer().BeginTx(ctx, nil)
}

func (s *sqlite) insert(ctx context.Context, tx *sql.Tx, into *insert, n int, row func(int, []any)) (all []int64, err error) {
	width := len(into.columns)
	args := make([]any, sqliteRows*width)
	for from := 0; from < n; {
		count := min(sqliteRows, n-from)
		stmt, err := tx.PrepareContext(ctx, into.values(count))
		if err != nil {
			return nil, fmt.Errorf("insert into %s: %w", into.table, err)
		}
		for ; n-from >= count; from += count {
			for i := range count {
				row(from+i, args[i*width:(i+1)*width])
			}
			written, err := write(ctx, stmt, into, args[:count*width])
			if err != nil {
				return nil, fmt.Errorf("insert into %s: %w", into.table, err)
			}
			all = append(all, written...)
		}
		if err := stmt.Close(); err != nil {
			return nil, fmt.Errorf("insert into %s: %w", into.table, err)
		}
	}
	return all, nil
}

// values returns the statement that inserts a number of rows.
func (ins *insert) values(rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", len(ins.columns)), ",") + ")"
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES %s%s", ins.table, strings.Join(ins.columns, ", "),
		strings.TrimSuffix(strings.Repeat(row+",", rows), ","), ins.ending())
}

func write(ctx context.Context, stmt *sql.Stmt, into *insert, args []any) ([]int64, error) {
	if len(into.returning) == 0 {
		_, err := stmt.ExecContext(ctx, args...)
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return scan(rows, len(into.returning))
}

func (s *sqlite) strings(list []string) (arg any, from string) {
	b, err := json.Marshal(list)
	if err != nil || list == nil {
		return "[]", "json_each($1) AS l"
	}
	return string(b), "json_each($1) AS l"
}

// smallTable is below how many rows a table has no statistics. It may grow after the import, and SQLite would go on reading the whole of
// it; without statistics SQLite takes a table for large.
const smallTable = 10_000

func (s *sqlite) tidy(ctx context.Context) error {
	for _, query := range []string{
		"PRAGMA analysis_limit = 1000", // a sample of every index is read instead of all of it
		"ANALYZE",
		fmt.Sprintf("DELETE FROM sqlite_stat1 WHERE CAST(stat AS INTEGER) < %d", smallTable),
		"ANALYZE sqlite_schema", // loads the statistics again
	} {
		if _, err := s.db.Writer().ExecContext(ctx, query); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

func (s *sqlite) close() error { return nil }
