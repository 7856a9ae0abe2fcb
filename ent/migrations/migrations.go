// Package migrations brings a database to the schema that this binary needs. On PostgreSQL it applies versioned SQL files; on
// SQLite ent creates and extends the tables.
package migrations

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"roost/ent"
	"roost/internal/sqldb"
)

//go:embed sql/*.sql
var files embed.FS

// versionTable is the table of PostgreSQL that lists the applied files.
const versionTable = "schema_migrations"

// Step is one migration and whether it was applied.
type Step struct {
	Version int64
	// File is the migration's file, empty for one of a newer binary.
	File      string
	Applied   bool
	AppliedAt time.Time
}

// Options set how migrations are applied to a database in use.
type Options struct {
	// LockTimeout is how long a statement waits for a table that others use. Everything that writes to the table waits behind
	// it for as long. 0 means 300 ms.
	LockTimeout time.Duration
	// Patience is how long a migration that gets no lock is tried again, and how long Run waits for another node that
	// migrates. 0 means ten minutes.
	Patience time.Duration
	// Progress, if not nil, is called before each migration, and before each pause between two tries.
	Progress func(Progress)
}

// Progress is what Run is doing.
type Progress struct {
	// File is the migration that is applied next.
	File string
	// Tries is how often it was tried without success, because a table was in use.
	Tries int
}

const (
	defaultLockTimeout = 300 * time.Millisecond
	defaultPatience    = 10 * time.Minute
	// pauseFactor times LockTimeout is the shortest pause between two tries, so that others have the table to themselves for
	// most of the time.
	pauseFactor = 3
)

func provider(db *sql.DB, o Options) (*goose.Provider, error) {
	dir, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, err
	}
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectCustom, db, dir, goose.WithStore(store),
		goose.WithSessionLocker(briefly{cmp.Or(o.LockTimeout, defaultLockTimeout)}), goose.WithDisableGlobalRegistry(true))
}

// briefly bounds how long the statements of goose's session wait for locks. It is a lock.SessionLocker because goose calls one to
// prepare its sessions. Run itself holds the lock of migrations, from try to try.
type briefly struct{ timeout time.Duration }

var _ lock.SessionLocker = briefly{}

// SessionLock sets the bound.
func (b briefly) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET lock_timeout = %d", b.timeout.Milliseconds())); err != nil {
		return fmt.Errorf("set lock_timeout: %w", err)
	}
	return nil
}

// SessionUnlock leaves the session as it was.
func (b briefly) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "RESET lock_timeout"); err != nil {
		return fmt.Errorf("reset lock_timeout: %w", err)
	}
	return nil
}

// Up is Run with the defaults.
func Up(ctx context.Context, db *sql.DB) (int, error) { return Run(ctx, db, Options{}) }

// ErrMigrating reports that another node held the lock of migrations for the whole of Options.Patience.
var ErrMigrating = errors.New("another node has not ended migrating this database")

// Run applies the missing migrations and returns how many files it applied. It may run on several nodes at once, of which one does
// the work, and beside nodes that serve. It leaves a newer schema as it is, and fails with ErrNewerSchema unless this binary
// serves that schema. It needs two connections.
func Run(ctx context.Context, db *sql.DB, o Options) (applied int, err error) {
	if missing, err := pending(ctx, db); err != nil || !missing {
		return 0, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Held from try to try: nodes that tried in turn would leave writers no time.
	taken, err := sqldb.LockMigrations.Take(ctx, conn, cmp.Or(o.Patience, defaultPatience), func() error { return nil })
	if err != nil {
		return 0, fmt.Errorf("take the lock of migrations: %w", err)
	}
	if !taken {
		return 0, ErrMigrating
	}
	defer func() { err = errors.Join(err, sqldb.LockMigrations.Release(context.WithoutCancel(ctx), conn)) }()
	if missing, err := pending(ctx, db); err != nil || !missing { // again: another node was at it
		return 0, err
	}
	return applyAll(ctx, db, o)
}

// pending reports whether there is something to apply.
func pending(ctx context.Context, db *sql.DB) (bool, error) {
	err := Check(ctx, db)
	if errors.Is(err, ErrPending) {
		return true, nil
	}
	return false, err
}

func applyAll(ctx context.Context, db *sql.DB, o Options) (applied int, err error) {
	at, err := readSchema(ctx, db)
	if err != nil {
		return 0, err
	}
	p, err := provider(db, o)
	if err != nil {
		return 0, err
	}
	for _, s := range p.ListSources() {
		if at.applied[s.Version] {
			continue
		}
		if err := apply(ctx, p, s, o); err != nil {
			return applied, fmt.Errorf("migrate: %w", err)
		}
		applied++
	}
	return applied, nil
}

// apply applies one migration. While a table that it needs is in use it tries again.
func apply(ctx context.Context, p *goose.Provider, s *goose.Source, o Options) error {
	deadline := time.Now().Add(cmp.Or(o.Patience, defaultPatience))
	for tries := 0; ; {
		if o.Progress != nil {
			o.Progress(Progress{File: s.Path, Tries: tries})
		}
		_, err := p.UpTo(ctx, s.Version)
		if err == nil || !sqldb.IsLockTimeout(err) && !sqldb.IsRetryable(err) {
			return err
		}
		if tries++; time.Now().After(deadline) {
			return fmt.Errorf("the tables of %s are in use by others, after %d tries: %w", s.Path, tries, err)
		}
		pause := pauseFactor * cmp.Or(o.LockTimeout, defaultLockTimeout)
		t := time.NewTimer(pause + rand.N(pause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// Status returns every migration of this binary, and the applied migrations of newer binaries. Like Check it fails with
// ErrNewerSchema.
func Status(ctx context.Context, db *sql.DB) ([]Step, error) {
	p, err := provider(db, Options{})
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
	at, err := readSchema(ctx, db)
	if err != nil {
		return steps, err
	}
	for _, v := range at.beyond() {
		steps = append(steps, Step{Version: v, Applied: true, AppliedAt: at.times[v]})
	}
	if err := at.check(); errors.Is(err, ErrNewerSchema) {
		return steps, err
	}
	return steps, nil
}

// describing guards ent's description of the tables, which is one for the process: ent completes it in place when it is used.
var describing sync.Mutex

// CreateSQLite brings an SQLite database to the schema. Rows that it holds stay.
func CreateSQLite(ctx context.Context, drv dialect.Driver) error {
	if err := dropTriggers(ctx, drv); err != nil {
		return err
	}
	if err := renameSQLite(ctx, drv); err != nil {
		return err
	}
	describing.Lock()
	defer describing.Unlock()
	if err := ent.NewClient(ent.Driver(drv)).Schema.Create(ctx, schema.WithForeignKeys(false)); err != nil {
		return err
	}
	for _, q := range []string{
		`INSERT INTO log_heads (id, seq, oldest, sequenced_at, epoch, epoch_since, lineage)
			VALUES (1, 0, 0, CURRENT_TIMESTAMP, 0, 0, '') ON CONFLICT DO NOTHING`,
		"UPDATE log_heads SET epoch = abs(random() % 1048575) + 1 WHERE epoch = 0",
	} {
		if err := drv.Exec(ctx, q, []any{}, nil); err != nil {
			return fmt.Errorf("begin the log: %w", err)
		}
	}
	if err := createSearch(ctx, drv); err != nil {
		return err
	}
	return createTriggers(ctx, drv)
}
