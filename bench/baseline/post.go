package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/bench/layout"
	"roost/internal/cursors"
	"roost/internal/ids"
)

// tweets posts tweets, each in one transaction, and sends them to the sockets of their author's topic.
type tweets struct {
	db   *sql.DB
	rdb  *redis.Client
	live *broadcasts
	// posted is the number of tweets posted. It makes ids differ, and serves as the offset of an event.
	posted atomic.Int64
}

// sequences is how many ids a millisecond has.
const sequences = 1 << 12

func (h *tweets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer(w, func(b []byte) ([]byte, error) {
		ctx := r.Context()
		text, err := json.Marshal(r.URL.Query().Get("text"))
		if err != nil {
			return b, err
		}
		pipe := h.rdb.Pipeline()
		who, err := claim(ctx, pipe, r)
		if err != nil {
			return b, err
		}
		author := pipe.Get(ctx, layout.Author(fmt.Sprint(who.viewer)))
		if err := exec(ctx, pipe); err != nil {
			return b, err
		}
		if err := errors.Join(who.check(), author.Err()); err != nil {
			return b, err
		}
		n := h.posted.Add(1)
		at := time.Now().UTC().Truncate(time.Millisecond)
		id := ids.Compose(ids.Millis(at), ids.ImportNode, int(n%sequences))
		if err := h.post(ctx, id, who.viewer, r.URL.Query().Get("text"), at); err != nil {
			return b, err
		}
		node := fmt.Appendf(nil, `"id":"%s","text":%s,"createdAt":"%s"`, ids.TweetID(id), text, at.Format("2006-01-02T15:04:05.000Z"))
		h.live.send(topic{author: who.viewer}, fmt.Appendf(nil, `{"id":"1","type":"next","payload":{"data":{"homeTimelineEvents":`+
			`{"cursor":"%s","edge":{"cursor":"%s","node":{%s,"author":{%s},"reactions":{%s,"viewerReaction":"NONE"}}}}}}}`,
			cursors.Encode(cursors.Events, n), cursors.Encode(cursors.Home, id), node, author.Val(), layout.NoCounts))
		return fmt.Appendf(b, `{"data":{"createTweet":{"tweet":{%s},"userErrors":[]}}}`, node), nil
	})
}

// post writes the tweet and counts it.
func (h *tweets) post(ctx context.Context, id, author int64, text string, at time.Time) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if _, err := tx.ExecContext(ctx, `INSERT INTO tweets (id, author_id, text, created_at, version) VALUES ($1, $2, $3, $4, 1)`,
		id, author, text, at); err != nil {
		return fmt.Errorf("write the tweet: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE user_stats SET tweet_count = tweet_count + 1 WHERE user_id = $1`, author); err != nil {
		return fmt.Errorf("count the tweet: %w", err)
	}
	return tx.Commit()
}
