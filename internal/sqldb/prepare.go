package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Preparing says whether the database keeps the statements that run often, with their plans, for as long as a connection lives.
// Decision 21 has the reasons and figures.
type Preparing string

const (
	// PrepareNone lets PostgreSQL parse and plan each statement each time. It is the zero value.
	PrepareNone Preparing = ""
	// PrepareDirect prepares statements if a connection has a PostgreSQL session to itself. Behind a pooler that passes a
	// session on to others after each transaction, such as PgBouncer, no statement is prepared.
	PrepareDirect Preparing = "auto"
	// PrepareAlways prepares statements without finding out about poolers. A pooler must keep track of prepared statements then.
	PrepareAlways Preparing = "on"
)

const (
	// hotRuns is how often a pool must have run a text before connections prepare it. Preparing takes a round trip of its own,
	// so it does not pay for statements that run seldom.
	hotRuns = 8
	// maxTexts is how many texts a pool counts the runs of.
	maxTexts = 1024
	// maxPrepared is how many statements a connection keeps; the one that was not used for longest is closed for another. With
	// its plan a statement takes about 30 KB of PostgreSQL's memory.
	maxPrepared = 128
	// maxLosses is how often prepared statements may be lost within lossWindow before a pool prepares none any more.
	maxLosses  = 3
	lossWindow = 10 * time.Minute
)

// errRowsOpen reports a statement that runs while rows of the connection are still open, which the protocol does not allow.
var errRowsOpen = errors.New("a statement runs while the rows of another are open on its connection")

// preparer holds what the connections of a pool have in common.
type preparer struct {
	mode Preparing
	// off is set when it turns out that sessions are shared with others, or that prepared statements vanish.
	off atomic.Bool
	// generation counts how often prepared statements were lost. All connections that are older than a loss are closed.
	generation atomic.Int64
	// runs counts the runs of each text.
	runs *lru.Cache[string, *atomic.Int64]

	mu     sync.Mutex
	losses []time.Time
}

func newPreparer(mode Preparing) *preparer {
	runs, _ := lru.New[string, *atomic.Int64](maxTexts) // fails only for sizes below 1
	return &preparer{mode: mode, runs: runs}
}

// hot counts a run of a text, and reports whether the text ran often enough to be prepared.
func (p *preparer) hot(query string) bool {
	n, ok := p.runs.Get(query)
	if !ok {
		n = new(atomic.Int64)
		if earlier, found, _ := p.runs.PeekOrAdd(query, n); found {
			n = earlier
		}
	}
	return n.Add(1) > hotRuns
}

// wrap returns the connection with statements prepared on it, if the session is its own.
func (p *preparer) wrap(conn pqConn) *preparedConn {
	c := &preparedConn{pqConn: conn, of: p, generation: p.generation.Load()}
	if p.mode != PrepareNone && !p.off.Load() {
		c.statements, _ = simplelru.NewLRU(maxPrepared, func(_ string, s driverStmt) { // fails only for sizes below 1
			if err := s.Close(); err != nil {
				c.broken = true
			}
		})
	}
	return c
}

// lost notes that PostgreSQL no longer runs a statement that a connection of this generation prepared. All connections that are
// open now stop using prepared statements, and leave the pool as they become free. It happens after a migration that changed
// the type of a column. If it happens again and again, something between the node and PostgreSQL is the reason.
func (p *preparer) lost(generation int64, err error) {
	if !p.generation.CompareAndSwap(generation, generation+1) {
		return // others have noted it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.losses = append(p.losses, now)
	if len(p.losses) < maxLosses {
		return
	}
	if now.Sub(p.losses[len(p.losses)-maxLosses]) < lossWindow {
		p.disable("prepared statements of the database vanish again and again; this node prepares none any more", "error", err)
	}
	p.losses = p.losses[1:]
}

// disable ends preparing for the life of the pool.
func (p *preparer) disable(why string, args ...any) {
	if p.off.CompareAndSwap(false, true) {
		p.generation.Add(1)
		slog.Warn(why, args...)
	}
}

// driverStmt is what is used of a prepared statement of either driver.
type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparedConn is a connection to PostgreSQL that prepares the statements that run often. To those who use it, it behaves like a
// connection without prepared statements.
type preparedConn struct {
	pqConn
	of         *preparer
	generation int64
	// statements are prepared, by their text; nil if this connection prepares none.
	statements *simplelru.LRU[string, driverStmt]
	// transaction is true from BEGIN to COMMIT or ROLLBACK.
	transaction bool
	// rowsOpen is true while rows have not been closed.
	rowsOpen bool
	// broken is true if the connection must not be used again: a statement on it was cancelled, perhaps too late.
	broken bool
}

// IsValid is part of driver.Validator.
func (c *preparedConn) IsValid() bool { return !c.broken && c.current() && c.pqConn.IsValid() }

// ResetSession is part of driver.SessionResetter.
func (c *preparedConn) ResetSession(ctx context.Context) error {
	if c.broken || !c.current() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// current reports whether no prepared statement has been lost since the connection was opened. Connections that prepare nothing
// are always current.
func (c *preparedConn) current() bool {
	return c.statements == nil || c.generation == c.of.generation.Load()
}

// preparable reports whether a text is a single statement that has a plan.
func preparable(query string, args []driver.NamedValue) bool {
	text := strings.TrimLeft(query, " \t\r\n")
	switch text[:max(0, strings.IndexAny(text, " \t\r\n"))] {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return len(args) > 0 || !strings.Contains(text, ";")
	}
	return false
}

// statement returns the prepared statement of a text, or nil if the text is to run unprepared.
func (c *preparedConn) statement(ctx context.Context, query string, args []driver.NamedValue) (driverStmt, error) {
	switch {
	case c.broken:
		return nil, driver.ErrBadConn
	case c.rowsOpen:
		return nil, errRowsOpen
	case c.statements == nil || !c.current():
		return nil, nil
	}
	if s, ok := c.statements.Get(query); ok {
		return s, nil
	}
	if !preparable(query, args) || !c.of.hot(query) {
		return nil, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.after(ctx, err)
	}
	s, ok := prepared.(driverStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of lib/pq, %T, cannot do what is needed of it", prepared), prepared.Close())
	}
	c.statements.Add(query, s)
	return s, nil
}

// lostError is the error of a transaction that met a lost prepared statement. Nothing was committed; the transaction may be
// repeated, and will not use the lost statements.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// isLost reports whether PostgreSQL refused to begin with a statement because it was prepared: its result would have other types
// now, there is no such prepared statement any more, or another has its name.
func isLost(err error) bool {
	if pq.As(err, pqerror.InvalidSQLStatementName, pqerror.DuplicatePstatement) != nil {
		return true
	}
	e := pq.As(err, pqerror.FeatureNotSupported)
	return e != nil && e.Routine == "RevalidateCachedQuery"
}

// after looks at the error of preparing a statement or of running a prepared one.
func (c *preparedConn) after(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		// lib/pq may have sent a cancellation that arrives during the next statement.
		c.broken = true
	case isLost(err):
		c.of.lost(c.generation, err)
		return &lostError{err}
	}
	return err
}

// again reports whether the statement with this error has to run again, unprepared: PostgreSQL has not begun with it. A
// transaction is beyond help after an error, and has to be repeated as a whole, see IsRetryable.
func (c *preparedConn) again(err error) bool {
	_, lost := err.(*lostError)
	return lost && !c.transaction
}

// QueryContext is part of driver.QueryerContext.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query, args)
	if err == nil && s != nil {
		var rows driver.Rows
		rows, err = s.QueryContext(ctx, args)
		if err = c.after(ctx, err); err == nil {
			return c.opened(rows, ctx.Err), nil
		}
	}
	if err != nil && !c.again(err) {
		return nil, err
	}
	rows, err := c.pqConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return c.opened(rows, nil), nil
}

// ExecContext is part of driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query, args)
	if err == nil && s != nil {
		var res driver.Result
		res, err = s.ExecContext(ctx, args)
		if ctx.Err() != nil {
			c.broken = true
		}
		if err = c.after(ctx, err); err == nil {
			return res, nil
		}
	}
	if err != nil && !c.again(err) {
		return nil, err
	}
	return c.pqConn.ExecContext(ctx, query, args)
}

// BeginTx is part of driver.ConnBeginTx.
func (c *preparedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.broken {
		return nil, driver.ErrBadConn
	}
	tx, err := c.pqConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.transaction = true
	return &preparedTx{tx, c}, nil
}

// preparedTx is a transaction of a preparedConn.
type preparedTx struct {
	driver.Tx
	conn *preparedConn
}

// Commit is part of driver.Tx.
func (t *preparedTx) Commit() error {
	t.conn.transaction = false
	return t.Tx.Commit()
}

// Rollback is part of driver.Tx.
func (t *preparedTx) Rollback() error {
	t.conn.transaction = false
	return t.Tx.Rollback()
}

// pqRows is what database/sql uses of rows of lib/pq.
type pqRows interface {
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// openRows are rows that keep their connection from running other statements until they are closed.
type openRows struct {
	pqRows
	conn *preparedConn
	// cancelled is the Err of a prepared statement's context; nil for statements that lib/pq cancels together with the connection.
	cancelled func() error
}

func (c *preparedConn) opened(rows driver.Rows, cancelled func() error) driver.Rows {
	r, ok := rows.(pqRows)
	if !ok {
		return rows
	}
	c.rowsOpen = true
	return &openRows{r, c, cancelled}
}

// Next is part of driver.Rows.
func (r *openRows) Next(dest []driver.Value) error {
	err := r.pqRows.Next(dest)
	if err == nil || err == io.EOF || r.cancelled == nil {
		return err
	}
	if cause := r.cancelled(); cause != nil {
		r.conn.broken = true
		return cause
	}
	return err
}

// Close is part of driver.Rows.
func (r *openRows) Close() error {
	err := r.pqRows.Close()
	r.conn.rowsOpen = false
	if r.cancelled != nil && r.cancelled() != nil {
		r.conn.broken = true
	}
	return err
}
