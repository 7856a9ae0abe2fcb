// Package dbtest opens databases for tests, of both kinds (SQLite and PostgreSQL), at the current schema.
package dbtest

import (
	"context"
	"path/filepath"
	"testing"

	"roost/ent/migrations"
	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

// Postgres returns the URL of a private PostgreSQL database at the current schema.
func Postgres(t testing.TB) string {
	t.Helper()
	return pgtest.FromTemplate(t, "migrated", func(url string) error {
		db, err := sqldb.Open(context.Background(), sqldb.Config{URL: url, MaxConns: 4})
		if err != nil {
			return err
		}
		if _, err := migrations.Up(context.Background(), db.Writer()); err != nil {
			return err
		}
		return db.Close()
	})
}

// Each runs a test on both kinds of database in parallel, as subtests: on an SQLite file, and on a private PostgreSQL
// database. [Open] opens them at the current schema.
//
//	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
//		db := dbtest.Open(t, c)
//		…
//	})
func Each(t *testing.T, test func(t *testing.T, c sqldb.Config)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqldb.Config{File: File(t)})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, sqldb.Config{URL: Postgres(t), MaxConns: 12})
	})
}

// File returns the path of an SQLite file that is not there yet.
func File(t testing.TB) string { return filepath.Join(t.TempDir(), "roost.db") }

// Open opens a database until the test ends; SQLite's schema is made if it is not there.
func Open(t testing.TB, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if !db.IsPostgres() {
		if err := migrations.CreateSQLite(t.Context(), db.Driver); err != nil {
			t.Fatal(err)
		}
	}
	return db
}
