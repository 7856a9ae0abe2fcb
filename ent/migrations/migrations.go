// Package migrations brings a database to the schema that this binary needs: versioned SQL files on
// PostgreSQL, ent's own schema creation on SQLite.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"roost/ent"
)

//go:embed sql/*.sql
var files embed.FS

// versionTable is where PostgreSQL keeps which files were applied.
const versionTable = "schema_migrations"

// lockID is the advisory lock that one migrating node holds at a time.
const lockID = 7_303_014_519

// ErrNewerSchema says that a newer Roost has migrated the database: this binary must not touch it.
var ErrNewerSchema = errors.New("the database has a newer schema than this binary knows; run a newer roost")

// ErrPending says that the database lacks migrations: run `roost migrate up`.
var ErrPending = errors.New("the database schema is out of date; run `roost migrate up`")

// Step is one migration and whether it was applied.
type Step struct {
	Version   int64
	File      string
	Applied   bool
	AppliedAt time.Time
}

func provider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, err
	}
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return nil, err
	}
	// Another node may be migrating: wait for it, for a minute.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID), lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectCustom, db, dir,
		goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
}

// newest is the highest version among the files.
func newest(p *goose.Provider) int64 {
	var v int64
	for _, s := range p.ListSources() {
		v = max(v, s.Version)
	}
	return v
}

// Up applies what is missing and returns how many files that were. It is safe to run on several nodes
// at once. It fails with ErrNewerSchema and changes nothing when the database is ahead.
func Up(ctx context.Context, db *sql.DB) (int, error) {
	p, err := provider(db)
	if err != nil {
		return 0, err
	}
	if err := refuseNewer(ctx, p); err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

func refuseNewer(ctx context.Context, p *goose.Provider) error {
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if at > newest(p) {
		return fmt.Errorf("%w (it is at %d, this binary knows %d)", ErrNewerSchema, at, newest(p))
	}
	return nil
}

// Check fails with ErrPending or ErrNewerSchema unless the database is exactly at this binary's schema.
func Check(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's state: %w", err)
	}
	if pending {
		return ErrPending
	}
	return nil
}

// Status lists every migration that this binary knows.
func Status(ctx context.Context, db *sql.DB) ([]Step, error) {
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	all, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema's state: %w", err)
	}
	steps := make([]Step, 0, len(all))
	for _, s := range all {
		steps = append(steps, Step{Version: s.Source.Version, File: s.Source.Path,
			Applied: s.State == goose.StateApplied, AppliedAt: s.AppliedAt})
	}
	if err := refuseNewer(ctx, p); err != nil {
		return steps, err
	}
	return steps, nil
}

// describing is held by those who use ent's description of the tables: ent completes it in place, one for the
// whole process.
var describing sync.Mutex

// CreateSQLite brings an SQLite database to the schema; what is there already stays.
func CreateSQLite(ctx context.Context, drv dialect.Driver) error {
	describing.Lock()
	defer describing.Unlock()
	return ent.NewClient(ent.Driver(drv)).Schema.Create(ctx, schema.WithForeignKeys(false))
}
