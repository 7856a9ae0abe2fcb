package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/bench/layout"
	"roost/internal/ids"
)

// statements are the statements of the transaction.
type statements struct{ upsert, count *sql.Stmt }

func prepare(ctx context.Context, db *sql.DB) (*statements, error) {
	var s statements
	var err error
	if s.upsert, err = db.PrepareContext(ctx, `INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
		VALUES ($1, $2, $3, 0, $4, 1) ON CONFLICT (tweet_id, user_id) DO UPDATE
		SET prev = reactions.kind, kind = excluded.kind, reacted_at = excluded.reacted_at, version = reactions.version + 1
		WHERE reactions.kind <> excluded.kind RETURNING prev`); err != nil {
		return nil, err
	}
	s.count, err = db.PrepareContext(ctx, `INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, revision)
		VALUES ($1, $2, $3, $4) ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
		dislike_count = tweet_stats.dislike_count + excluded.dislike_count, revision = tweet_stats.revision + excluded.revision
		RETURNING like_count, dislike_count, revision`)
	return &s, err
}

// reactions sets reactions, each in one transaction.
type reactions struct {
	db     *sql.DB
	rdb    *redis.Client
	writes *statements
	live   *broadcasts
}

var kinds = map[string]int64{"NONE": 0, "LIKE": 1, "DISLIKE": 2}

func (h *reactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer(w, func(b []byte) ([]byte, error) {
		ctx := r.Context()
		global, name := r.PathValue("tweet"), r.PathValue("kind")
		tweet, ok := ids.Tweet(global)
		kind, known := kinds[name]
		if !ok || !known {
			return b, fmt.Errorf("cannot set %q on %q", name, global)
		}
		pipe := h.rdb.Pipeline()
		who, err := claim(ctx, pipe, r)
		if err != nil {
			return b, err
		}
		if err := exec(ctx, pipe); err != nil {
			return b, err
		}
		if err := who.check(); err != nil {
			return b, err
		}
		counts, changed, err := h.set(ctx, tweet, who.viewer, kind)
		if err != nil {
			return b, err
		}
		if changed {
			h.live.send(topic{tweet: tweet}, message(tweet, counts))
		}
		b = append(b, `{"data":{"setReaction":{"subject":{"id":"`...)
		b = append(b, global...)
		b = append(b, `","reactions":{`...)
		b = append(b, counts...)
		b = append(b, `,"viewerReaction":"`...)
		b = append(b, name...)
		return append(b, `"}},"userErrors":[]}}}`...), nil
	})
}

// set writes the reaction and returns the counts after it, as a piece of JSON.
func (h *reactions) set(ctx context.Context, tweet, user, kind int64) (piece string, changed bool, err error) {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	prev, revisions := kind, 0
	switch err := tx.StmtContext(ctx, h.writes.upsert).QueryRowContext(ctx, tweet, user, kind, time.Now().UTC()).Scan(&prev); {
	case err == nil:
		changed, revisions = true, 1
	case !errors.Is(err, sql.ErrNoRows):
		return "", false, fmt.Errorf("write the reaction: %w", err)
	}
	change := func(of int64) int64 {
		var by int64
		if kind == of {
			by++
		}
		if prev == of {
			by--
		}
		return by
	}
	var likes, dislikes, revision int64
	err = tx.StmtContext(ctx, h.writes.count).QueryRowContext(ctx, tweet, change(1), change(2), revisions).
		Scan(&likes, &dislikes, &revision)
	if err != nil {
		return "", false, fmt.Errorf("count the reaction: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return "", false, err
	}
	return layout.CountsPiece(likes, dislikes, revision), changed, nil
}
