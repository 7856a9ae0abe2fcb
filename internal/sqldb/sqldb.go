// Package sqldb opens Roost's two kinds of SQL database, SQLite and PostgreSQL, as one ent driver. The driver counts the
// statements of each request, bounds how many statements run at once, and sends plain reads to a separate pool of connections
// if there is one.
package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"modernc.org/sqlite"
)

// Config says which database to open.
type Config struct {
	// URL is a postgres:// URL, or empty for SQLite.
	URL string
	// File is the SQLite file, used when URL is empty.
	File string
	// MaxConns bounds the open connections to PostgreSQL; 0 is DefaultConns. Requests use all but an
	// eighth of them (at least two) at once.
	MaxConns int
	// Patience is how long PostgreSQL may send no byte of an answer to a statement before the connection is closed; 0 means
	// for ever. The driver does not end a read when a context ends, so without Patience a server that hangs keeps every
	// connection. It must be longer than any statement takes, because the server ends a statement just before it.
	Patience time.Duration
	// Wait is how long a statement of a request waits for a permit; 0 is 400 ms, with SQLite 5 s.
	Wait time.Duration
	// Prepare says whether the database keeps the statements that run often, with their plans. SQLite makes no difference between
	// PrepareDirect and PrepareAlways.
	Prepare Preparing
	// Watch is called with every statement of the driver; nil in production.
	Watch Watch `json:"-"`
}

// DefaultConns returns the most connections that a node opens to PostgreSQL by default: 16 for each core that the process may
// use (in a container, its quota), and at least 32.
func DefaultConns() int { return max(32, 16*runtime.GOMAXPROCS(0)) }

// DB is an open database.
type DB struct {
	// Driver is for ent; it counts statements.
	*Driver
	write, read *sql.DB
	// primaries opens the connections to PostgreSQL; nil with SQLite.
	primaries *primaryConnector
}

// New prepares a database. It does not connect; the first use does.
func New(c Config) (*DB, error) {
	if c.URL != "" {
		return openPostgres(c)
	}
	return openSQLite(c)
}

// Open prepares a database and checks that it answers.
func Open(ctx context.Context, c Config) (*DB, error) {
	db, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := db.Connect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Connect checks that the database answers.
func (db *DB) Connect(ctx context.Context) error {
	if err := db.write.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	return nil
}

// readers is the size of SQLite's pool of read-only connections; there is one writer.
const readers = 4

func openSQLite(c Config) (*DB, error) {
	if c.File == "" {
		return nil, errors.New("an SQLite database needs a file")
	}
	dsn := func(extra string) string {
		return fileURL(c.File, "_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)"+
			"&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=cache_size(-32000)&_time_format=sqlite"+extra)
	}
	open := func(extra string) (*sql.DB, error) {
		connector, err := sqlite.NewConnector(dsn(extra))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", c.File, err)
		}
		if c.Prepare != PrepareNone {
			connector = &sqliteConnector{connector, newPreparer(c.Prepare)}
		}
		return sql.OpenDB(connector), nil
	}
	write, err := open("&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := open("&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return newDB(dialect.SQLite, write, read, newLimit(1, cmp.Or(c.Wait, maxWaitForWriter)),
		newLimit(readers, cmp.Or(c.Wait, maxWaitForWriter)),
		c.Watch), nil
}

func newDB(name string, write, read *sql.DB, writers, readers *limit, watch Watch) *DB {
	d := &Driver{dialect: name, write: entsql.OpenDB(name, write), read: entsql.OpenDB(name, read), watch: watch}
	if name == dialect.SQLite {
		d.disk = &disk{}
	}
	d.permits.write, d.permits.read, d.permits.long, d.longTime = writers, readers, newLongLimit(readers), longTime
	return &DB{Driver: d, write: write, read: read}
}

// Room returns how many connections PostgreSQL accepts from all of its clients together, without those that it reserves
// for superusers, and how many of them this pool opens at most.
func (db *DB) Room(ctx context.Context) (server, own int, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT current_setting('max_connections')::int
		- current_setting('superuser_reserved_connections')::int - COALESCE(current_setting('reserved_connections', true), '0')::int`).
		Scan(&server)
	if err != nil {
		return 0, 0, fmt.Errorf("read the limit of connections: %w", err)
	}
	return server, db.read.Stats().MaxOpenConnections, nil
}

// Writer returns the pool that may write, for migrations and bulk loads. Its statements need no permit.
func (db *DB) Writer() *sql.DB { return db.write }

// IsPostgres reports the kind of database.
func (db *DB) IsPostgres() bool { return db.dialect == dialect.Postgres }

// Close closes every connection.
func (db *DB) Close() error {
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(err, db.read.Close())
	}
	return err
}
