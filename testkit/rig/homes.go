package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
)

// homeSQL is what a home timeline is, in the simplest SQL that says it.
const homeSQL = `WITH home AS (SELECT followee_id AS id FROM follows WHERE follower_id = $1 AND active UNION SELECT CAST($1 AS bigint))
	SELECT id, id, 0 FROM tweets WHERE deleted_at IS NULL AND author_id IN (SELECT id FROM home)
	UNION ALL SELECT r.sort_key, r.tweet_id, r.user_id FROM retweets AS r JOIN tweets AS t ON t.id = r.tweet_id
		WHERE r.active AND t.deleted_at IS NULL AND r.user_id IN (SELECT id FROM home) AND t.author_id NOT IN (SELECT id FROM home)
		AND NOT EXISTS (SELECT 1 FROM retweets AS e WHERE e.tweet_id = r.tweet_id AND e.active AND e.sort_key < r.sort_key
			AND e.user_id IN (SELECT id FROM home))
	ORDER BY 1 DESC`

// WholeHome reads the whole home timeline of a viewer with plain SQL, newest first.
func WholeHome(t testing.TB, db *sqldb.DB, viewer int64) []timelines.Entry {
	t.Helper()
	all, err := sqldb.ScanAll(t.Context(), db, homeSQL, []any{viewer},
		func(e *timelines.Entry) []any { return []any{&e.SortKey, &e.Item, &e.By} })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// HomePage is a page of a home timeline as a client reads it.
type HomePage struct {
	Entries []timelines.Entry
	Authors []int64 // of the entries' tweets
	Next    bool
}

const homePage = `query($n: Int!, $after: String) { viewer { homeTimeline(first: $n, after: $after) {
	edges { cursor node { id text author { id } } retweet { user { id } tweet { id } } } pageInfo { hasNextPage } } } }`

// ReadHomePage reads the page of n entries below a sort key, or the newest entries if the sort key is 0. Any error of the answer is one.
func ReadHomePage(ctx context.Context, u *apitest.Client, n int, below int64) (p HomePage, err error) {
	vars := apitest.Vars{"n": n}
	if below != 0 {
		vars["after"] = cursors.Encode(cursors.Home, below)
	}
	res, err := u.Do(ctx, homePage, vars)
	if err != nil {
		return p, err
	}
	edges, ok := res.Get("viewer.homeTimeline.edges").([]any)
	if len(res.Errors) > 0 || !ok {
		return p, fmt.Errorf("a home page is answered with %s", res.Body)
	}
	p.Next = res.Get("viewer.homeTimeline.pageInfo.hasNextPage") == true
	for _, edge := range edges {
		text := func(path string) string {
			s, _ := apitest.Get(edge, path).(string)
			return s
		}
		var e timelines.Entry
		if e.SortKey, err = cursors.Decode(cursors.Home, text("cursor")); err != nil {
			return p, err
		}
		tweet, ok := ids.Tweet(text("node.id"))
		e.Item, e.By = int64(tweet), UserRow(text("retweet.user.id"))
		if by := apitest.Get(edge, "retweet"); !ok || text("node.text") == "" || by != nil && text("retweet.tweet.id") != text("node.id") {
			return p, fmt.Errorf("a home page has the edge %v", edge)
		}
		p.Entries, p.Authors = append(p.Entries, e), append(p.Authors, UserRow(text("node.author.id")))
	}
	return p, nil
}

// WriteHistory writes tweets and retweets of the past as rows. A viewer who follows all of the authors has n entries more: a fifth are
// tweets of strangers that one or more of the authors have retweeted, and the first author adds a quarter of the others. The users may
// have no tweets yet. Nodes that have read anything of the users keep old copies: the cache must be cleared.
func WriteHistory(t testing.TB, db *sqldb.DB, dice *rand.Rand, authors, strangers []int64, n int) {
	t.Helper()
	at := ids.Millis(time.Now().Add(-time.Hour)) - 2*int64(n)
	next := func() int64 {
		at++
		return ids.Compose(at, ids.ImportNode, 0)
	}
	var posts, passed [][]any
	tweet := func(author int64) int64 {
		id := next()
		posts = append(posts, []any{id, author, fmt.Sprint("tweet ", id), ids.Time(id), 1})
		return id
	}
	retweet := func(tweet, author, user int64) {
		key := next()
		passed = append(passed, []any{tweet, user, author, true, key, ids.Time(key), 1})
	}
	for range n {
		author := authors[0]
		if dice.IntN(4) > 0 {
			author = authors[dice.IntN(len(authors))]
		}
		if dice.IntN(5) > 0 {
			tweet(author)
			continue
		}
		stranger := strangers[dice.IntN(len(strangers))]
		id := tweet(stranger)
		retweet(id, stranger, author)
		if other := authors[dice.IntN(len(authors))]; other != author {
			retweet(id, stranger, other)
		}
	}
	Insert(t, db, "tweets (id, author_id, text, created_at, version)", posts)
	Insert(t, db, "retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)", passed)
	for _, query := range []string{
		`INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, revision, retweet_count)
			SELECT tweet_id, 0, 0, count(*), count(*) FROM retweets GROUP BY tweet_id`,
		`INSERT INTO user_stats (user_id, tweet_count, follower_count, following_count, version)
			SELECT author_id, count(*), 0, 0, 2 FROM tweets GROUP BY author_id
			ON CONFLICT (user_id) DO UPDATE SET tweet_count = excluded.tweet_count, version = user_stats.version + 1`,
	} {
		if _, err := db.Writer().ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
}
