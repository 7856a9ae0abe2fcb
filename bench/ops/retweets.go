package ops

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"roost/internal/cursors"
)

// homeRetweetsQuery is homeQuery with the retweets.
const homeRetweetsQuery = `query HomeRetweets { viewer { homeTimeline(first: 20) { edges { cursor retweet { user { id username name } }
 node { id text createdAt author { id username name } reactions { likeCount dislikeCount revision viewerReaction } } }
 pageInfo { hasNextPage endCursor } } } }`

// HomeRetweets returns an operation that reads home pages on which a tenth of the entries are retweets, and the sessions of its viewers.
// These are the viewers of the operation home. db is a copy of the imported database, which no server uses yet: HomeRetweets adds the
// retweets and the sessions. It fails if the pages have clearly more or fewer retweets.
func (w *World) HomeRetweets(ctx context.Context, db *sql.DB) (op Operation, sessions map[string]int64, err error) {
	viewers := slices.Clone(w.Viewers)
	for _, step := range []func() error{
		func() error { return addRetweets(ctx, db) },
		func() error { return openSessions(ctx, db, viewers) },
		func() error { return checkShare(ctx, db, viewers) },
	} {
		if err := step(); err != nil {
			return op, nil, fmt.Errorf("make pages with retweets: %w", err)
		}
	}
	query := quoted(homeRetweetsQuery)
	sessions = map[string]int64{}
	var asks []ask
	for _, v := range viewers {
		sessions[v.Key] = v.ID
		asks = append(asks, ask{
			roost:    graphql(nil, v.Key, query, "{}"),
			baseline: plain(nil, "GET", "/home/retweets", v.Key),
			want:     func(ctx context.Context, db *sql.DB) (any, error) { return wantHomeRetweets(ctx, db, v.ID) },
		})
	}
	op = reads("home-retweets", "home page, 20 tweets, a tenth of them retweeted", `{"data":{"viewer":{"homeTimeline":{"edges":[{`, asks)
	op.Rate = 0
	return op, sessions, nil
}

// addRetweets lets the author of every eighth tweet retweet another one right afterwards, one of the 1,000 before. The ninth part of what
// the authors add is then retweets, and about a tenth of what is on pages, because a retweet of a tweet whose author the viewer
// follows adds nothing. The revisions of counts stay as they are, so the targets answer with the same ones.
func addRetweets(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{
		`INSERT INTO retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)
			WITH t AS (SELECT id, author_id, created_at, row_number() OVER (ORDER BY id) AS n FROM tweets WHERE deleted_at IS NULL)
			SELECT o.id, t.author_id, o.author_id, true, t.id + 1, t.created_at, 1
			FROM t JOIN t AS o ON o.n = t.n - 1 - abs(hashint8(t.n)::bigint) % 1000
			WHERE t.n % 8 = 0 AND o.author_id <> t.author_id AND NOT EXISTS (SELECT 1 FROM tweets WHERE id = t.id + 1)
			ON CONFLICT DO NOTHING`,
		`INSERT INTO tweet_stats (tweet_id, retweet_count) SELECT tweet_id, count(*) FROM retweets GROUP BY 1
			ON CONFLICT (tweet_id) DO UPDATE SET retweet_count = excluded.retweet_count`,
		`ANALYZE retweets`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("add retweets: %w", err)
		}
	}
	return nil
}

// The share of retweets on all pages together.
const minRetweets, maxRetweets = 0.07, 0.13

func checkShare(ctx context.Context, db *sql.DB, viewers []Viewer) error {
	all, retweets := 0, 0
	for _, v := range viewers {
		page, err := homeRetweetsOf(ctx, db, v.ID)
		if err != nil {
			return err
		}
		for _, e := range page[:min(homePage, len(page))] {
			if all++; e.by != 0 {
				retweets++
			}
		}
	}
	if share := float64(retweets) / float64(all); !(share >= minRetweets && share <= maxRetweets) {
		return fmt.Errorf("%d of the %d entries on all pages are retweets", retweets, all)
	}
	return nil
}

// brought is an entry of a timeline with retweets. by is the user whose retweet brought it, 0 if it is there as its author's.
type brought struct {
	entry
	sortKey, by int64
}

// homeRetweetsOf returns the first page of the viewer's home timeline with retweets, and one entry more.
func homeRetweetsOf(ctx context.Context, db *sql.DB, viewer int64) (out []brought, err error) {
	err = each(ctx, db, `WITH followed AS (SELECT followee_id AS id FROM follows WHERE follower_id = $1 AND active UNION SELECT $1)
		SELECT * FROM (
			SELECT t.id, t.author_id, t.text, t.created_at, t.id AS sort_key, 0 AS by FROM tweets t
			WHERE t.deleted_at IS NULL AND t.author_id IN (SELECT id FROM followed)
			UNION ALL
			(SELECT DISTINCT ON (t.id) t.id, t.author_id, t.text, t.created_at, r.sort_key, r.user_id
			FROM retweets r JOIN tweets t ON t.id = r.tweet_id WHERE r.active AND r.user_id IN (SELECT id FROM followed)
			AND t.deleted_at IS NULL AND t.author_id NOT IN (SELECT id FROM followed) ORDER BY t.id, r.sort_key)
		) AS home ORDER BY sort_key DESC LIMIT $2`, []any{viewer, homePage + 1}, func(scan scan) error {
		var b brought
		err := scan(&b.id, &b.author, &b.text, &b.at, &b.sortKey, &b.by)
		out = append(out, b)
		return err
	})
	if err == nil && len(out) == 0 {
		err = errors.New("a home timeline is empty")
	}
	return out, err
}

func wantHomeRetweets(ctx context.Context, db *sql.DB, viewer int64) (any, error) {
	all, err := homeRetweetsOf(ctx, db, viewer)
	if err != nil {
		return nil, err
	}
	page := all[:min(homePage, len(all))]
	tweets := make([]entry, len(page))
	users := make([]int64, 0, 2*len(page))
	for i, b := range page {
		tweets[i], users = b.entry, append(users, b.author, b.by)
	}
	named, err := usersOf(ctx, db, users)
	if err != nil {
		return nil, err
	}
	edges, err := edgesOf(ctx, db, viewer, cursors.Home, tweets)
	if err != nil {
		return nil, err
	}
	for i, b := range page {
		edge := edges[i].(object)
		edge["cursor"], edge["retweet"] = cursors.Encode(cursors.Home, b.sortKey), nil
		if b.by != 0 {
			edge["retweet"] = object{"user": named[b.by]}
		}
		edge["node"].(object)["author"] = named[b.author]
	}
	return object{"viewer": object{"homeTimeline": object{"edges": edges, "pageInfo": object{
		"hasNextPage": len(all) > homePage, "endCursor": cursors.Encode(cursors.Home, page[len(page)-1].sortKey)}}}}, nil
}
