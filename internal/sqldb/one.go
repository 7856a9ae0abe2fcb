package sqldb

import (
	"context"
	"database/sql"
)

// rows is implemented by the Rows of this package and of database/sql.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close() error
}

// rowsQuerier is a database, a transaction, or ent's client of either.
type rowsQuerier[R rows] interface {
	QueryContext(ctx context.Context, query string, args ...any) (R, error)
}

// ScanAll runs a statement and reads all of its rows, in their order. columns returns the addresses into which the columns of a
// row are scanned; it is called once, and the row is then copied.
//
//	users, err := sqldb.ScanAll(ctx, db, "SELECT id, name FROM users", nil, func(u *user) []any { return []any{&u.id, &u.name} })
func ScanAll[T any, R rows](ctx context.Context, db rowsQuerier[R], query string, args []any, columns func(row *T) []any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	var row T
	into := columns(&row)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// Column is the columns of ScanAll for statements with one column.
func Column[T any](row *T) []any { return []any{row} }

// ScanOne runs a statement and reads its first row. Without a row it returns [sql.ErrNoRows].
func ScanOne[R rows](ctx context.Context, db rowsQuerier[R], query string, args []any, into ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}
