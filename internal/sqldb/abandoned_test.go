package sqldb_test

import (
	"context"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/testtime"
)

// lockNumber is an advisory lock that statements of these tests wait for.
const lockNumber = 42

// heldLock holds the lock until the test ends, and returns a count of the server processes that wait for it.
func heldLock(t *testing.T, url string) (waiting func() int) {
	t.Helper()
	db := opened(t, sqldb.Config{URL: url, MaxConns: 2})
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_lock($1)", lockNumber); err != nil {
		t.Fatal(err)
	}
	return func() (n int) {
		t.Helper()
		err := conn.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func opened(t *testing.T, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	testtime.Until(t, what, condition)
}

// A statement that the client abandons after Config.Patience ends at the server as well.
func TestAbandonedStatementsEndAtTheServer(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	waiting := heldLock(t, url)
	db := opened(t, sqldb.Config{URL: url, MaxConns: 4, Patience: 2 * time.Second})
	for range 3 {
		if _, err := db.Writer().ExecContext(t.Context(), "SELECT pg_advisory_lock($1)", lockNumber); !sqldb.IsUnavailable(err) {
			t.Errorf("a statement that waits for ever: %v", err)
		}
	}
	until(t, "no server process waits", func() bool { return waiting() == 0 })
}

// So does one whose client is gone without a word, as a node is that was killed.
func TestStatementsOfDeadClientsEnd(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	waiting := heldLock(t, url)
	w, through := newWire(t, url)
	db := opened(t, sqldb.Config{URL: through, MaxConns: 4})
	conn, err := db.Writer().Conn(t.Context()) // a pool would try again on another connection
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	failed := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(context.Background(), "SELECT pg_advisory_lock($1)", lockNumber)
		failed <- err
	}()
	until(t, "the statement waits", func() bool { return waiting() == 1 })
	w.cut()
	if err := <-failed; err == nil {
		t.Error("a statement on a connection that was cut succeeds")
	}
	until(t, "no server process waits", func() bool { return waiting() == 0 })
}
