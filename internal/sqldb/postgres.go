package sqldb

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
)

const (
	// connMaxIdleTime is how long a connection may stay unused.
	connMaxIdleTime = 5 * time.Minute
	// connMaxLifetime is the longest life of a connection. When the database's address leads to another server, every
	// connection leads to that server after this time, even if nothing fails on the old one.
	connMaxLifetime = 5 * time.Minute
)

func openPostgres(c Config) (*DB, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("the database URL must look like postgres://user:password@host:5432/name")
	}
	q := u.Query()
	for name, value := range postgresSettings(c) {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	// One round trip a query instead of two.
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	config, err := pq.NewConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	direct := &directConnector{config: config, preparer: newPreparer(c.Prepare)}
	if c.Patience > 0 {
		direct.dialer = dialer{c.Patience}
	}
	primaries := &primaryConnector{Connector: direct, preparer: direct.preparer}
	pool := sql.OpenDB(primaries)
	n := c.MaxConns
	if n <= 0 {
		n = DefaultConns()
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(connMaxIdleTime)
	pool.SetConnMaxLifetime(connMaxLifetime)
	permits := newLimit(permitsOf(n), cmp.Or(c.Wait, maxWait))
	if c.Wait == 0 {
		permits.stall = stallOf(permits.size)
	}
	db := newDB(dialect.Postgres, pool, pool, permits, permits, c.Watch)
	db.primaries = primaries
	return db, nil
}

// postgresSettings returns the settings of a connection that the URL may override. A pooler between the node and PostgreSQL
// may refuse the server's settings; PgBouncer has to be configured with ignore_startup_parameters.
func postgresSettings(c Config) map[string]string {
	return map[string]string{
		"connect_timeout": "5",
		// A standby is refused when connecting, also if the URL names several servers.
		"target_session_attrs": "read-write",
		// Generating machine code takes longer than any statement of ours.
		"jit": "off",
		// A node that freezes inside a transaction must not hold its locks for long.
		"idle_in_transaction_session_timeout": "10s",
		// The server checks during a statement whether the client is still connected. Otherwise a statement of a killed client
		// would wait for a lock, and keep its snapshot, for as long as the lock is held.
		"client_connection_check_interval": "2s",
		"statement_timeout":                strconv.FormatInt(statementTimeout(c.Patience).Milliseconds(), 10),
	}
}

// statementTimeout returns the time after which the server ends a statement; 0 means never. It is just shorter than patience,
// after which the client closes the connection, because the server would not notice that while the statement waits.
func statementTimeout(patience time.Duration) time.Duration { return patience - patience/25 }
