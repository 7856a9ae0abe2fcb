package ops

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"roost/bench/load"
)

// replayed is how many likes are replayed before they begin again.
const replayed = 20_000

// Replay are the likes of the data in the order of their times, with their users, all signed in.
type Replay struct {
	// Share is the share of them that goes to the viral tweet instead, from 0 to 1.
	Share  float64
	likers []Viewer
	likes  []replayedLike
}

// replayedLike is a like by one of the likers.
type replayedLike struct {
	liker int
	tweet int64
}

// AddReplay reads the likes, and signs their users in through the API at addr.
func (w *World) AddReplay(ctx context.Context, db *sql.DB, addr string, share float64) error {
	w.Replay.Share = share
	known := map[int64]int{}
	err := each(ctx, db, `SELECT r.user_id, u.username, r.tweet_id FROM reactions r JOIN users u ON u.id = r.user_id
		JOIN tweets t ON t.id = r.tweet_id WHERE r.kind = 1 AND t.deleted_at IS NULL AND r.tweet_id <> $1
		ORDER BY r.reacted_at, r.tweet_id, r.user_id LIMIT $2`, []any{w.Viral, replayed}, func(scan scan) error {
		var v Viewer
		var tweet int64
		if err := scan(&v.ID, &v.Username, &tweet); err != nil {
			return err
		}
		at, ok := known[v.ID]
		if !ok {
			at = len(w.Replay.likers)
			known[v.ID], w.Replay.likers = at, append(w.Replay.likers, v)
		}
		w.Replay.likes = append(w.Replay.likes, replayedLike{at, tweet})
		return nil
	})
	if err == nil && len(w.Replay.likes) == 0 {
		err = errors.New("the data has no likes")
	}
	if err != nil {
		return fmt.Errorf("read the likes: %w", err)
	}
	if err := signIn(ctx, db, addr, w.Replay.likers); err != nil {
		return fmt.Errorf("sign in those who like: %w", err)
	}
	return nil
}

// replay returns an operation that sends the likes. The data has them already, so they come as dislikes at first, then as likes, and so on:
// each is a change, with the users and the tweets of the data.
func (w *World) replay() Operation {
	return Operation{
		Name: "replay", Title: "setReaction, likes of the data", Rate: 200, Writes: true, Settles: len(w.Replay.likers),
		Roost:    load.Traffic{Good: reacted, Source: w.Replay.source(w.Viral, Reaction.roost)},
		Baseline: load.Traffic{Good: reacted, Source: w.Replay.source(w.Viral, Reaction.baseline)},
	}
}

// source lets all connections of all runs share the likes.
func (p *Replay) source(viral int64, request func(Reaction, []byte) []byte) func(i, n int) load.Source {
	var next atomic.Int64
	toViral := make([]atomic.Uint32, len(p.likers)) // how often each liker has gone to the viral tweet
	return func(int, int) load.Source {
		return func(buf []byte) []byte {
			n := next.Add(1) - 1
			like, round := p.likes[n%int64(len(p.likes))], n/int64(len(p.likes))
			tweet, kind := like.tweet, kinds[(round+1)&1]
			if before, after := math.Floor(float64(n)*p.Share), math.Floor(float64(n+1)*p.Share); after > before {
				tweet, kind = viral, kinds[toViral[like.liker].Add(1)&1]
			}
			return request(Reaction{p.likers[like.liker], tweet, kind}, buf)
		}
	}
}
