package search

import (
	"context"
	"fmt"

	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// cleanBatch is how many entries of old tweets one transaction removes.
const cleanBatch = 500

// NewCleaner returns a service that removes the entries of tweets that are older than Config.Keep. Without Keep it does nothing.
func NewCleaner(s *Search) *lifecycle.Cleaner {
	return lifecycle.NewCleaner(cleanBatch, "old tweets were not removed from the index of search", s.removeOld)
}

// removeOld removes the oldest of the entries that are too old.
func (s *Search) removeOld(ctx context.Context, most int) (n int, err error) {
	below := s.oldest()
	if below <= 0 {
		return 0, nil
	}
	err = s.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		query := fmt.Sprintf("SELECT tweet_id FROM search_tweets WHERE tweet_id < $1 ORDER BY tweet_id LIMIT %d%s", most, skipLocked(s.db))
		old, err := sqldb.ScanAll(ctx, tx.Client(), query, []any{below}, sqldb.Column[int64])
		if err != nil {
			return fmt.Errorf("look for old tweets in the index: %w", err)
		}
		n = len(old)
		return s.removeTweets(ctx, tx.Tx, old)
	})
	return n, err
}
