package sqldb

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/internal/reqstats"
)

// Driver is ent's driver over a writing and a reading pool. SELECTs outside of transactions read from
// the second; WAL and READ COMMITTED both let them see every commit that came before.
type Driver struct {
	dialect     string
	write, read *entsql.Driver
	watch       Watch
}

// Watch is told of every statement just before it runs. Tests look at plans with it: tx runs statements in
// the transaction that this one is part of, and is nil for one outside of transactions.
type Watch func(ctx context.Context, tx Querier, query string, args []any)

// Querier runs SQL.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// about tells a watch, if there is one, of a statement whose arguments come from ent.
func (w Watch) about(ctx context.Context, tx Querier, query string, args any) {
	if w != nil {
		list, _ := args.([]any)
		w(ctx, tx, query, list)
	}
}

var _ dialect.Driver = (*Driver)(nil)

func (d *Driver) pool(query string) *entsql.Driver {
	if strings.HasPrefix(query, "SELECT") && !strings.Contains(query, " FOR UPDATE") {
		return d.read
	}
	return d.write
}

// Exec runs a statement without rows.
func (d *Driver) Exec(ctx context.Context, query string, args, v any) error {
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	return d.write.Exec(ctx, query, args, v)
}

// Query runs a statement with rows.
func (d *Driver) Query(ctx context.Context, query string, args, v any) error {
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	return d.pool(query).Query(ctx, query, args, v)
}

// ExecContext is Exec in the form of database/sql.
func (d *Driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	return d.write.ExecContext(ctx, query, args...)
}

// QueryContext is Query in the form of database/sql.
func (d *Driver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	d.watch.about(ctx, nil, query, args)
	defer count(ctx, time.Now())
	return d.pool(query).QueryContext(ctx, query, args...)
}

// Tx starts a transaction.
func (d *Driver) Tx(ctx context.Context) (dialect.Tx, error) { return d.BeginTx(ctx, nil) }

// BeginTx starts a transaction with options.
func (d *Driver) BeginTx(ctx context.Context, opts *sql.TxOptions) (dialect.Tx, error) {
	t, err := d.write.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{t, d.watch}, nil
}

// Close is done by DB, which owns the pools.
func (d *Driver) Close() error { return nil }

// Dialect is "sqlite3" or "postgres".
func (d *Driver) Dialect() string { return d.dialect }

// tx counts the statements of a transaction.
type tx struct {
	dialect.Tx
	watch Watch
}

func (t *tx) Exec(ctx context.Context, query string, args, v any) error {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.Tx.Exec(ctx, query, args, v)
}

func (t *tx) Query(ctx context.Context, query string, args, v any) error {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.Tx.Query(ctx, query, args, v)
}

func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.raw().ExecContext(ctx, query, args...)
}

func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.watch.about(ctx, t.raw(), query, args)
	defer count(ctx, time.Now())
	return t.raw().QueryContext(ctx, query, args...)
}

func (t *tx) raw() Querier { return t.Tx.(Querier) }

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).SQL(time.Since(start)) }
