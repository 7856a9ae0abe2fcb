package importstest

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

	"roost/domain/countaudit"
	"roost/domain/imports"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// Store is a database into which a test imports.
type Store struct {
	*sqldb.DB
	Config sqldb.Config
}

// Open opens a database until the end of the test, with the schema if it is an SQLite file that does not exist yet.
func Open(t *testing.T, c sqldb.Config) *Store {
	t.Helper()
	return &Store{DB: dbtest.Open(t, c), Config: c}
}

// NewSQLite returns a new SQLite database.
func NewSQLite(t *testing.T) *Store {
	t.Helper()
	return Open(t, sqldb.Config{File: dbtest.File(t)})
}

// NewPostgres returns a new PostgreSQL database.
func NewPostgres(t *testing.T) *Store {
	t.Helper()
	return Open(t, sqldb.Config{URL: dbtest.Postgres(t), MaxConns: 12})
}

// Options returns options for an import of a directory in chunks of 7 lines.
func (s *Store) Options(dir string) imports.Options {
	return imports.Options{DB: s.DB, IDs: ids.NewGenerator(clock.Real{}, idlease.New(s.DB)), Dir: dir, ChunkLines: 7}
}

// Run runs an import, and fails the test if the import fails.
func (s *Store) Run(t *testing.T, o imports.Options) imports.Report {
	t.Helper()
	r, err := imports.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Exec executes a statement.
func (s *Store) Exec(t *testing.T, q string, args ...any) {
	t.Helper()
	if _, err := s.Writer().ExecContext(t.Context(), q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

// Number returns the result of a query for one number.
func (s *Store) Number(t *testing.T, q string, args ...any) (n int64) {
	t.Helper()
	if err := s.Writer().QueryRowContext(t.Context(), q, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

// List returns the rows of a query, each with its columns joined by spaces.
func (s *Store) List(t *testing.T, q string) (all []string) {
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

// Content returns everything that imports have written, by kind, with the ids of the files instead of those of the rows. Follows are
// in the order of their sort keys, tweets in the order of their ids.
func (s *Store) Content(t *testing.T) map[string][]string {
	t.Helper()
	const user = "(SELECT source || external_id FROM imported_ids WHERE kind = 'user' AND row_id = %s)"
	const tweet = "(SELECT source || external_id FROM imported_ids WHERE kind = 'tweet' AND row_id = %s)"
	of := func(form, column string) string { return fmt.Sprintf(form, column) }
	return map[string][]string{
		"users": s.List(t, "SELECT "+of(user, "id")+", username, name, email, bio, session_policy, version FROM users ORDER BY username"),
		"names": s.List(t, "SELECT name, "+of(user, "user_id")+" FROM username_claims ORDER BY name"),
		"mails": s.List(t, "SELECT email, "+of(user, "user_id")+" FROM email_claims ORDER BY email"),
		"follows": s.List(t, "SELECT "+of(user, "follower_id")+", "+of(user, "followee_id")+
			", CASE WHEN active THEN 1 ELSE 0 END, version FROM follows ORDER BY sort_key"),
		"tweets": s.List(t, "SELECT "+of(tweet, "id")+", "+of(user, "author_id")+", text, version FROM tweets ORDER BY id"),
		"likes": s.List(t, "SELECT "+of(tweet, "tweet_id")+" AS t, "+of(user, "user_id")+
			" AS u, kind, prev, version FROM reactions ORDER BY t, u"),
		"user counts": s.List(t, "SELECT "+of(user, "user_id")+
			" AS u, tweet_count, follower_count, following_count FROM user_stats ORDER BY u"),
		"tweet counts": s.List(t, "SELECT "+of(tweet, "tweet_id")+" AS t, like_count, dislike_count, revision FROM tweet_stats ORDER BY t"),
	}
}

// Equal fails the test unless two databases have the same Content.
func Equal(t *testing.T, got, want map[string][]string) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[what], want[what]) {
			t.Errorf("%s differ: %d instead of %d\n got %.300q\nwant %.300q", what, len(got[what]), len(want[what]),
				got[what], want[what])
		}
	}
}

// Consistent checks what holds after every transaction of an import: counts equal the rows, every row has its mapping and claims,
// and the events report as many rows as there are.
func (s *Store) Consistent(t *testing.T) {
	t.Helper()
	for _, q := range []string{
		`SELECT count(*) FROM users AS u LEFT JOIN user_stats AS s ON s.user_id = u.id
			LEFT JOIN (SELECT followee_id AS id, count(*) AS n FROM follows WHERE active GROUP BY followee_id) AS followers
				ON followers.id = u.id
			LEFT JOIN (SELECT follower_id AS id, count(*) AS n FROM follows WHERE active GROUP BY follower_id) AS followed
				ON followed.id = u.id
			LEFT JOIN (SELECT author_id AS id, count(*) AS n FROM tweets WHERE deleted_at IS NULL GROUP BY author_id) AS posted
				ON posted.id = u.id
			WHERE coalesce(followers.n, 0) <> coalesce(s.follower_count, 0) OR
				coalesce(followed.n, 0) <> coalesce(s.following_count, 0) OR
				coalesce(posted.n, 0) <> coalesce(s.tweet_count, 0)`,
		`SELECT count(*) FROM tweets AS t LEFT JOIN tweet_stats AS s ON s.tweet_id = t.id
			LEFT JOIN (SELECT tweet_id AS id, count(*) AS n FROM reactions WHERE kind = 1 GROUP BY tweet_id) AS likes
				ON likes.id = t.id
			WHERE coalesce(likes.n, 0) <> coalesce(s.like_count, 0)`,
		`SELECT count(*) FROM users AS u
			LEFT JOIN (SELECT row_id AS id, count(*) AS n FROM imported_ids WHERE kind = 'user' GROUP BY row_id) AS ids
				ON ids.id = u.id
			LEFT JOIN (SELECT u.id, count(*) AS n FROM users AS u JOIN username_claims AS c
				ON c.user_id = u.id AND c.name = lower(u.username) GROUP BY u.id) AS names ON names.id = u.id
			LEFT JOIN (SELECT u.id, count(*) AS n FROM users AS u JOIN email_claims AS c
				ON c.user_id = u.id AND c.email = lower(u.email) GROUP BY u.id) AS mails ON mails.id = u.id
			WHERE coalesce(ids.n, 0) <> 1 OR coalesce(names.n, 0) <> 1 OR coalesce(mails.n, 0) <> 1`,
		"SELECT count(*) FROM tweets WHERE id NOT IN (SELECT row_id FROM imported_ids WHERE kind = 'tweet')",
	} {
		if n := s.Number(t, q); n != 0 {
			t.Errorf("%d rows do not fit: %s", n, q)
		}
	}
	if r, err := countaudit.New(s.DB, nil, nil).Run(t.Context(), countaudit.Config{Examples: 5}); err != nil || r.Found() > 0 {
		t.Errorf("the counts do not fit: %+v, %v", r, err)
	}
	rows := map[string]int64{}
	for _, e := range s.List(t, "SELECT payload FROM events") {
		var imported events.RowsImported
		if err := json.Unmarshal([]byte(e), &imported); err != nil {
			t.Fatalf("event %s: %v", e, err)
		}
		rows[strings.TrimSuffix(imported.File, ".gz")] += imported.Rows
	}
	for file, table := range map[string]string{"users.tsv": "users", "follows.tsv": "follows", "tweets.jsonl": "tweets",
		"likes.tsv": "reactions"} {
		if n := s.Number(t, "SELECT count(*) FROM "+table); rows[file] != n {
			t.Errorf("events report %d rows of %s, there are %d", rows[file], file, n)
		}
	}
}

// Files writes files into a new directory, and returns the directory.
func Files(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
