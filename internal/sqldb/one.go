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
