package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"roost/ent"
	"roost/ent/migrations"
	"roost/internal/datadir"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// DatabaseFile is the name of the embedded database in the data directory.
const DatabaseFile = "roost.db"

// Stores holds the open database of a command, and what belongs to the database.
type Stores struct {
	DB     *sqldb.DB
	Client *ent.Client
	IDs    *ids.Generator
	dir    *datadir.Dir
	lease  lease
}

// lease remembers the time until which this process may make ids.
type lease struct {
	ids.Granter
	until atomic.Int64 // as ids.Millis
}

// Grant notes the end of the lease that it returns.
func (l *lease) Grant(ctx context.Context, now int64, held *ids.Grant) (ids.Grant, error) {
	g, err := l.Granter.Grant(ctx, now, held)
	if err == nil {
		l.until.Store(g.Until)
	}
	return g, err
}

// OpenStores opens the database. PostgreSQL must have a schema that this binary serves. SQLite is migrated to the current
// schema, and its directory is locked.
func OpenStores(ctx context.Context, c Config) (*Stores, error) {
	s, err := newStores(ctx, c)
	if err == nil {
		err = s.DB.Connect(ctx)
	}
	if err == nil {
		err = s.checkSchema(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newStores prepares the database. It does not connect to PostgreSQL yet.
func newStores(ctx context.Context, c Config) (*Stores, error) {
	s := &Stores{}
	return s, s.prepare(ctx, c)
}

func (s *Stores) prepare(ctx context.Context, c Config) (err error) {
	cfg := sqldb.Config{URL: c.DatabaseURL, MaxConns: c.DatabaseConn, Patience: c.patience, Prepare: c.prepare, Wait: c.DatabaseWait,
		Watch: c.Watch}
	if !c.Server() {
		if s.dir, err = datadir.Open(c.DataDir); err != nil {
			return err
		}
		if cfg.File, err = s.dir.Database(DatabaseFile); err != nil {
			return err
		}
	}
	if s.DB, err = sqldb.New(cfg); err != nil {
		return err
	}
	if !c.Server() {
		if err := s.DB.Connect(ctx); err != nil {
			return err
		}
		if err := migrations.CreateSQLite(ctx, s.DB.Driver); err != nil {
			return err
		}
	}
	s.Client = ent.NewClient(ent.Driver(s.DB.Driver))
	s.lease.Granter = idlease.New(s.DB)
	s.IDs = ids.NewGenerator(c.clock(), &s.lease)
	return nil
}

// checkSchema fails unless the database has a schema that this binary serves.
func (s *Stores) checkSchema(ctx context.Context) error {
	if !s.DB.IsPostgres() {
		return nil
	}
	return migrations.Check(ctx, s.DB.Writer())
}

// Renewer returns the service that renews the right to make ids.
func (s *Stores) Renewer() lifecycle.Service {
	var warnings lifecycle.Throttle
	return &lifecycle.Loop{Run: idlease.Renewer(s.IDs, func(err error) {
		if warnings.Allow() {
			slog.Warn("the right to make ids was not extended", "error", err)
		}
	})}
}

// Close closes the database and unlocks the data directory.
func (s *Stores) Close() error {
	var all []error
	if s.DB != nil {
		all = append(all, s.DB.Close())
	}
	if s.dir != nil {
		all = append(all, s.dir.Close())
	}
	return errors.Join(all...)
}
