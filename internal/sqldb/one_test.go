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

// All rows are read, in their order, each as a copy; their connection is returned, and a failure at any point is an error.
func TestScanAll(t *testing.T) {
	type pair struct {
		a int
		b *string
	}
	columns := func(p *pair) []any { return []any{&p.a, &p.b} }
	onBoth(t, func(t *testing.T, db *DB) {
		for range 100 { // more than there are connections
			all, err := ScanAll(t.Context(), db, "SELECT 7, 'x' UNION ALL SELECT 8, NULL UNION ALL SELECT 9, $1 ORDER BY 1", []any{"y"}, columns)
			if err != nil || len(all) != 3 || all[0].a != 7 || *all[0].b != "x" || all[1].b != nil || all[2].a != 9 || *all[2].b != "y" {
				t.Fatalf("%+v, %v", all, err)
			}
			if n, err := ScanAll(t.Context(), db.Writer(), "SELECT 7 WHERE 1 = 0", nil, Column[int]); err != nil || n != nil {
				t.Fatalf("no row: %v, %v", n, err)
			}
			if _, err := ScanAll(t.Context(), db, "SELECT 'x'", nil, Column[int]); err == nil {
				t.Fatal("another type is no error")
			}
			if _, err := ScanAll(t.Context(), db, "SELECT nothing FROM nowhere", nil, Column[int]); err == nil {
				t.Fatal("no table is no error")
			}
		}
	})
	broken := errors.New("broken")
	if _, err := ScanAll(t.Context(), failing{broken}, "", nil, Column[int]); !errors.Is(err, broken) {
		t.Errorf("a failure between rows is %v, want %v", err, broken)
	}
}
