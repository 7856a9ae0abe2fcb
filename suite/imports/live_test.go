package imports

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"roost/domain/imports"
	"roost/internal/sqldb"
	"roost/testkit/dataset"
	"roost/testkit/importstest"
)

// People use the site while the import runs: they follow and like what the import is about to, and the
// counts stay those of the rows.
func TestImportOnALiveSite(t *testing.T) {
	t.Parallel()
	s := importstest.NewPostgres(t)
	dir := t.TempDir()
	if err := dataset.Generate(dir, 5, 60, 700, 60, 500); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wrote := make(chan struct{}, 1)
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				n, err := liveWrite(ctx, s)
				if err != nil && ctx.Err() == nil && !sqldb.IsRetryable(err) {
					t.Error(err)
					return
				}
				if n > 0 {
					select {
					case wrote <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	o := s.Options(dir)
	o.ChunkLines = 50
	lately := false
	o.Progress = func(p imports.Progress) {
		// Let the others come in between once there is something to write.
		if p.File != "users.tsv.gz" && !lately {
			select {
			case <-wrote:
			case <-time.After(patience):
				lately = true
			}
		}
	}
	r := s.Run(t, o)
	stop()
	wg.Wait()
	existing := r.Files[1].Existing + r.Files[3].Existing
	if r.BadTotal != 0 || existing == 0 {
		t.Errorf("bad %d, existing %d", r.BadTotal, existing)
	}
	for _, q := range []string{
		`SELECT count(*) FROM users AS u LEFT JOIN user_stats AS s ON s.user_id = u.id WHERE
			(SELECT count(*) FROM follows WHERE followee_id = u.id) <> coalesce(s.follower_count, 0) OR
			(SELECT count(*) FROM follows WHERE follower_id = u.id) <> coalesce(s.following_count, 0)`,
		`SELECT count(*) FROM tweets AS t LEFT JOIN tweet_stats AS s ON s.tweet_id = t.id WHERE
			(SELECT count(*) FROM reactions WHERE tweet_id = t.id) <> coalesce(s.like_count, 0)`,
	} {
		if n := s.Number(t, q); n != 0 {
			t.Errorf("%d counts are wrong: %s", n, q)
		}
	}
}

// liveWrite is what the site does for a follow and a like of a few people: the row, then the counts in
// the order of ids.
func liveWrite(ctx context.Context, s *importstest.Store) (n int64, err error) {
	tx, err := s.Writer().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, e)
		}
	}()
	seed := rand.Int64()
	for _, q := range []string{
		`WITH pair AS (SELECT a.id AS a, b.id AS b FROM users AS a, users AS b WHERE a.id <> b.id
				ORDER BY hashint8(a.id # b.id # %[1]d) LIMIT 1),
			ins AS (INSERT INTO follows (follower_id, followee_id, sort_key, followed_at)
				SELECT a, b, 1, now() FROM pair ON CONFLICT DO NOTHING RETURNING follower_id, followee_id)
			INSERT INTO user_stats (user_id, follower_count, following_count)
				SELECT follower_id, 0, 1 FROM ins UNION ALL SELECT followee_id, 1, 0 FROM ins ORDER BY 1
				ON CONFLICT (user_id) DO UPDATE SET follower_count = user_stats.follower_count + excluded.follower_count,
				following_count = user_stats.following_count + excluded.following_count`,
		`WITH pair AS (SELECT a.id AS a, b.id AS b FROM users AS a, tweets AS b
				ORDER BY hashint8(a.id # b.id # %[1]d) LIMIT 1),
			ins AS (INSERT INTO reactions (user_id, tweet_id, kind, reacted_at)
				SELECT a, b, 1, now() FROM pair ON CONFLICT DO NOTHING RETURNING tweet_id)
			INSERT INTO tweet_stats (tweet_id, like_count, revision) SELECT tweet_id, 1, 1 FROM ins
				ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + 1, revision = tweet_stats.revision + 1`,
	} {
		res, err := tx.ExecContext(ctx, fmt.Sprintf(q, seed))
		if err != nil {
			return 0, err
		}
		rows, err := res.RowsAffected()
		if err != nil {
			return 0, err
		}
		n += rows
	}
	return n, tx.Commit()
}
