package timelines

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"roost/cache"
	"roost/ent"
	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// chunksEvery is how often a worker looks for events to push in chunks, and markEvery how often it looks whether the marks are
	// there and at the end of what the group has passed.
	chunksEvery, markEvery = 200 * time.Millisecond, time.Second
	// chunkTimeout bounds one transaction.
	chunkTimeout = 10 * time.Second
)

// Chunks returns the service that pushes events of authors with many followers, one chunk of one event in turn, so that none of them waits
// for another one to end. It also trims prepared timelines, and moves the marks when no event does.
func (f *Fanout) Chunks() lifecycle.Service {
	var marked time.Time
	return &lifecycle.Loop{Run: lifecycle.Poll{
		Look: func(ctx context.Context, _ bool) (more bool, err error) {
			ctx, cancel := context.WithTimeout(sqldb.Background(ctx), chunkTimeout)
			defer cancel()
			if time.Since(marked) >= markEvery {
				if err := f.Mark(ctx); err != nil {
					return false, err
				}
				marked = time.Now()
			}
			if more, err = f.chunk(ctx); err != nil {
				return false, err
			}
			return more, f.trimLong(ctx)
		},
		Every: chunksEvery, Retry: chunksEvery, Wake: f.wake, Warning: "home timelines are not prepared",
	}.Run}
}

// chunk pushes one chunk of the event that has had the fewest turns. It reports whether there was one.
func (f *Fanout) chunk(ctx context.Context) (some bool, err error) {
	var n int64
	if err := sqldb.ScanOne(ctx, f.db, "SELECT count(*) FROM timeline_fanouts", nil, &n); err != nil || n == 0 {
		return false, err
	}
	err = f.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		some, err = f.pushChunk(ctx, tx.Tx)
		return err
	})
	if errors.Is(err, cache.ErrAppendsLost) {
		f.stats.lost.Add(1)
	}
	return some && err == nil, err
}

func (f *Fanout) pushChunk(ctx context.Context, tx *ent.Tx) (some bool, err error) {
	skip := ""
	if f.db.IsPostgres() {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	var id, author, done int64
	var record []byte
	err = sqldb.ScanOne(ctx, tx.Client(), "SELECT id, author_id, record, done FROM timeline_fanouts ORDER BY chunks, id LIMIT 1"+skip, nil,
		&id, &author, &record, &done)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what is to be pushed in chunks: %w", err)
	}
	key := f.chunkAfter(author, done)
	pages, err := followersOf.Pages(ctx, f.db.Driver, []sqldb.Key{key})
	if err != nil {
		return false, err
	}
	run, page := f.run(tx), pages[key]
	appends := make([]cache.Append, len(page.Items))
	for i, follower := range page.Items {
		appends[i] = cache.Append{Owner: follower.Item, Elements: []any{string(record)}}
	}
	if err := run.push(ctx, appends); err != nil {
		return false, err
	}
	query, args := "DELETE FROM timeline_fanouts WHERE id = $1", []any{id}
	if page.More {
		query, args = "UPDATE timeline_fanouts SET done = $2, chunks = chunks + 1 WHERE id = $1", []any{id, page.Items[0].SortKey}
	}
	if _, err := tx.Client().ExecContext(ctx, query, args...); err != nil {
		return false, fmt.Errorf("note what is pushed: %w", err)
	}
	return true, run.move(ctx, 0)
}

// Mark moves the marks in Redis if one of them is missing, or if the group has passed events that are not its own. So prepared timelines
// come back after a flush although nobody writes.
func (f *Fanout) Mark(ctx context.Context) error {
	var position, waiting, merged int64
	var seq sql.NullInt64
	var last sql.NullString
	err := sqldb.ScanOne(ctx, f.db, `SELECT coalesce(min(g.position), 0), (SELECT seq FROM timeline_progress WHERE id = 1),
		(SELECT last FROM timeline_progress WHERE id = 1), (SELECT count(*) FROM timeline_fanouts),
		(SELECT count(*) FROM timeline_sides WHERE merged) FROM group_partitions AS g WHERE g.group_name = $1`, []any{FanoutGroup},
		&position, &seq, &last, &waiting, &merged)
	if err != nil {
		return fmt.Errorf("read how far prepared timelines are: %w", err)
	}
	f.stats.waiting.Store(waiting)
	f.stats.merged.Store(merged)
	if seq.Valid && position <= seq.Int64 {
		if there, err := f.lists.Moved(ctx, last.String); there || err != nil {
			return err
		}
	}
	return f.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error { return f.run(tx.Tx).move(ctx, position) })
}

// trimLong makes the records of timelines that have many part of their snapshots.
func (f *Fanout) trimLong(ctx context.Context) error {
	for _, owner := range f.takeLong() {
		stored, err := f.lists.Read(ctx, owner)
		if err != nil {
			return err
		}
		if _, err := f.trim(ctx, owner, stored); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fanout) trim(ctx context.Context, owner int64, stored cache.Stored) (bool, error) {
	p, err := ReadPrepared(stored.Elements)
	if err != nil || p.Building || p.Generation != stored.Mark.Generation {
		return false, f.lists.Drop(ctx, owner) // nobody can use it
	}
	if p.Records() < maxRecords {
		return false, nil
	}
	snapshot, rest := p.Compact(stored.Mark.Settled)
	elements := []string{snapshot.Element()}
	for i := range rest {
		elements = append(elements, rest[i].Element())
	}
	ok, err := f.lists.Replace(ctx, owner, p.Prefix(), len(stored.Elements), elements)
	if ok {
		f.stats.trimmed.Add(1)
	}
	return ok, err
}
