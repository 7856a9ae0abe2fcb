package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"testing"
)

// The first row is read and its connection is returned; that there is none, or a failure, is said.
func TestScanOne(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		for range 100 { // more than there are connections
			var a int
			var b string
			if err := ScanOne(t.Context(), db, "SELECT 7, 'x' UNION ALL SELECT 8, $1", []any{"y"}, &a, &b); err != nil || a != 7 || b != "x" {
				t.Fatalf("%d, %q, %v", a, b, err)
			}
			if err := ScanOne(t.Context(), db.Writer(), "SELECT 7 WHERE 1 = 0", nil, &a); !errors.Is(err, sql.ErrNoRows) {
				t.Fatalf("no row: %v", err)
			}
			if err := ScanOne(t.Context(), db, "SELECT 'x'", nil, &a); err == nil || errors.Is(err, sql.ErrNoRows) {
				t.Fatalf("another type: %v", err)
			}
			if err := ScanOne(t.Context(), db, "SELECT nothing FROM nowhere", nil, &a); err == nil || errors.Is(err, sql.ErrNoRows) {
				t.Fatalf("no table: %v", err)
			}
		}
	})
}

// failing is a database whose statements fail after they have begun.
type failing struct{ err error }

func (f failing) QueryContext(context.Context, string, ...any) (failing, error) { return f, nil }
func (f failing) Next() bool                                                    { return false }
func (f failing) Scan(...any) error                                             { return nil }
func (f failing) Err() error                                                    { return f.err }
func (f failing) Close() error                                                  { return nil }

// A statement that fails before its first row is not one without a row.
func TestScanOneFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if err := ScanOne(t.Context(), failing{broken}, "", nil); !errors.Is(err, broken) || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("%v, want %v", err, broken)
	}
}
