package rig

import (
	"fmt"
	"strings"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/dbtest"
)

// AwaitInvalidations waits until the consumer group of the cache has replayed the invalidations of all writes so far.
func AwaitInvalidations(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if !db.IsPostgres() {
		return // there is no relay
	}
	apitest.Until(t, "the relay of invalidations is done", func() bool {
		var done bool
		err := db.Writer().QueryRowContext(t.Context(), `SELECT NOT EXISTS (SELECT 1 FROM events WHERE seq IS NULL)
			AND (SELECT position FROM group_partitions WHERE group_name = 'cache') >= (SELECT seq FROM log_heads WHERE id = 1)`).Scan(&done)
		return err == nil && done
	})
}

// OpenURL opens a PostgreSQL database until the test ends.
func OpenURL(t testing.TB, url string) *sqldb.DB {
	t.Helper()
	return dbtest.Open(t, sqldb.Config{URL: url, MaxConns: 4})
}

// ExpectUnavailable fails the test unless the answer is UNAVAILABLE with a time to come back. INTERNAL, an answer to an anonymous
// caller, and half an answer are all wrong.
func ExpectUnavailable(t testing.TB, who, query string, res *apitest.Response) {
	t.Helper()
	if len(res.Errors) == 0 {
		t.Errorf("%s: %s answers without its database: %s", who, query, res.Body)
	}
	for _, e := range res.Errors {
		if after, _ := e.Extensions["retryAfter"].(float64); e.Code() != "UNAVAILABLE" || after < 1 {
			t.Errorf("%s: %s: %s", who, query, res.Body)
		}
	}
}

// ClearCache empties the cache, so that reads need the database.
func ClearCache(t *testing.T, r *apitest.Roost) {
	t.Helper()
	if err := r.App.ClearCache(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Insert writes rows into a table, which is named with its columns.
func Insert(t testing.TB, db *sqldb.DB, into string, rows [][]any) {
	t.Helper()
	for len(rows) > 0 {
		n := min(len(rows), 500)
		var values []string
		var args []any
		for _, row := range rows[:n] {
			marks := make([]string, len(row))
			for i, v := range row {
				args = append(args, v)
				marks[i] = fmt.Sprintf("$%d", len(args))
			}
			values = append(values, "("+strings.Join(marks, ", ")+")")
		}
		_, err := db.Writer().ExecContext(t.Context(), "INSERT INTO "+into+" VALUES "+strings.Join(values, ", "), args...)
		if err != nil {
			t.Fatalf("insert into %s: %v", into, err)
		}
		rows = rows[n:]
	}
}
