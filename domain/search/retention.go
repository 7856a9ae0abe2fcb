package search

import (
	"context"
	"fmt"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// cleanEvery is how often entries of old tweets are removed, cleanBatch how many a transaction removes, and cleanTimeout how long it
	// may take.
	cleanEvery   = time.Minute
	cleanBatch   = 500
	cleanTimeout = 5 * time.Second
)

// Cleaner removes the entries of tweets that are older than Config.Keep. Without Keep it does nothing. It is a lifecycle.Service.
type Cleaner struct {
	lifecycle.Loop
	search *Search
}

// NewCleaner returns a cleaner of the index.
func NewCleaner(s *Search) *Cleaner {
	c := &Cleaner{search: s}
	c.Run = lifecycle.Steadily(cleanEvery, "old tweets were not removed from the index of search", func(ctx context.Context) error {
		_, err := c.Clean(ctx)
		return err
	}).Run
	return c
}

// Clean removes all entries that are too old, and returns their number.
func (c *Cleaner) Clean(ctx context.Context) (removed int, err error) {
	oldest := c.search.oldest()
	for oldest > 0 && ctx.Err() == nil {
		n, err := c.search.removeBatch(ctx, oldest)
		removed += n
		if err != nil || n < cleanBatch {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

// removeBatch removes the oldest entries below an id.
func (s *Search) removeBatch(ctx context.Context, below int64) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	err = s.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		query := fmt.Sprintf("SELECT tweet_id FROM search_tweets WHERE tweet_id < $1 ORDER BY tweet_id LIMIT %d%s", cleanBatch, skipLocked(s.db))
		old, err := sqldb.ScanAll(ctx, tx.Client(), query, []any{below}, sqldb.Column[int64])
		if err != nil {
			return fmt.Errorf("look for old tweets in the index: %w", err)
		}
		n = len(old)
		return s.removeTweets(ctx, tx.Tx, old)
	})
	return n, err
}
