package imports

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Kinds of the mapping.
const (
	kindUser  = "user"
	kindTweet = "tweet"
)

// mapped is an id of the source and the row that it became.
type mapped struct{ external, row int64 }

// position is how far an earlier import of a file came.
type position struct {
	fingerprint string
	lines       int64
	complete    bool
}

// key returns the key of the file's row in import_progress.
func (r *run) key(s *source) string { return r.Source + "/" + s.base }

func (r *run) progress(ctx context.Context, s *source) (at position, err error) {
	err = r.DB.Writer().QueryRowContext(ctx, "SELECT fingerprint, lines, complete FROM import_progress WHERE file = $1",
		r.key(s)).Scan(&at.fingerprint, &at.lines, &at.complete)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return at, fmt.Errorf("read the progress of earlier imports: %w", err)
	}
	return at, nil
}

// loadUsers loads the mapping of users, once.
func (r *run) loadUsers(ctx context.Context) (err error) {
	if r.users == nil {
		r.users, err = r.mapping(ctx, kindUser)
	}
	return err
}

// loadTweets loads the mapping of tweets, once.
func (r *run) loadTweets(ctx context.Context) (err error) {
	if r.tweets == nil {
		r.tweets, err = r.mapping(ctx, kindTweet)
	}
	return err
}

func (r *run) mapping(ctx context.Context, kind string) (map[int64]int64, error) {
	rows, err := r.DB.Writer().QueryContext(ctx,
		"SELECT external_id, row_id FROM imported_ids WHERE source = $1 AND kind = $2", r.Source, kind)
	if err != nil {
		return nil, fmt.Errorf("read the ids of earlier imports: %w", err)
	}
	defer func() { _ = rows.Close() }()
	m := map[int64]int64{}
	for rows.Next() {
		var external, row int64
		if err := rows.Scan(&external, &row); err != nil {
			return nil, fmt.Errorf("read the ids of earlier imports: %w", err)
		}
		m[external] = row
	}
	return m, rows.Err()
}
