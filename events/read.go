package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"roost/internal/sqldb"
)

// Reader reads the log by position.
type Reader struct{ db *sqldb.DB }

// NewReader reads the log of a database.
func NewReader(db *sqldb.DB) *Reader { return &Reader{db} }

// place is the column of an event's place in the log.
func place(db *sqldb.DB) string {
	if db.IsPostgres() {
		return "seq"
	}
	return "id"
}

const entryColumns = "type, version, aggregate, payload, created_at"

// headOf is SQL for the place of the newest event, also when retention has removed that.
func headOf(db *sqldb.DB) string {
	if db.IsPostgres() {
		return "(SELECT seq FROM log_heads WHERE id = 1)"
	}
	return "MAX(COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT oldest FROM log_heads WHERE id = 1), 0))"
}

// Head is the place of the newest event, 0 in an empty log.
func (r *Reader) Head(ctx context.Context) (head int64, err error) {
	if err := scan(ctx, r.db, "SELECT "+headOf(r.db), nil, &head); err != nil {
		return 0, fmt.Errorf("read the head of the log: %w", err)
	}
	return head, nil
}

// Sequenced sequences all committed events first, and then returns Head: everything that was committed before the call
// is at or before that position.
func (r *Reader) Sequenced(ctx context.Context) (head int64, err error) {
	for n := int64(sequenceBatch); r.db.IsPostgres() && n == sequenceBatch; {
		if n, err = Sequence(ctx, r.db, sequenceBatch); err != nil {
			return 0, err
		}
	}
	return r.Head(ctx)
}

// Oldest is the place of the newest event that retention has removed, 0 before it did: positions from there
// on are good.
func (r *Reader) Oldest(ctx context.Context) (oldest int64, err error) {
	err = scan(ctx, r.db, "SELECT oldest FROM log_heads WHERE id = 1", nil, &oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the end of the log: %w", err)
	}
	return oldest, nil
}

// After gives up to limit events behind the position and not behind upTo, in their order; with types, only
// those. Events that retention has removed are missing: ask for Oldest afterwards, and the answer is whole
// if the position is not below it.
func (r *Reader) After(ctx context.Context, position, upTo int64, limit int, types ...string) ([]Entry, error) {
	return readEntries(ctx, r.db, fmt.Sprintf("SELECT %[1]s, %[2]s FROM events WHERE %[1]s > $1 AND %[1]s <= $2%[3]s ORDER BY %[1]s LIMIT $3",
		place(r.db), entryColumns, oneOf(types)), position, upTo, limit)
}

// oneOf is a condition on the type; the types are constants of this package.
func oneOf(types []string) string {
	if len(types) == 0 {
		return ""
	}
	return " AND type IN ('" + strings.Join(types, "', '") + "')"
}

// GroupPosition returns the position up to which a group has passed all events; ok is false for a group that has
// never run.
func (r *Reader) GroupPosition(ctx context.Context, group string) (position int64, ok bool, err error) {
	var least sql.NullInt64
	err = scan(ctx, r.db, "SELECT MIN(position) FROM group_parts WHERE group_name = $1", []any{group}, &least)
	if err != nil {
		return 0, false, fmt.Errorf("read the position of the group %s: %w", group, err)
	}
	return least.Int64, least.Valid, nil
}

// querier is a database or a transaction.
type querier[R rows] interface {
	QueryContext(ctx context.Context, query string, args ...any) (R, error)
}

type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close() error
}

func readEntries[R rows](ctx context.Context, db querier[R], query string, args ...any) ([]Entry, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Seq, &e.Type, &e.Version, &e.Aggregate, &e.Payload, &e.At); err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return out, nil
}

// scan reads one row.
func scan[R rows](ctx context.Context, db querier[R], query string, args []any, into ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return errors.Join(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}
