package costs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// persona is a user of the imported data with a place in the graph that queries could stumble over.
type persona struct {
	name string
	// find is SQL that selects the user's id.
	find string
}

var personas = []persona{
	{"a typical viewer", `SELECT user_id FROM user_stats WHERE following_count BETWEEN 15 AND 25 AND follower_count BETWEEN 15 AND 25
		ORDER BY tweet_count DESC, user_id LIMIT 1`},
	{"who follows most", `SELECT user_id FROM user_stats ORDER BY following_count DESC, user_id LIMIT 1`},
	{"whose followees are silent", `SELECT f.follower_id FROM follows AS f
		LEFT JOIN user_stats AS s ON s.user_id = f.followee_id AND s.tweet_count > 0
		LEFT JOIN user_stats AS own ON own.user_id = f.follower_id
		GROUP BY 1 HAVING count(s.user_id) = 0 AND max(coalesce(own.tweet_count, 0)) = 0 ORDER BY count(*) DESC, 1 LIMIT 1`},
	{"who has most followers", `SELECT user_id FROM user_stats ORDER BY follower_count DESC, user_id LIMIT 1`},
	{"who wrote most", `SELECT user_id FROM user_stats ORDER BY tweet_count DESC, user_id LIMIT 1`},
}

// personaHistory adds to a user what years leave behind: sessions that ended or ran out, follows undone in both
// directions, deleted tweets. The arguments are the user's id and one below which no ids are.
var personaHistory = []string{
	`INSERT INTO sessions (id, user_id, key_hash, created_at, expires_at, last_used_at, ended_at, end_reason)
		SELECT $2 + n, $1, 'x', '2026-01-01', CASE WHEN n % 100 = 0 THEN '2096-01-01' ELSE '2026-01-02' END::timestamptz, '2026-01-01',
		CASE WHEN n % 5 > 0 THEN '2026-01-02'::timestamptz END, CASE WHEN n % 5 > 0 THEN 'LOGGED_OUT' END FROM generate_series(1, 4000) AS n`,
	`INSERT INTO follows (follower_id, followee_id, active, sort_key, followed_at, version)
		SELECT $1, id, false, id + $2 * 0, created_at, 2 FROM users WHERE id <> $1 ORDER BY id LIMIT 4000 ON CONFLICT DO NOTHING`,
	`INSERT INTO follows (follower_id, followee_id, active, sort_key, followed_at, version)
		SELECT id, $1, false, id + $2 * 0, created_at, 2 FROM users WHERE id <> $1 ORDER BY id DESC LIMIT 4000 ON CONFLICT DO NOTHING`,
	`INSERT INTO tweets (id, author_id, text, created_at, deleted_at, version)
		SELECT $2 + n, $1, 'gone', '2026-01-01', '2026-01-02', 2 FROM generate_series(1, 1000) AS n`,
}

// findPersonas returns the ids of the personas and writes their personaHistory.
func findPersonas(t testing.TB, db *sqldb.DB) []int64 {
	t.Helper()
	out := make([]int64, len(personas))
	for i, p := range personas {
		out[i] = apitest.Int(t, db, p.find)
	}
	for i, id := range slices.Compact(slices.Sorted(slices.Values(out))) {
		for _, q := range personaHistory {
			if _, err := db.Writer().ExecContext(t.Context(), q, id, int64(i+1)*1_000_000); err != nil {
				t.Fatalf("write the personaHistory of a user: %s: %v", q, err)
			}
		}
	}
	return out
}

// importedCrowd is the imported data seen by one of its users, as operations on a crowd want it. No two may be born
// at the same time.
func importedCrowd(t testing.TB, r *apitest.Roost, db *sqldb.DB, donor *apitest.User, viewer int64, others []int64, born time.Time) *crowd {
	t.Helper()
	c := &crowd{Roost: r, db: db, a: others, b: others, c: others, born: born}
	var name string
	// The donor's password fits.
	err := db.Writer().QueryRowContext(t.Context(), `UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1)
		WHERE id = $2 RETURNING username`, rig.UserID(t, donor.ID), viewer).Scan(&name)
	if err != nil {
		t.Fatalf("give user %d a password: %v", viewer, err)
	}
	c.viewer = r.LogIn(t, &apitest.User{ID: ids.Encode(ids.KindUser, viewer), Name: name, Password: donor.Password})
	c.tweets = apitest.Ints(t, db,
		`SELECT id FROM (SELECT id, author_id = $1 AS own FROM tweets WHERE deleted_at IS NULL ORDER BY own DESC, id LIMIT 100) AS t
			ORDER BY id`, viewer)
	return c
}

// crowdOf are the users that operations meet besides the viewer: those with most followers, followees and
// tweets, as many as fit.
func crowdOf(t testing.TB, db *sqldb.DB, personas []int64) []int64 {
	t.Helper()
	others := slices.Compact(slices.Sorted(slices.Values(personas)))
	return append(others, apitest.Ints(t, db, fmt.Sprintf(`SELECT user_id FROM user_stats WHERE NOT (%s)
		ORDER BY follower_count + following_count DESC, user_id LIMIT %d`, db.Member("user_id", "$1"), ringSize-len(others)), db.List(others))...)
}
