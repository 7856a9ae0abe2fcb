package search

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// Batch is how many rows one transaction of a filler indexes.
	Batch = 500
	// fillEvery is how often a filler looks for ranges, and fillTimeout how long a batch may take.
	fillEvery   = 15 * time.Second
	fillTimeout = 20 * time.Second
)

// The kinds of rows that are indexed.
const (
	KindTweets = "tweets"
	KindUsers  = "users"
)

// transaction is one of database/sql, or ent's client of one.
type transaction interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// span is a range of ids of a kind. Next is the first id that is not done.
type span struct {
	id                int64
	kind              string
	first, next, last int64
	rebuild           bool
}

const spanColumns = "id, kind, first, next, last, rebuild"

func (r *span) columns() []any { return []any{&r.id, &r.kind, &r.first, &r.next, &r.last, &r.rebuild} }

// Fill notes that the rows of a kind with ids from first to last are to be indexed, in the transaction that has written them. A Filler
// does that soon. Ranges that overlap become one, so rows that are noted again and again are indexed once.
func Fill(ctx context.Context, db *sqldb.DB, tx transaction, kind string, first, last int64) error {
	return note(ctx, db, tx, span{kind: kind, first: first, next: first, last: last})
}

func note(ctx context.Context, db *sqldb.DB, tx transaction, add span) error {
	overlapping, err := sqldb.ScanAll(ctx, tx, "SELECT "+spanColumns+` FROM search_fills WHERE kind = $1 AND next <= $2 AND last >= $3
		ORDER BY id`+skipLocked(db), []any{add.kind, add.last, add.next}, (*span).columns)
	if err != nil {
		return fmt.Errorf("note what is to be indexed: %w", err)
	}
	for _, r := range overlapping {
		add.first, add.next, add.last = min(add.first, r.first), min(add.next, r.next), max(add.last, r.last)
		add.rebuild = add.rebuild || r.rebuild
		if _, err := tx.ExecContext(ctx, "DELETE FROM search_fills WHERE id = $1", r.id); err != nil {
			return fmt.Errorf("note what is to be indexed: %w", err)
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO search_fills (kind, first, next, last, rebuild) VALUES ($1, $2, $3, $4, $5)",
		add.kind, add.first, add.next, add.last, add.rebuild)
	if err != nil {
		return fmt.Errorf("note what is to be indexed: %w", err)
	}
	return nil
}

// skipLocked leaves out the ranges on which others work. SQLite has one writer.
func skipLocked(db *sqldb.DB) string {
	if db.IsPostgres() {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// Filler indexes what Fill has noted. Any number may run at once: each works on a range that no other works on. It is a
// lifecycle.Service.
type Filler struct {
	lifecycle.Loop
	search *Search
}

// NewFiller returns a filler of the index.
func NewFiller(s *Search) *Filler {
	f := &Filler{search: s}
	f.Run = lifecycle.Poll{
		Look:  func(ctx context.Context, _ bool) (more bool, err error) { return f.look(ctx) },
		Every: fillEvery, Retry: fillEvery, Warning: "tweets are not indexed for search",
	}.Run
	return f
}

// look indexes a batch if there is one, and reports whether there was.
func (f *Filler) look(ctx context.Context) (more bool, err error) {
	var n int64
	if err := sqldb.ScanOne(ctx, f.search.db, "SELECT count(*) FROM search_fills", nil, &n); err != nil || n == 0 {
		return false, err
	}
	_, more, err = f.search.fillBatch(ctx)
	return more, err
}

// fillBatch indexes the next rows of the oldest range on which nobody works. more is false if there is no such range.
func (s *Search) fillBatch(ctx context.Context) (n int, more bool, err error) {
	ctx, cancel := context.WithTimeout(sqldb.Background(ctx), fillTimeout)
	defer cancel()
	err = s.log.Write(ctx, func(ctx context.Context, tx *events.Tx) (err error) {
		n, more, err = s.fillStep(ctx, tx.Tx)
		return err
	})
	return n, more && err == nil, err
}

func (s *Search) fillStep(ctx context.Context, tx *ent.Tx) (n int, more bool, err error) {
	ranges, err := sqldb.ScanAll(ctx, tx.Client(), "SELECT "+spanColumns+" FROM search_fills ORDER BY id LIMIT 1"+skipLocked(s.db), nil,
		(*span).columns)
	if err != nil || len(ranges) == 0 {
		return 0, false, err
	}
	share := ""
	if s.db.IsPostgres() {
		// Who deletes a tweet or changes a name waits for the batch, so that its event comes after the entries of the batch.
		share = " FOR SHARE"
	}
	r := ranges[0]
	columns := map[string]string{KindTweets: tweetColumns, KindUsers: userColumns}[r.kind]
	if columns == "" {
		return 0, false, fmt.Errorf("a range of %q is to be indexed, which this binary cannot do", r.kind)
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT %d%s", columns, r.kind, Batch, share)
	args := []any{r.next, r.last}
	var last int64
	if r.kind == KindTweets {
		var rows []tweetRow
		if rows, err = sqldb.ScanAll(ctx, tx.Client(), query, args, (*tweetRow).columns); err == nil {
			if n = len(rows); n > 0 {
				last = rows[n-1].id
			}
			err = s.putTweets(ctx, tx, rows)
		}
	} else {
		var rows []userRow
		if rows, err = sqldb.ScanAll(ctx, tx.Client(), query, args, (*userRow).columns); err == nil {
			if n = len(rows); n > 0 {
				last = rows[n-1].id
			}
			err = s.putUsers(ctx, tx, rows)
		}
	}
	if err != nil {
		return 0, false, fmt.Errorf("index a batch of %s: %w", r.kind, err)
	}
	next, args := "UPDATE search_fills SET next = $2 WHERE id = $1", []any{r.id, last + 1}
	if n < Batch {
		next, args = "DELETE FROM search_fills WHERE id = $1", []any{r.id}
	}
	_, err = tx.Client().ExecContext(ctx, next, args...)
	return n, err == nil, err
}

// FillAll indexes everything that Fill has noted, but what others work on.
func (s *Search) FillAll(ctx context.Context) (n int, err error) {
	for more := true; more; {
		var batch int
		if batch, more, err = s.fillBatch(ctx); err != nil {
			return n, err
		}
		n += batch
	}
	return n, nil
}
