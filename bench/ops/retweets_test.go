package ops

import (
	"database/sql"
	"fmt"
	"reflect"
	"testing"

	"roost/testkit/dbtest"
)

// migrated is a server with an empty database.
func migrated(t *testing.T) Server {
	t.Helper()
	db, err := sql.Open("postgres", dbtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return Server{Name: "roost", DB: db}
}

// addUsers adds users with the ids from 1 to n, and follows given as rows of follower and followee in SQL.
func (s Server) addUsers(t *testing.T, n int, follows string) {
	t.Helper()
	s.exec(t, fmt.Sprintf(`INSERT INTO users (id, username, email, name, bio, created_at, version)
		SELECT n, 'user' || n, 'user' || n, 'User', '', now(), 1 FROM generate_series(1, %d) AS n`, n))
	s.exec(t, `INSERT INTO follows (follower_id, followee_id, active, sort_key, followed_at, version)
		SELECT a, b, true, b, now(), 1 FROM (`+follows+`) AS f (a, b)`)
}

// A tweet is in a home timeline once: as its author's, else at the earliest retweet by somebody whom the viewer follows.
func TestHomeWithRetweets(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	s.addUsers(t, 6, "VALUES (1, 2), (1, 3)") // and neither 4, 5 nor 6
	s.exec(t, `INSERT INTO tweets (id, author_id, text, created_at, version) SELECT id, author, '', now(), 1
		FROM (VALUES (100, 2), (200, 4), (300, 4), (400, 4), (500, 1)) AS t (id, author)`)
	s.exec(t, `UPDATE tweets SET deleted_at = now() WHERE id = 400`)
	s.exec(t, `INSERT INTO retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)
		SELECT tweet, by, author, active, sort_key, now(), 1 FROM (VALUES
			(100, 3, 2, true, 110), (200, 5, 4, true, 210), (200, 3, 4, true, 230), (200, 2, 4, true, 240),
			(300, 2, 4, false, 310), (300, 6, 4, true, 320), (400, 2, 4, true, 410)) AS r (tweet, by, author, active, sort_key)`)
	page, err := homeRetweetsOf(t.Context(), s.DB, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got [][3]int64
	for _, b := range page {
		got = append(got, [3]int64{b.sortKey, b.id, b.by})
	}
	if want := [][3]int64{{500, 500, 0}, {230, 200, 3}, {100, 100, 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the timeline is %v, want %v", got, want)
	}
}

// About a tenth of the entries on a page are retweets.
func TestShareOfRetweets(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	s.addUsers(t, 200, `SELECT a, b FROM generate_series(1, 40) AS a, generate_series(41, 200) AS b WHERE (a * 7 + b * 31) % 13 = 0`)
	s.exec(t, `INSERT INTO tweets (id, author_id, text, created_at, version)
		SELECT 10 * n, 41 + n * 7919 % 160, '', now(), 1 FROM generate_series(1, 20000) AS n`)
	var viewers []Viewer
	for id := range int64(40) {
		viewers = append(viewers, Viewer{ID: id + 1})
	}
	if err := checkShare(t.Context(), s.DB, viewers); err == nil {
		t.Error("pages without retweets have enough of them")
	}
	if err := addRetweets(t.Context(), s.DB); err != nil {
		t.Fatal(err)
	}
	if err := checkShare(t.Context(), s.DB, viewers); err != nil {
		t.Error(err)
	}
	var wrong int
	if err := s.DB.QueryRowContext(t.Context(), `SELECT count(*) FROM retweets r JOIN tweets t ON t.id = r.tweet_id LEFT JOIN tweet_stats s
		USING (tweet_id) WHERE r.author_id <> t.author_id OR r.user_id = t.author_id OR r.sort_key <= t.id OR s.retweet_count IS DISTINCT FROM
		(SELECT count(*) FROM retweets c WHERE c.tweet_id = r.tweet_id)`).Scan(&wrong); err != nil || wrong != 0 {
		t.Errorf("%d retweets are not as Roost writes them, %v", wrong, err)
	}
}
