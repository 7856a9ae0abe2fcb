package layout

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
	"github.com/redis/go-redis/v9"
)

// FillRetweets writes the home timelines with retweets that the sessions can ask for; the map holds the user of each session's key. Fill
// has written the rest, for the same users, from the same data without retweets.
func FillRetweets(ctx context.Context, db *sql.DB, to redis.UniversalClient, sessions map[string]int64) error {
	f := &filler{db: db, pipe: to.Pipeline()}
	viewers := make([]int64, 0, len(sessions))
	for key, user := range sessions {
		viewers = append(viewers, user)
		f.pipe.Set(ctx, Session(key), user, 0)
	}
	err := f.homeRetweets(ctx, viewers)
	if err == nil {
		_, err = f.pipe.Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("fill the baseline's Redis: home timelines with retweets: %w", err)
	}
	return nil
}

func (f *filler) homeRetweets(ctx context.Context, viewers []int64) error {
	return f.each(ctx, `SELECT v.id, h.id, h.author_id, h.by, h.sort_key FROM unnest($1::bigint[]) AS v (id), LATERAL (
			WITH f AS MATERIALIZED (SELECT followee_id AS id FROM follows WHERE follower_id = v.id AND active UNION SELECT v.id)
			SELECT id, author_id, 0 AS by, id AS sort_key FROM tweets WHERE deleted_at IS NULL AND author_id IN (SELECT id FROM f)
			UNION ALL SELECT r.tweet_id, r.author_id, r.user_id, r.sort_key FROM retweets r JOIN tweets t ON t.id = r.tweet_id
			WHERE r.active AND t.deleted_at IS NULL AND r.user_id IN (SELECT id FROM f) AND r.author_id NOT IN (SELECT id FROM f)
			AND NOT EXISTS (SELECT 1 FROM retweets e WHERE e.tweet_id = r.tweet_id AND e.active AND e.sort_key < r.sort_key
				AND e.user_id IN (SELECT id FROM f))
			ORDER BY sort_key DESC LIMIT $2) AS h ORDER BY v.id, h.sort_key DESC`,
		[]any{pq.Array(viewers), homeLength}, func(scan func(...any) error) error {
			var viewer, id, author, by, sortKey int64
			if err := scan(&viewer, &id, &author, &by, &sortKey); err != nil {
				return err
			}
			entry := Entry(id, author)
			if by != 0 {
				entry = Retweet(id, author, by, sortKey)
			}
			f.pipe.RPush(ctx, HomeRetweets(viewer), entry)
			return nil
		})
}
