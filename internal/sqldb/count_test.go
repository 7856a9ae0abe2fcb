package sqldb

import (
	"context"
	"database/sql"
	"io"
	"path/filepath"
	"testing"

	entsql "entgo.io/ent/dialect/sql"

	"roost/internal/reqstats"
	"roost/testkit/pgtest"
)

// onBoth runs a test on an empty database of either kind.
func onBoth(t *testing.T, fn func(t *testing.T, db *DB)) {
	t.Helper()
	t.Parallel()
	for name, config := range map[string]func(t *testing.T) Config{
		"sqlite":   func(t *testing.T) Config { return Config{File: filepath.Join(t.TempDir(), "a b?c.db")} },
		"postgres": func(t *testing.T) Config { return Config{URL: pgtest.URL(t), MaxConns: 8} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := Open(t.Context(), config(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			fn(t, db)
		})
	}
}

func exec(t *testing.T, db *DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Every statement counts once in the request that makes it, in a transaction or not, however it is run,
// also when it fails; beginning and ending a transaction do not count.
func TestEveryStatementCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		type runner interface {
			Exec(ctx context.Context, query string, args, v any) error
			Query(ctx context.Context, query string, args, v any) error
			ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		}
		run := func(ctx context.Context, r runner) (statements int64) {
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			check(r.Exec(ctx, "INSERT INTO things VALUES (1)", []any{}, nil))
			rows := &entsql.Rows{}
			check(r.Query(ctx, "SELECT id FROM things", []any{}, rows))
			check(rows.Close())
			_, err := r.ExecContext(ctx, "UPDATE things SET id = $1", int64(2))
			check(err)
			var plain io.Closer
			switch r := r.(type) {
			case *Driver:
				plain, err = r.QueryContext(ctx, "SELECT id FROM things WHERE id = $1", int64(2))
			case Querier:
				plain, err = r.QueryContext(ctx, "SELECT id FROM things WHERE id = $1", int64(2))
			}
			check(err)
			check(plain.Close())
			return 4
		}
		ctx, stats := reqstats.With(t.Context())
		want := run(ctx, db.Driver)
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		want += run(ctx, tx.(runner))
		if _, err := db.QueryContext(ctx, "SELECT nothing FROM nowhere"); err == nil {
			t.Error("a bad statement succeeds")
		}
		want++
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := stats.Statements(); got != want {
			t.Errorf("%d statements counted, want %d", got, want)
		}
		if _, other := reqstats.With(t.Context()); other.Statements() != 0 {
			t.Error("another request has statements")
		}
		run(t.Context(), db.Driver) // of no request
	})
}

// The pool for reading cannot write where there is one.
func TestReadersCannotWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		if db.IsPostgres() {
			return
		}
		if _, err := db.read.ExecContext(t.Context(), "INSERT INTO things VALUES (1)"); err == nil {
			t.Error("a reader writes")
		}
	})
}
