package importedtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"roost/internal/dataset"
	"roost/internal/pgtest"
	"roost/internal/sqldb"
)

// The bounds that an import of the whole data set keeps, on two cores.
const (
	boundPostgres = 60 * time.Second
	boundSQLite   = 3 * time.Minute
	boundMemory   = 1 << 30
)

func TestImportKeepsBounds(t *testing.T) {
	dir := dataset.Dir(t)
	for _, tc := range []struct {
		store string
		args  []string
		bound time.Duration
	}{
		{"PostgreSQL", []string{"-url", pgtest.URL(t)}, boundPostgres},
		{"SQLite", []string{"-file", filepath.Join(t.TempDir(), "roost.db")}, boundSQLite},
	} {
		f, err := Fill(append(tc.args, "-dir", dir)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v, peak memory %d MiB", tc.store, f.Report.Elapsed.Round(10*time.Millisecond), f.MaxRSS>>20)
		for _, file := range f.Report.Files {
			t.Logf("  %s: %d lines in %v", file.Name, file.Lines, file.Elapsed.Round(10*time.Millisecond))
		}
		if f.Report.Elapsed > tc.bound {
			t.Errorf("%s: the import took %v, more than %v", tc.store, f.Report.Elapsed, tc.bound)
		}
		if f.MaxRSS > boundMemory {
			t.Errorf("%s: the import took %d MiB, more than %d", tc.store, f.MaxRSS>>20, boundMemory>>20)
		}
	}
}

// Counts in the databases equal the lines of the files, as rows and as kept counts.
func TestImportedCountsEqualFiles(t *testing.T) {
	t.Parallel()
	dir := dataset.Dir(t)
	for store, to := range map[string]sqldb.Config{"PostgreSQL": {URL: Postgres(t)}, "SQLite": {File: SQLite(t)}} {
		db, err := sqldb.Open(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, tc := range []struct {
			file   string
			header int64
			counts []string
		}{
			{"users.tsv", 1, []string{"SELECT count(*) FROM users", "SELECT count(*) FROM username_claims",
				"SELECT count(*) FROM email_claims", "SELECT count(*) FROM imported_ids WHERE kind = 'user'"}},
			{"follows.tsv", 1, []string{"SELECT count(*) FROM follows WHERE active",
				"SELECT sum(follower_count) FROM user_stats", "SELECT sum(following_count) FROM user_stats"}},
			{"tweets.jsonl", 0, []string{"SELECT count(*) FROM tweets", "SELECT sum(tweet_count) FROM user_stats",
				"SELECT count(*) FROM imported_ids WHERE kind = 'tweet'"}},
			{"likes.tsv", 1, []string{"SELECT count(*) FROM reactions WHERE kind = 1",
				"SELECT sum(like_count) FROM tweet_stats", "SELECT sum(revision) FROM tweet_stats"}},
		} {
			want := lines(t, dir, tc.file) - tc.header
			for _, q := range tc.counts {
				if got := count(t.Context(), t, db, q); got != want {
					t.Errorf("%s: %s = %d, the file has %d", store, q, got, want)
				}
			}
		}
		for _, q := range []string{
			`SELECT count(*) FROM user_stats AS s WHERE
				follower_count <> (SELECT count(*) FROM follows WHERE active AND followee_id = s.user_id) OR
				following_count <> (SELECT count(*) FROM follows WHERE active AND follower_id = s.user_id) OR
				tweet_count <> (SELECT count(*) FROM tweets WHERE deleted_at IS NULL AND author_id = s.user_id)`,
			`SELECT count(*) FROM tweet_stats AS s WHERE
				like_count <> (SELECT count(*) FROM reactions WHERE kind = 1 AND tweet_id = s.tweet_id)`,
		} {
			if n := count(t.Context(), t, db, q); n != 0 {
				t.Errorf("%s: %d counts differ from the rows: %s", store, n, q)
			}
		}
	}
}

func count(ctx context.Context, t *testing.T, db *sqldb.DB, q string) (n int64) {
	t.Helper()
	if err := db.Writer().QueryRowContext(ctx, q).Scan(&n); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

func lines(t *testing.T, dir, name string) (n int64) {
	t.Helper()
	f, err := dataset.Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewReader(f)
	for {
		_, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
}
