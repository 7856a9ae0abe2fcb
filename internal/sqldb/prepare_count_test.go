package sqldb

import (
	"path/filepath"
	"testing"
)

// A connection to SQLite prepares a statement that runs often once, and closes its statements with itself.
func TestSQLiteKeepsHotStatements(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Config{File: filepath.Join(t.TempDir(), "a.db"), Prepare: PrepareDirect})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kept *sqliteConn
	_ = conn.Raw(func(c any) error { kept = c.(*sqliteConn); return nil })
	var first *sqliteStmt
	const query = "SELECT $1 + 1"
	for i := range 20 {
		var n int
		if err := conn.QueryRowContext(t.Context(), query, i).Scan(&n); err != nil || n != i+1 {
			t.Fatalf("%d: %v", n, err)
		}
		s, ok := kept.statements.Peek(query)
		if ok != (i >= hotRuns) || first != nil && s != first {
			t.Fatalf("after run %d the statement is kept: %t, the same: %t", i+1, ok, s == first)
		}
		first = s
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if !first.dropped || kept.statements.Len() > 0 {
		t.Error("a closed connection keeps statements")
	}
}
