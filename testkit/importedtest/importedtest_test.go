package importedtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/dataset"
	"roost/testkit/pgtest"
	"roost/testkit/testtime"
)

// The bounds that an import of the whole data set keeps on two quiet cores; a busy machine gets busyFactor of the time.
const (
	boundPostgres = 60 * time.Second
	boundSQLite   = 3 * time.Minute
	boundMemory   = 1 << 30
	busyFactor    = 5
)

// The import was measured when the kept databases were made, by this code from this data. It is measured again, on an otherwise
// idle machine, when the strict bounds apply.
func TestImportKeepsBounds(t *testing.T) {
	onPostgres, onSQLite := figures(t, postgres), figures(t, sqlite)
	for _, tc := range []struct {
		store string
		Figures
		bound time.Duration
	}{{"PostgreSQL", onPostgres, boundPostgres}, {"SQLite", onSQLite, boundSQLite}} {
		t.Logf("%s: %v, peak memory %d MiB", tc.store, tc.Report.Elapsed.Round(10*time.Millisecond), tc.MaxRSS>>20)
		for _, file := range tc.Report.Files {
			t.Logf("  %s: %d lines in %v", file.Name, file.Lines, file.Elapsed.Round(10*time.Millisecond))
		}
		if most := tc.bound * testtime.Soak[time.Duration](busyFactor, 1); tc.Report.Elapsed > most {
			t.Errorf("%s: the import took %v, more than %v", tc.store, tc.Report.Elapsed, most)
		}
		if tc.MaxRSS > boundMemory {
			t.Errorf("%s: the import took %d MiB, more than %d", tc.store, tc.MaxRSS>>20, boundMemory>>20)
		}
	}
}

// figures returns what an import took. It does not run in parallel, so the machine is this import's.
func figures(t *testing.T, s store) (f Figures) {
	t.Helper()
	dir, err := dataset.Dir(t), error(nil)
	switch {
	case !testtime.Soaking() && (s == sqlite || pgtest.Private()):
		err = withKept(s, dir, func(_ string, kept Figures) error {
			f = kept
			return nil
		})
	case s == postgres:
		f, err = Fill("-url", pgtest.URL(t), "-dir", dir)
	default:
		f, err = fillFile(filepath.Join(t.TempDir(), fileName), dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Counts in the databases equal the lines of the files, as rows and as kept counts.
func TestImportedCountsEqualFiles(t *testing.T) {
	t.Parallel()
	dir, want := dataset.Dir(t), map[string]int64{}
	for name, header := range map[string]int64{"users.tsv": 1, "follows.tsv": 1, "tweets.jsonl": 0, "likes.tsv": 1} {
		want[name] = lines(t, dir, name) - header
	}
	for store, to := range map[string]sqldb.Config{"PostgreSQL": {URL: Postgres(t)}, "SQLite": {File: SQLite(t)}} {
		db, err := sqldb.Open(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, tc := range []struct {
			file   string
			counts []string
		}{
			{"users.tsv", []string{"SELECT count(*) FROM users", "SELECT count(*) FROM username_claims",
				"SELECT count(*) FROM email_claims", "SELECT count(*) FROM imported_ids WHERE kind = 'user'"}},
			{"follows.tsv", []string{"SELECT count(*) FROM follows WHERE active",
				"SELECT sum(follower_count) FROM user_stats", "SELECT sum(following_count) FROM user_stats"}},
			{"tweets.jsonl", []string{"SELECT count(*) FROM tweets", "SELECT sum(tweet_count) FROM user_stats",
				"SELECT count(*) FROM imported_ids WHERE kind = 'tweet'"}},
			{"likes.tsv", []string{"SELECT count(*) FROM reactions WHERE kind = 1",
				"SELECT sum(like_count) FROM tweet_stats", "SELECT sum(revision) FROM tweet_stats"}},
		} {
			for _, q := range tc.counts {
				if got := count(t.Context(), t, db, q); got != want[tc.file] {
					t.Errorf("%s: %s = %d, the file has %d", store, q, got, want[tc.file])
				}
			}
		}
		// With the sums equal, no count can be too high where none is too low.
		for _, kept := range []struct{ rows, key, stats, statsKey, count string }{
			{"follows", "followee_id", "user_stats", "user_id", "follower_count"},
			{"reactions", "tweet_id", "tweet_stats", "tweet_id", "like_count"},
		} {
			q := fmt.Sprintf(`SELECT count(*) FROM (SELECT %[2]s AS id, count(*) AS n FROM %[1]s GROUP BY %[2]s) AS r
				LEFT JOIN %[3]s AS s ON s.%[4]s = r.id WHERE coalesce(s.%[5]s, 0) <> n`,
				kept.rows, kept.key, kept.stats, kept.statsKey, kept.count)
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
