package reactions_test

import (
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// Deltas are read by their index, also in a session that has read counts while there were none.
func TestCountsAreReadByIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db := dbtest.Open(t, c)
		if !db.IsPostgres() {
			return // its planner does not look at sizes
		}
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		run := func(query string) {
			t.Helper()
			if _, err := tx.ExecContext(t.Context(), query); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		read := "SELECT likes, revision, deltas FROM roost_tweet_counts(ARRAY[7, 8])"
		run("ANALYZE reaction_deltas, tweet_stats")
		for range 10 { // PostgreSQL keeps a plan from the sixth time on
			run(read)
		}
		run("INSERT INTO reaction_deltas (tweet_id, likes, dislikes, changes) SELECT n % 1000, 1, 0, 2 FROM generate_series(1, 20000) AS n")
		run("INSERT INTO tweet_stats (tweet_id, like_count, revision) SELECT n, 5, 6 FROM generate_series(8, 1007) AS n")
		rows, err := tx.QueryContext(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		for want := range []int64{0, 1} {
			var likes, revision, deltas int64
			if !rows.Next() || rows.Scan(&likes, &revision, &deltas) != nil ||
				likes != 20+5*int64(want) || revision != 40+6*int64(want) || deltas != 20 {
				t.Errorf("tweet %d has %d likes, revision %d and %d deltas", 7+want, likes, revision, deltas)
			}
		}
		_ = rows.Close()
		var whole int64
		if err := tx.QueryRowContext(t.Context(), `SELECT sum(seq_scan) FROM pg_stat_xact_user_tables
			WHERE relname IN ('reaction_deltas', 'tweet_stats')`).Scan(&whole); err != nil || whole != 0 {
			t.Errorf("the tables were read whole %d times: %v", whole, err)
		}
	})
}
