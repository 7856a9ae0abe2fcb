package imports

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// store is a database at the current schema, open in the test.
type store struct {
	*sqldb.DB
	config sqldb.Config
}

// onBoth runs a test on both kinds of database.
func onBoth(t *testing.T, test func(t *testing.T, s *store)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) { test(t, openStore(t, c)) })
}

func newSQLite(t *testing.T) *store {
	t.Helper()
	return openStore(t, sqldb.Config{File: dbtest.File(t)})
}

func newPostgres(t *testing.T) *store {
	t.Helper()
	return openStore(t, sqldb.Config{URL: dbtest.Postgres(t)})
}

func openStore(t *testing.T, c sqldb.Config) *store {
	t.Helper()
	return &store{DB: dbtest.Open(t, c), config: c}
}

// options are those of an import in small chunks.
func (s *store) options(dir string) Options {
	return Options{DB: s.DB, IDs: ids.NewGenerator(clock.Real{}, idlease.New(s.DB)), Dir: dir, ChunkLines: 7}
}

// run imports and expects no error.
func (s *store) run(t *testing.T, o Options) Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *store) exec(t *testing.T, q string, args ...any) {
	t.Helper()
	if _, err := s.Writer().ExecContext(t.Context(), q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

// number is the one number that a query returns.
func (s *store) number(t *testing.T, q string, args ...any) (n int64) {
	t.Helper()
	if err := s.Writer().QueryRowContext(t.Context(), q, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

// list is a query's rows, columns joined by spaces.
func (s *store) list(t *testing.T, q string) (all []string) {
	t.Helper()
	rows, err := s.Writer().QueryContext(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, v := range values {
			line = append(line, v.String)
		}
		all = append(all, strings.Join(line, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// content is everything that an import wrote, with the files' ids in place of the rows'. Follows are in
// the order of their sort keys, tweets in that of their ids.
func (s *store) content(t *testing.T) map[string][]string {
	t.Helper()
	const user = "(SELECT source || external_id FROM imported_ids WHERE kind = 'user' AND row_id = %s)"
	const tweet = "(SELECT source || external_id FROM imported_ids WHERE kind = 'tweet' AND row_id = %s)"
	of := func(form, column string) string { return fmt.Sprintf(form, column) }
	return map[string][]string{
		"users": s.list(t, "SELECT "+of(user, "id")+", username, name, email, bio, session_policy, version FROM users ORDER BY username"),
		"names": s.list(t, "SELECT name, "+of(user, "user_id")+" FROM username_claims ORDER BY name"),
		"mails": s.list(t, "SELECT email, "+of(user, "user_id")+" FROM email_claims ORDER BY email"),
		"follows": s.list(t, "SELECT "+of(user, "follower_id")+", "+of(user, "followee_id")+
			", CASE WHEN active THEN 1 ELSE 0 END, version FROM follows ORDER BY sort_key"),
		"tweets": s.list(t, "SELECT "+of(tweet, "id")+", "+of(user, "author_id")+", text, version FROM tweets ORDER BY id"),
		"likes": s.list(t, "SELECT "+of(tweet, "tweet_id")+" AS t, "+of(user, "user_id")+
			" AS u, kind, prev, version FROM reactions ORDER BY t, u"),
		"user counts":  s.list(t, "SELECT "+of(user, "user_id")+" AS u, tweet_count, follower_count, following_count FROM user_stats ORDER BY u"),
		"tweet counts": s.list(t, "SELECT "+of(tweet, "tweet_id")+" AS t, like_count, dislike_count, revision FROM tweet_stats ORDER BY t"),
	}
}

// equal compares what two imports wrote.
func equal(t *testing.T, got, want map[string][]string) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[what], want[what]) {
			t.Errorf("%s differ: %d instead of %d\n got %.300q\nwant %.300q", what, len(got[what]), len(want[what]),
				got[what], want[what])
		}
	}
}

// consistent checks what holds after every transaction: kept counts equal the rows, every row has its
// mapping and claims, and events report as many rows as there are.
func (s *store) consistent(t *testing.T) {
	t.Helper()
	for _, q := range []string{
		`SELECT count(*) FROM users AS u WHERE
			(SELECT count(*) FROM follows WHERE active AND followee_id = u.id) <>
				coalesce((SELECT follower_count FROM user_stats WHERE user_id = u.id), 0) OR
			(SELECT count(*) FROM follows WHERE active AND follower_id = u.id) <>
				coalesce((SELECT following_count FROM user_stats WHERE user_id = u.id), 0) OR
			(SELECT count(*) FROM tweets WHERE deleted_at IS NULL AND author_id = u.id) <>
				coalesce((SELECT tweet_count FROM user_stats WHERE user_id = u.id), 0)`,
		`SELECT count(*) FROM tweets AS t WHERE
			(SELECT count(*) FROM reactions WHERE kind = 1 AND tweet_id = t.id) <>
				coalesce((SELECT like_count FROM tweet_stats WHERE tweet_id = t.id), 0)`,
		`SELECT count(*) FROM users AS u WHERE
			(SELECT count(*) FROM imported_ids WHERE kind = 'user' AND row_id = u.id) <> 1 OR
			(SELECT count(*) FROM username_claims WHERE user_id = u.id AND name = lower(u.username)) <> 1 OR
			(SELECT count(*) FROM email_claims WHERE user_id = u.id AND email = lower(u.email)) <> 1`,
		"SELECT count(*) FROM tweets WHERE id NOT IN (SELECT row_id FROM imported_ids WHERE kind = 'tweet')",
	} {
		if n := s.number(t, q); n != 0 {
			t.Errorf("%d rows do not fit: %s", n, q)
		}
	}
	rows := map[string]int64{}
	for _, e := range s.list(t, "SELECT payload FROM events") {
		var imported events.RowsImported
		if err := json.Unmarshal([]byte(e), &imported); err != nil {
			t.Fatalf("event %s: %v", e, err)
		}
		rows[strings.TrimSuffix(imported.File, ".gz")] += imported.Rows
	}
	for file, table := range map[string]string{"users.tsv": "users", "follows.tsv": "follows", "tweets.jsonl": "tweets",
		"likes.tsv": "reactions"} {
		if n := s.number(t, "SELECT count(*) FROM "+table); rows[file] != n {
			t.Errorf("events tell of %d rows of %s, there are %d", rows[file], file, n)
		}
	}
}

// writeFiles makes a directory with files.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
