package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// ErrNotPrimary reports that the database's address leads to a server that takes no writes: a standby, or a server that was set
// to read-only. Such a server is not used for reads either, because it may lack writes that were acknowledged elsewhere.
var ErrNotPrimary = errors.New("the database at this address is a standby or read-only, not the primary")

// primaryConnector opens connections to the primary. When a statement finds that its server is a standby by now, all
// connections that were opened before are closed instead of being used again.
type primaryConnector struct {
	driver.Connector
	preparer *preparer
	// generation counts how often the server turned out not to be the primary any more, or to hold another database.
	generation atomic.Int64
}

// pqConn is what database/sql uses of a connection of lib/pq.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// Connect is part of driver.Connector. It fails with ErrNotPrimary at a standby.
func (c *primaryConnector) Connect(ctx context.Context) (driver.Conn, error) {
	generation := c.generation.Load()
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		// lib/pq checks target_session_attrs and has no type for these.
		if text := err.Error(); strings.Contains(text, "hot standby mode") || strings.Contains(text, "session is read-only") {
			return nil, fmt.Errorf("%w: %w", ErrNotPrimary, err)
		}
		return nil, err
	}
	raw, ok := conn.(pqConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of lib/pq, %T, cannot do what is needed of it", conn), conn.Close())
	}
	return &primaryConn{pqConn: c.preparer.wrap(raw), of: c, generation: generation}, nil
}

// demote closes the connections of a generation, once each is free.
func (c *primaryConnector) demote(generation int64) {
	c.generation.CompareAndSwap(generation, generation+1)
}

// Renew closes every connection that is open now, as soon as it is free. It is called when the database's address leads to
// another server by now.
func (db *DB) Renew() {
	if db.primaries != nil {
		db.primaries.generation.Add(1)
	}
}

// primaryConn is a connection that leaves the pool when its server takes no writes any more.
type primaryConn struct {
	pqConn
	of         *primaryConnector
	generation int64
	// used is true if the connection has been in the pool since it was opened.
	used bool
}

func (c *primaryConn) current() bool { return c.generation == c.of.generation.Load() }

// IsValid is part of driver.Validator: whether the connection goes back into the pool.
func (c *primaryConn) IsValid() bool { return c.current() && c.pqConn.IsValid() }

// ResetSession is part of driver.SessionResetter: it is called before the connection is used again.
func (c *primaryConn) ResetSession(ctx context.Context) error {
	if !c.current() {
		return driver.ErrBadConn
	}
	c.used = true
	return c.pqConn.ResetSession(ctx)
}

// ExecContext is part of driver.ExecerContext.
func (c *primaryConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.pqConn.ExecContext(ctx, query, args)
	return res, c.checked(err)
}

// QueryContext is part of driver.QueryerContext.
func (c *primaryConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.pqConn.QueryContext(ctx, query, args)
	return rows, c.checked(err)
}

// checked returns the error of a statement. If the server refused the statement because it takes no writes, checked notes that.
func (c *primaryConn) checked(err error) error {
	if pq.As(err, pqerror.ReadOnlySQLTransaction) == nil {
		return err
	}
	c.of.demote(c.generation)
	return fmt.Errorf("%w: %w", ErrNotPrimary, err)
}

// BeginTx is part of driver.ConnBeginTx. On a standby BEGIN READ WRITE is "not supported". Nothing has been done then, so
// database/sql may try again with a new connection, which may lead to another server by now.
func (c *primaryConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.pqConn.BeginTx(ctx, opts)
	if pq.As(err, pqerror.FeatureNotSupported, pqerror.ReadOnlySQLTransaction) == nil {
		return tx, err
	}
	c.of.demote(c.generation)
	if c.used {
		return nil, driver.ErrBadConn
	}
	return nil, fmt.Errorf("%w: %w", ErrNotPrimary, err)
}
