package search

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// Progress is how far a rebuild has come: the share of the ids that are done, 0 to 1, and the rows that this call has indexed.
type Progress struct {
	Share float64
	Rows  int
}

// othersEvery is how often a rebuild looks whether others have finished its last batch.
const othersEvery = 100 * time.Millisecond

// Rebuild indexes all tweets and users again, and returns when that is done. The index is in use meanwhile; each batch replaces its
// entries in one transaction. A rebuild that was interrupted is continued by the next call, and by the fillers of running nodes. With
// empty the index is emptied before, unless a rebuild is continued; searches then find what is indexed already. progress, which may be
// nil, is called after each batch.
func (s *Search) Rebuild(ctx context.Context, empty bool, progress func(Progress)) (resumed bool, err error) {
	if resumed, err = s.beginRebuild(ctx, empty); err != nil {
		return resumed, fmt.Errorf("begin the rebuild of the index: %w", err)
	}
	for p := (Progress{}); ctx.Err() == nil; {
		left, err := s.rebuilding(ctx)
		if err != nil {
			return resumed, err
		}
		p.Share = shareOf(left)
		if progress != nil {
			progress(p)
		}
		if len(left) == 0 {
			return resumed, nil
		}
		n, more, err := s.fillBatch(ctx)
		if err != nil && !sqldb.IsRetryable(err) {
			return resumed, err
		}
		if p.Rows += n; !more {
			lifecycle.Pause(ctx, nil, othersEvery)
		}
	}
	return resumed, ctx.Err()
}

// beginRebuild notes all rows, unless a rebuild has not ended.
func (s *Search) beginRebuild(ctx context.Context, empty bool) (resumed bool, err error) {
	err = s.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		left, err := s.rebuilding(ctx)
		if resumed = len(left) > 0; resumed || err != nil {
			return err
		}
		if empty {
			statements := []string{"DELETE FROM search_tweets", "INSERT INTO search_index (search_index) VALUES ('delete-all')",
				"DELETE FROM search_names"}
			if s.db.IsPostgres() {
				statements = []string{"TRUNCATE search_tweets, search_names"}
			}
			for _, q := range statements {
				if _, err := tx.Client().ExecContext(ctx, q); err != nil {
					return err
				}
			}
		}
		for _, kind := range []string{KindUsers, KindTweets} {
			var first, last sql.NullInt64
			err := sqldb.ScanOne(ctx, tx.Client(), "SELECT min(id), max(id) FROM "+kind, nil, &first, &last)
			if err != nil {
				return err
			}
			if !first.Valid {
				continue
			}
			add := span{kind: kind, first: first.Int64, next: first.Int64, last: last.Int64, rebuild: true}
			if err := note(ctx, s.db, tx.Client(), add); err != nil {
				return err
			}
		}
		return nil
	})
	return resumed, err
}

// rebuilding returns what is left of a rebuild.
func (s *Search) rebuilding(ctx context.Context) ([]span, error) {
	return sqldb.ScanAll(ctx, s.db, "SELECT "+spanColumns+" FROM search_fills WHERE rebuild ORDER BY id", nil, (*span).columns)
}

// shareOf returns which share of both kinds of ids is done. Ids grow with time, so it is a share of the site's life.
func shareOf(left []span) float64 {
	done := 2.0
	for _, r := range left {
		done -= float64(r.last-r.next+1) / float64(r.last-r.first+1)
	}
	return max(done, 0) / 2
}
