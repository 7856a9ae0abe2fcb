package ops

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/lib/pq"

	"roost/bench/load"
	"roost/internal/ids"
)

// DrawFollowing draws up to n users who follow at least a number of people and at most another one and whose home timeline has a page,
// those who follow most first, and signs them in.
func DrawFollowing(ctx context.Context, db *sql.DB, least, most, n int) ([]Viewer, error) {
	return drawSignedIn(ctx, db, `SELECT u.id, u.username FROM users u`+drawn+`JOIN user_stats o ON o.user_id = u.id
		WHERE o.following_count BETWEEN $1 AND $2 AND u.id IN (
			SELECT f.follower_id FROM follows f JOIN user_stats s ON s.user_id = f.followee_id
			WHERE f.active GROUP BY 1 HAVING sum(s.tweet_count) >= $3)
		ORDER BY o.following_count DESC, md5('roost' || i.external_id) LIMIT $4`, least, most, homePage, n)
}

// DrawMany draws up to n users whose home timeline has a page, and signs them in.
func DrawMany(ctx context.Context, db *sql.DB, n int) ([]Viewer, error) {
	return drawSignedIn(ctx, db, `SELECT u.id, u.username FROM users u`+drawn+`WHERE u.id IN (
			SELECT f.follower_id FROM follows f JOIN user_stats s ON s.user_id = f.followee_id
			WHERE f.active GROUP BY 1 HAVING sum(s.tweet_count) >= $1)
		`+inRandom+`LIMIT $2`, homePage, n)
}

func drawSignedIn(ctx context.Context, db *sql.DB, query string, args ...any) (all []Viewer, err error) {
	err = each(ctx, db, query, args, func(scan scan) error {
		var v Viewer
		err := scan(&v.ID, &v.Username)
		all = append(all, v)
		return err
	})
	if err == nil && len(all) == 0 {
		err = sql.ErrNoRows
	}
	if err == nil {
		err = openSessions(ctx, db, all)
	}
	if err != nil {
		return nil, fmt.Errorf("draw viewers and sign them in: %w", err)
	}
	return all, nil
}

// openSessions counts down from sessionsBefore, in milliseconds, so that the ids of its sessions differ. opened is how many there are.
var sessionsBefore, opened = ids.Millis(time.Now()), int64(0)

// openSessions signs many users in at once, in SQL: through the API it would take a minute. If the form of session keys changes, their
// first requests fail.
func openSessions(ctx context.Context, db *sql.DB, all []Viewer) error {
	sessions, users, hashes := make([]int64, len(all)), make([]int64, len(all)), make([][]byte, len(all))
	for i := range all {
		v := &all[i]
		opened++
		sessions[i], users[i] = ids.Compose(sessionsBefore-opened, ids.ImportNode, 0), v.ID
		key := binary.BigEndian.AppendUint64(nil, uint64(v.ID))
		key = binary.BigEndian.AppendUint64(key, uint64(sessions[i]))
		secret := make([]byte, 24)
		_, _ = rand.Read(secret) // never fails
		v.Key = "roost_" + base64.RawURLEncoding.EncodeToString(append(key, secret...))
		hash := sha256.Sum256([]byte(v.Key))
		hashes[i] = hash[:]
	}
	_, err := db.ExecContext(ctx, `INSERT INTO sessions (id, user_id, key_hash, created_at, expires_at, last_used_at, version)
		SELECT id, user_id, key_hash, now(), now() + interval '1 day', now(), 1
		FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS s(id, user_id, key_hash)`,
		pq.Array(sessions), pq.Array(users), pq.ByteaArray(hashes))
	return err
}

// HomesOf returns an operation that reads home pages of random ones of some viewers, from Roost.
func (w *World) HomesOf(viewers []Viewer) Operation {
	op := w.homeOf(viewers)
	op.Baseline = load.Traffic{}
	return op
}

// PassOf returns traffic that reads the home page of each viewer once, in turn.
func (w *World) PassOf(viewers []Viewer) load.Traffic {
	op := w.homeOf(viewers)
	op.Roost.Source = inTurn(op.asks, func(a *ask) []byte { return a.roost })
	return op.Roost
}

// TweetsOf returns traffic in which random ones of some users tweet.
func TweetsOf(users []Viewer) load.Traffic {
	query := quoted(postQuery)
	return load.Traffic{Good: []byte(`{"data":{"createTweet":{"tweet":{`), Source: func(i, _ int) load.Source {
		r := dice(math.MaxInt32 - i)
		return func(buf []byte) []byte {
			text := "growth " + strconv.FormatUint(r.Uint64(), 36)
			return graphql(buf, users[r.IntN(len(users))].Key, query, `{"input":{"text":"`+text+`"}}`)
		}
	}}
}

// ReactionsOf returns traffic in which random ones of some users set reactions to random tweets.
func (w *World) ReactionsOf(users []Viewer) load.Traffic {
	return load.Traffic{Good: reacted, Source: func(i, _ int) load.Source {
		r := dice(math.MaxInt32/2 - i)
		return func(buf []byte) []byte {
			return Reaction{users[r.IntN(len(users))], w.Tweets[r.IntN(len(w.Tweets))], kinds[r.IntN(len(kinds))]}.roost(buf)
		}
	}}
}
