package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/internal/reqstats"
)

// Driver is ent's driver over a writing and a reading pool. SELECTs outside of transactions use the reading pool. They see
// every earlier commit, with WAL on SQLite as with READ COMMITTED on PostgreSQL.
type Driver struct {
	dialect     string
	write, read *entsql.Driver
	permits     struct{ write, read, long *limit }
	longTime    time.Duration
	watch       Watch
	disk        *disk // nil with PostgreSQL
}

// Watch is called with every statement just before it runs. Tests use it to look at query plans. tx runs statements in the
// transaction of the statement; it is nil if there is no transaction.
type Watch func(ctx context.Context, tx Querier, query string, args []any)

// Querier runs SQL.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// about calls a watch, if there is one, with a statement whose arguments come from ent.
func (w Watch) about(ctx context.Context, tx Querier, query string, args any) {
	if w != nil {
		list, _ := args.([]any)
		w(ctx, tx, query, list)
	}
}

var _ dialect.Driver = (*Driver)(nil)

// pool returns the pool on which a statement that returns rows runs, and the limit of that pool.
func (d *Driver) pool(query string) (*entsql.Driver, *limit) {
	if strings.HasPrefix(query, "SELECT") && !strings.Contains(query, " FOR UPDATE") {
		return d.read, d.permits.read
	}
	return d.write, d.permits.write
}

// Exec runs a statement without rows. If it runs for a request and outside of a transaction, it waits for a permit, and may be
// refused with UNAVAILABLE.
func (d *Driver) Exec(ctx context.Context, query string, args, v any) error {
	permit, err := d.permits.write.acquire(ctx)
	if err != nil {
		return err
	}
	defer permit.release()
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	return d.disk.wrote(d.write.Exec(ctx, query, args, v))
}

// Query runs a statement with rows, which it stores in v, as ent asks for.
func (d *Driver) Query(ctx context.Context, query string, args, v any) error {
	list, ok := args.([]any)
	if !ok {
		return fmt.Errorf("arguments are %T, want a list", args)
	}
	place, ok := v.(*entsql.Rows)
	if !ok {
		return fmt.Errorf("rows are for %T, want *sql.Rows of ent", v)
	}
	rows, err := d.QueryContext(ctx, query, list...)
	if err != nil {
		return err
	}
	if rows.permit == nil {
		place.ColumnScanner = rows.Rows // ent's migrations insist on this type
		return nil
	}
	place.ColumnScanner = rows
	return nil
}

// ExecContext is Exec in the form of database/sql.
func (d *Driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	permit, err := d.permits.write.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer permit.release()
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	res, err := d.write.ExecContext(ctx, query, args...)
	return res, d.disk.wrote(err)
}

// QueryContext is Query in the form of database/sql; the rows must be closed.
func (d *Driver) QueryContext(ctx context.Context, query string, args ...any) (*Rows, error) {
	pool, permits := d.pool(query)
	permit, err := permits.acquire(ctx)
	if err != nil {
		return nil, err
	}
	open := false
	defer func() {
		if !open { // also after a panic
			permit.release()
		}
	}()
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, d.disk.failed(err)
	}
	open = true
	return &Rows{rows, permit}, nil
}

// Tx starts a transaction.
func (d *Driver) Tx(ctx context.Context) (dialect.Tx, error) { return d.BeginTx(ctx, nil) }

// BeginTx starts a transaction with options. The transaction holds one permit until it ends, for all of its statements.
func (d *Driver) BeginTx(ctx context.Context, opts *sql.TxOptions) (dialect.Tx, error) {
	permit, err := d.permits.write.acquire(ctx)
	if err != nil {
		return nil, err
	}
	open := false
	defer func() {
		if !open {
			permit.release()
		}
	}()
	t, err := d.write.BeginTx(ctx, opts)
	if err != nil {
		return nil, d.disk.failed(err)
	}
	open = true
	return &tx{t, permit, d.watch, d.disk}, nil
}

// Close does nothing: DB owns the pools and closes them.
func (d *Driver) Close() error { return nil }

// Dialect returns "sqlite3" or "postgres".
func (d *Driver) Dialect() string { return d.dialect }

// tx counts the statements of a transaction.
type tx struct {
	dialect.Tx
	permit *permit
	watch  Watch
	disk   *disk
}

func (t *tx) Commit() error {
	defer t.permit.release()
	return t.disk.wrote(t.Tx.Commit())
}

func (t *tx) Rollback() error {
	defer t.permit.release()
	return t.Tx.Rollback()
}

func (t *tx) Exec(ctx context.Context, query string, args, v any) error {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.disk.failed(t.Tx.Exec(ctx, query, args, v))
}

func (t *tx) Query(ctx context.Context, query string, args, v any) error {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.disk.failed(t.Tx.Query(ctx, query, args, v))
}

func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	res, err := t.raw().ExecContext(ctx, query, args...)
	return res, t.disk.failed(err)
}

func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	rows, err := t.raw().QueryContext(ctx, query, args...)
	return rows, t.disk.failed(err)
}

func (t *tx) raw() Querier { return t.Tx.(Querier) }

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).SQL(time.Since(start)) }
