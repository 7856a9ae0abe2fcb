package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"roost/internal/sqldb"
)

// sqliteThings opens an SQLite database with a table, and statements prepared.
func sqliteThings(t *testing.T) *sqldb.DB {
	t.Helper()
	db := opened(t, sqldb.Config{File: filepath.Join(t.TempDir(), "a.db"), Prepare: sqldb.PrepareDirect})
	for _, q := range []string{"CREATE TABLE things (n INTEGER PRIMARY KEY, word TEXT)", "INSERT INTO things VALUES (1, 'one'), (2, 'two')"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// Prepared statements of SQLite see every committed write and every change of the schema, and may be open twice at once.
func TestPreparedStatementsOfSQLite(t *testing.T) {
	t.Parallel()
	db := sqliteThings(t)
	const all, insert = "SELECT n, word FROM things WHERE n < $1 ORDER BY n", "INSERT INTO things VALUES ($1, $2)"
	for i := range 40 {
		n := 3 + i
		if _, err := db.ExecContext(t.Context(), insert, n, "more"); err != nil {
			t.Fatal(err)
		}
		got, err := sqldb.ScanAll(t.Context(), db, "SELECT n FROM things WHERE n < $1 ORDER BY n", []any{1000}, sqldb.Column[int64])
		if err != nil || len(got) != n {
			t.Fatalf("read %v: %v", got, err)
		}
		if _, err := db.ExecContext(t.Context(), insert, 1, "again"); err == nil {
			t.Fatal("a key is there twice")
		}
		if i%10 == 9 {
			must(t, db.Writer(), fmt.Sprintf("ALTER TABLE things ADD COLUMN c%d", i))
			must(t, db.Writer(), fmt.Sprintf("ALTER TABLE things DROP COLUMN c%d", i))
			must(t, db.Writer(), "VACUUM")
		}
	}
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range warm {
		outer, err := tx.QueryContext(t.Context(), all, 3)
		if err != nil || !outer.Next() {
			t.Fatalf("read: %v", err)
		}
		if got, err := read(t.Context(), tx, all, 2); err != nil || len(got) != 1 {
			t.Fatalf("read %v while rows are open: %v", got, err)
		}
		if !outer.Next() || outer.Next() {
			t.Fatalf("the second row: %v", outer.Err())
		}
		if err := outer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// More texts than a connection keeps, one of them with open rows, and readers that leave in the middle do no harm.
func TestPreparedStatementsOfSQLiteAreBounded(t *testing.T) {
	t.Parallel()
	db := sqliteThings(t)
	many := func(on reader, from int) {
		for i := range 150 {
			for range 10 {
				query := fmt.Sprintf("SELECT n, word FROM things WHERE n < $1 AND %d = %[1]d", from+i)
				if got, err := read(t.Context(), on, query, 3); err != nil || len(got) != 2 {
					t.Fatalf("read %v: %v", got, err)
				}
			}
		}
	}
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const kept = "SELECT n, word FROM things WHERE n <= $1"
	for range warm {
		if _, err := read(t.Context(), tx, kept, 2); err != nil {
			t.Fatal(err)
		}
	}
	open, err := tx.QueryContext(t.Context(), kept, 2)
	if err != nil || !open.Next() {
		t.Fatalf("read: %v", err)
	}
	many(tx, 0)
	if !open.Next() || open.Next() || open.Err() != nil {
		t.Errorf("rows whose statement was dropped: %v", open.Err())
	}
	if err := errors.Join(open.Close(), tx.Commit()); err != nil {
		t.Error(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				rows, err := db.QueryContext(ctx, kept, 2)
				if err != nil {
					t.Error(err)
				} else {
					rows.Next()
					if i%2 == 0 {
						cancel()
					}
					_ = rows.Close()
				}
				cancel()
			}
		})
	}
	all.Wait()
	many(db.Writer(), 1000)
}
