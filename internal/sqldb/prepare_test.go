package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

// warm is more often than a statement has to run until connections prepare it.
const warm = 20

const hotQuery = "SELECT n, word FROM things WHERE n = ANY($1)"

// things opens a database with a table, and statements prepared.
func things(t *testing.T, url string, conns int) *sqldb.DB {
	t.Helper()
	db := opened(t, sqldb.Config{URL: url, MaxConns: conns, Prepare: sqldb.PrepareDirect})
	for _, q := range []string{"CREATE TABLE things (n bigint PRIMARY KEY, word text)", "INSERT INTO things VALUES (1, 'one'), (2, 'two')"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// reader is a pool, a connection or a transaction.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func read(ctx context.Context, db reader, query string, args ...any) ([]string, error) {
	type row struct {
		n    int64
		word string
	}
	rows, err := sqldb.ScanAll(ctx, db, query, args, func(r *row) []any { return []any{&r.n, &r.word} })
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = fmt.Sprint(r.n, " ", r.word)
	}
	return out, nil
}

// mustRead reads row 1 so often that the statement is prepared.
func mustRead(t *testing.T, db reader) {
	t.Helper()
	for range warm {
		if got, err := read(t.Context(), db, hotQuery, []int64{1}); err != nil || len(got) != 1 || got[0] != "1 one" {
			t.Fatalf("read %q: %v", got, err)
		}
	}
}

// preparedOn returns how often each prepared statement of a session was run with a plan that was made once, and how often with a
// plan of its own.
func preparedOn(t *testing.T, conn *sql.Conn) map[string][2]int {
	t.Helper()
	type row struct {
		text            string
		generic, custom int
	}
	rows, err := sqldb.ScanAll(t.Context(), conn, "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements", nil,
		func(r *row) []any { return []any{&r.text, &r.generic, &r.custom} })
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]int{}
	for _, r := range rows {
		if _, twice := out[r.text]; twice {
			t.Errorf("a connection prepared %s twice", r.text)
		}
		out[r.text] = [2]int{r.generic, r.custom}
	}
	return out
}

func connOf(t *testing.T, db *sqldb.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A statement that runs often is parsed and planned once for each connection, in transactions as outside of them. Statements
// that run seldom, and those of several statements in one text, are not prepared.
func TestHotStatementsArePlannedOnce(t *testing.T) {
	t.Parallel()
	db := things(t, pgtest.URL(t), 4)
	const insert = "INSERT INTO things VALUES ($1, $2) ON CONFLICT (n) DO NOTHING"
	const both = "UPDATE things SET word = 'one' WHERE n = 1; UPDATE things SET word = 'two' WHERE n = 2"
	for range 2 {
		conn := connOf(t, db)
		mustRead(t, conn)
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustRead(t, tx)
		for range warm {
			if _, err := tx.ExecContext(t.Context(), insert, 1, "uno"); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.ExecContext(t.Context(), both); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t.Context(), conn, "SELECT n, word FROM things WHERE n = $1", 1); err != nil {
			t.Fatal(err)
		}
		got := preparedOn(t, conn)
		if n := got[hotQuery]; n[0] < 2*warm-8 || n[1] > 0 || len(got) != 2 || got[insert][0] < warm-8 {
			t.Errorf("prepared: %v", got)
		}
	}
}

// Without Prepare nothing is prepared.
func TestNothingIsPreparedUnasked(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	things(t, url, 2)
	conn := connOf(t, opened(t, sqldb.Config{URL: url, MaxConns: 2}))
	mustRead(t, conn)
	if got := preparedOn(t, conn); len(got) > 0 {
		t.Errorf("prepared: %v", got)
	}
}

// A connection keeps a bounded number of statements.
func TestPreparedStatementsAreBounded(t *testing.T) {
	t.Parallel()
	conn := connOf(t, things(t, pgtest.URL(t), 2))
	for i := range 200 {
		for range 10 {
			if _, err := read(t.Context(), conn, fmt.Sprintf("SELECT n, word FROM things WHERE n = $1 AND %d = %[1]d", i), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(preparedOn(t, conn)); n != 128 {
		t.Errorf("%d statements are prepared", n)
	}
	mustRead(t, conn)
}

// A request that is cancelled during a prepared statement does not disturb the next one on the same connection: its connection
// is closed.
func TestCancelledPreparedStatements(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db, waiting := things(t, url, 2), heldLock(t, url)
	const lock = "SELECT 1, pg_advisory_lock($1)::text WHERE $2"
	pid := func(conn reader) (pid int) {
		if err := sqldb.ScanOne(t.Context(), conn, "SELECT pg_backend_pid()", nil, &pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	before := pid(db.Writer())
	for range warm {
		if _, err := read(t.Context(), db.Writer(), lock, lockNumber, false); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := read(ctx, db.Writer(), lock, lockNumber, true)
		failed <- err
	}()
	until(t, "the statement waits", func() bool { return waiting() == 1 })
	cancel()
	if err := <-failed; err == nil {
		t.Error("a cancelled statement succeeds")
	}
	until(t, "no server process waits", func() bool { return waiting() == 0 })
	mustRead(t, db.Writer())
	if after := pid(db.Writer()); after == before {
		t.Error("the connection of the cancelled statement is used again")
	}
}

// A statement that runs while rows are open on its connection fails, and does not mix the two answers.
func TestRowsThatAreOpen(t *testing.T) {
	t.Parallel()
	db := things(t, pgtest.URL(t), 2)
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	mustRead(t, tx)
	for _, first := range []string{hotQuery, "SELECT n, word FROM things WHERE n < 3 AND 0 < ALL($1)"} {
		rows, err := tx.QueryContext(t.Context(), first, []int64{1, 2})
		if err != nil || !rows.Next() {
			t.Fatalf("read: %v", err)
		}
		for _, second := range []string{hotQuery, "SELECT n, word FROM things WHERE n = ANY($1) -- another"} {
			if _, err := read(t.Context(), tx, second, []int64{1}); err == nil {
				t.Error("a statement runs while rows are open")
			}
		}
		if !rows.Next() || rows.Next() || rows.Err() != nil {
			t.Errorf("the second row: %v", rows.Err())
		}
		mustRead(t, tx)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}
