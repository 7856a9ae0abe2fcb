package sqldb

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A full disk is not the fault of who writes: the database is unavailable, also to a check, until there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Config{File: filepath.Join(t.TempDir(), "roost.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(t, db, "CREATE TABLE things (text)")
	var pages int
	if err := db.write.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		t.Helper()
		if _, err := db.write.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	insert := "INSERT INTO things VALUES ('" + strings.Repeat("x", 20_000) + "')"
	writes := map[string]func() error{
		"a statement": func() error { _, err := db.ExecContext(t.Context(), insert); return err },
		"a transaction": func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			if err := tx.Exec(t.Context(), insert, []any{}, nil); err != nil {
				return err
			}
			return tx.Commit()
		},
	}
	for name, write := range writes {
		limit(pages)
		if err := write(); !IsUnavailable(err) || !TakesNoWrites(err) || IsRetryable(err) {
			t.Errorf("%s: %v", name, err)
		}
		for range 2 {
			if err := db.Check(t.Context()); !TakesNoWrites(err) {
				t.Errorf("%s: a check: %v", name, err)
			}
		}
		limit(1 << 30)
		if err := db.Check(t.Context()); err != nil || db.disk.last.Load() != nil {
			t.Errorf("%s: a check with room again: %v", name, err)
		}
		if err := db.write.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		if err := write(); err != nil {
			t.Errorf("%s: with room again: %v", name, err)
		}
	}
}
