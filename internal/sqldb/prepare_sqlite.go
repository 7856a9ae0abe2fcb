package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// sqliteConnector opens connections to SQLite that keep the statements which a pool runs often, so that SQLite parses and plans them
// once for each connection. SQLite itself prepares a statement anew when the schema has changed.
type sqliteConnector struct {
	driver.Connector
	preparer *preparer
}

// sqliteDriverConn is what database/sql uses of a connection of the driver.
type sqliteDriverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// Connect is part of driver.Connector.
func (c *sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	raw, ok := conn.(sqliteDriverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection to SQLite, %T, cannot do what is needed of it", conn), conn.Close())
	}
	s := &sqliteConn{sqliteDriverConn: raw, preparer: c.preparer}
	s.statements, err = simplelru.NewLRU(maxPrepared, func(_ string, old *sqliteStmt) { old.drop() })
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// sqliteConn is a connection that keeps prepared statements, by their text.
type sqliteConn struct {
	sqliteDriverConn
	preparer   *preparer
	statements *simplelru.LRU[string, *sqliteStmt]
}

// sqliteStmt is a prepared statement. While its rows are open it cannot run again, and cannot be closed.
type sqliteStmt struct {
	driverStmt
	rowsOpen, dropped bool
}

// drop closes the statement, now or when its rows are closed. Its error is of no use: the connection has no memory of it then.
func (s *sqliteStmt) drop() {
	s.dropped = true
	if !s.rowsOpen {
		_ = s.Close()
	}
}

// Close is part of driver.Conn. SQLite keeps a closed connection until all of its statements are closed.
func (c *sqliteConn) Close() error {
	c.statements.Purge()
	return c.sqliteDriverConn.Close()
}

// statement returns the prepared statement of a text, or nil if the text is to run unprepared.
func (c *sqliteConn) statement(ctx context.Context, query string, args []driver.NamedValue) (*sqliteStmt, error) {
	if s, ok := c.statements.Get(query); ok {
		if s.rowsOpen {
			return nil, nil
		}
		return s, nil
	}
	if !preparable(query, args) || !c.preparer.hot(query) {
		return nil, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	raw, ok := prepared.(driverStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of SQLite, %T, cannot do what is needed of it", prepared), prepared.Close())
	}
	s := &sqliteStmt{driverStmt: raw}
	c.statements.Add(query, s)
	return s, nil
}

// QueryContext is part of driver.QueryerContext.
func (c *sqliteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteDriverConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	typed, ok := rows.(sqliteDriverRows)
	if !ok {
		return nil, errors.Join(fmt.Errorf("rows of SQLite, %T, cannot do what is needed of them", rows), rows.Close())
	}
	s.rowsOpen = true
	return &sqliteRows{typed, s}, nil
}

// ExecContext is part of driver.ExecerContext.
func (c *sqliteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteDriverConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

// sqliteDriverRows is what database/sql uses of rows of the driver.
type sqliteDriverRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// sqliteRows are rows of a prepared statement.
type sqliteRows struct {
	sqliteDriverRows
	of *sqliteStmt
}

// Close is part of driver.Rows.
func (r *sqliteRows) Close() error {
	err := r.sqliteDriverRows.Close()
	if r.of.rowsOpen {
		r.of.rowsOpen = false
		if r.of.dropped {
			_ = r.of.Close()
		}
	}
	return err
}
