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
type Reader struct {
	db     *sqldb.DB
	epochs *Epochs // nil if the process tracks none
}

// NewReader reads the log of a database.
func NewReader(db *sqldb.DB) *Reader { return &Reader{db: db} }

// Track returns a Reader of the log for a process that tracks the log's epoch.
func (e *Epochs) Track(db *sqldb.DB) *Reader { return &Reader{db, e} }

// seqColumn is the column that holds an event's seq.
func seqColumn(db *sqldb.DB) string {
	if db.IsPostgres() {
		return "seq"
	}
	return "id"
}

const entryColumns = "type, version, aggregate, payload, created_at"

// headOf returns SQL for the seq of the newest event, even when retention has removed that event.
func headOf(db *sqldb.DB) string {
	if db.IsPostgres() {
		return "(SELECT seq FROM log_heads WHERE id = 1)"
	}
	return fileHead
}

// fileHead is headOf on SQLite.
const fileHead = "MAX(COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT oldest FROM log_heads WHERE id = 1), 0))"

// Head returns the seq of the newest event, 0 if no event was ever written.
func (r *Reader) Head(ctx context.Context) (head int64, err error) {
	if err := sqldb.ScanOne(ctx, r.db, "SELECT "+headOf(r.db), nil, &head); err != nil {
		return 0, fmt.Errorf("read the head of the log: %w", err)
	}
	return head, nil
}

// Sequenced sequences all committed events, and then returns Head. Everything that was committed before the call is at or before
// that seq.
func (r *Reader) Sequenced(ctx context.Context) (head int64, err error) {
	for n := int64(sequenceBatch); r.db.IsPostgres() && n == sequenceBatch; {
		if n, err = Sequence(ctx, r.db, sequenceBatch); err != nil {
			return 0, err
		}
	}
	return r.Head(ctx)
}

// Oldest returns the seq of the newest event that retention has removed, 0 if it has removed none. The log is complete after that
// seq.
func (r *Reader) Oldest(ctx context.Context) (oldest int64, err error) {
	err = sqldb.ScanOne(ctx, r.db, "SELECT oldest FROM log_heads WHERE id = 1", nil, &oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the end of the log: %w", err)
	}
	return oldest, nil
}

// Chunk is a range of the log, read in one snapshot.
type Chunk struct {
	Epoch Epoch
	// Head is the seq of the newest event, and Oldest the seq of the newest event that retention has removed.
	Head, Oldest int64
	// Entries are the requested events, without those that retention has removed.
	Entries []Entry
}

// chunkRow is an event in the statement of After; its columns are NULL if there is no event.
type chunkRow struct {
	seq, version, aggregate sql.NullInt64
	kind, payload           sql.NullString
	at                      sql.NullTime
}

func (e *chunkRow) entry(epoch int64) Entry {
	return Entry{Seq: e.seq.Int64, Epoch: epoch, Type: e.kind.String, Version: int(e.version.Int64), Aggregate: e.aggregate.Int64,
		Payload: e.payload.String, At: e.at.Time}
}

// After reads up to limit events after position and up to upTo, in the order of the log; with types, only events of these types.
// Events are missing from the chunk if position is below its Oldest. It is one statement.
func (r *Reader) After(ctx context.Context, position, upTo int64, limit int, types ...string) (c Chunk, err error) {
	rows, err := sqldb.ScanAll(ctx, r.db, fmt.Sprintf(`SELECT h.epoch, h.epoch_since, %[1]s, h.oldest, e.seq, %[3]s
		FROM log_heads AS h LEFT JOIN (SELECT %[2]s AS seq, %[3]s FROM events WHERE %[2]s > $1 AND %[2]s <= $2%[4]s
			ORDER BY %[2]s LIMIT $3) AS e ON 1 = 1
		WHERE h.id = 1 ORDER BY e.seq`, headOf(r.db), seqColumn(r.db), entryColumns, oneOf(types)), []any{position, upTo, limit},
		func(e *chunkRow) []any {
			return []any{&c.Epoch.Number, &c.Epoch.Since, &c.Head, &c.Oldest, &e.seq, &e.kind, &e.version, &e.aggregate, &e.payload, &e.at}
		})
	if err != nil {
		return c, fmt.Errorf("read the log: %w", err)
	}
	for _, e := range rows {
		if e.seq.Valid {
			c.Entries = append(c.Entries, e.entry(c.Epoch.Number))
		}
	}
	return c, nil
}

// Answers reads events ReplyAdded of a tweet, up to limit of those before a seq, the newest first. It is one statement, through the index
// events_answers.
func (r *Reader) Answers(ctx context.Context, tweetID, before int64, limit int) (entries []Entry, err error) {
	var epoch int64
	rows, err := sqldb.ScanAll(ctx, r.db, fmt.Sprintf(`SELECT h.epoch, e.seq, %[2]s
		FROM log_heads AS h LEFT JOIN (SELECT %[1]s AS seq, %[2]s FROM events WHERE type = 'ReplyAdded' AND aggregate = $1 AND %[1]s < $2
			ORDER BY %[1]s DESC LIMIT $3) AS e ON 1 = 1
		WHERE h.id = 1 ORDER BY e.seq DESC`, seqColumn(r.db), entryColumns), []any{tweetID, before, limit},
		func(e *chunkRow) []any {
			return []any{&epoch, &e.seq, &e.kind, &e.version, &e.aggregate, &e.payload, &e.at}
		})
	if err != nil {
		return nil, fmt.Errorf("read the answers in the log: %w", err)
	}
	for _, e := range rows {
		if e.seq.Valid {
			entries = append(entries, e.entry(epoch))
		}
	}
	return entries, nil
}

// oneOf returns a condition on the type. The types are constants of this package, never input.
func oneOf(types []string) string {
	if len(types) == 0 {
		return ""
	}
	return " AND type IN ('" + strings.Join(types, "', '") + "')"
}

// GroupPosition returns the seq up to which a group has passed all events. ok is false for a group that has never run.
func (r *Reader) GroupPosition(ctx context.Context, group string) (position int64, ok bool, err error) {
	var lowest sql.NullInt64
	err = sqldb.ScanOne(ctx, r.db, "SELECT MIN(position) FROM group_partitions WHERE group_name = $1", []any{group}, &lowest)
	if err != nil {
		return 0, false, fmt.Errorf("read the position of the group %s: %w", group, err)
	}
	return lowest.Int64, lowest.Valid, nil
}

// readEntries reads events of an epoch.
func readEntries(ctx context.Context, db *sqldb.DB, epoch int64, query string, args ...any) ([]Entry, error) {
	all, err := sqldb.ScanAll(ctx, db, query, args, func(e *Entry) []any {
		e.Epoch = epoch
		return []any{&e.Seq, &e.Type, &e.Version, &e.Aggregate, &e.Payload, &e.At}
	})
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return all, nil
}
