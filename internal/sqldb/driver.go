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
	defer count(ctx, time.Now())
	return d.write.Exec(ctx, query, args, v)
}

// Query runs a statement with rows.
func (d *Driver) Query(ctx context.Context, query string, args, v any) error {
	defer count(ctx, time.Now())
	return d.pool(query).Query(ctx, query, args, v)
}

// ExecContext is Exec in the form of database/sql.
func (d *Driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	defer count(ctx, time.Now())
	return d.write.ExecContext(ctx, query, args...)
}

// QueryContext is Query in the form of database/sql.
func (d *Driver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
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
	return &tx{t}, nil
}

// Close is done by DB, which owns the pools.
func (d *Driver) Close() error { return nil }

// Dialect is "sqlite3" or "postgres".
func (d *Driver) Dialect() string { return d.dialect }

// tx counts the statements of a transaction.
type tx struct{ dialect.Tx }

func (t *tx) Exec(ctx context.Context, query string, args, v any) error {
	defer count(ctx, time.Now())
	return t.Tx.Exec(ctx, query, args, v)
}

func (t *tx) Query(ctx context.Context, query string, args, v any) error {
	defer count(ctx, time.Now())
	return t.Tx.Query(ctx, query, args, v)
}

type execQuerier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	defer count(ctx, time.Now())
	return t.Tx.(execQuerier).ExecContext(ctx, query, args...)
}

func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	defer count(ctx, time.Now())
	return t.Tx.(execQuerier).QueryContext(ctx, query, args...)
}

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).SQL(time.Since(start)) }
