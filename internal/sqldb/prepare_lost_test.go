package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

// hostile is something that makes prepared statements useless.
type hostile struct {
	name string
	do   func(t *testing.T, db *sql.DB, conn *sql.Conn)
	// repeats is true if a transaction fails when this happens in the middle of it, and may be repeated.
	repeats bool
}

var hostiles = []hostile{
	{"DEALLOCATE ALL", func(t *testing.T, _ *sql.DB, conn *sql.Conn) { must(t, conn, "DEALLOCATE ALL") }, true},
	{"DISCARD PLANS", func(t *testing.T, _ *sql.DB, conn *sql.Conn) { must(t, conn, "DISCARD PLANS") }, false},
	{"a column of another type", func(t *testing.T, db *sql.DB, _ *sql.Conn) {
		must(t, db, "ALTER TABLE things ALTER COLUMN word TYPE varchar(20)")
	}, true},
	{"a new column", func(t *testing.T, db *sql.DB, _ *sql.Conn) { must(t, db, "ALTER TABLE things ADD COLUMN more text") }, false},
	{"a table that was made anew", func(t *testing.T, db *sql.DB, _ *sql.Conn) {
		must(t, db, "ALTER TABLE things RENAME TO older")
		must(t, db, "CREATE TABLE things (n bigint, word text)")
		must(t, db, "INSERT INTO things VALUES (1, 'one')")
	}, false},
}

func must(t *testing.T, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Errorf("%s: %v", query, err)
	}
}

// Whatever happens to prepared statements, no statement outside of transactions fails, and a transaction fails only with an error
// after which it is repeated; the repeated one succeeds.
func TestLostPreparedStatements(t *testing.T) {
	t.Parallel()
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			db, other := things(t, url, 2), opened(t, sqldb.Config{URL: url, MaxConns: 2})
			conn := connOf(t, db)
			mustRead(t, conn)
			h.do(t, other.Writer(), conn)
			mustRead(t, conn)
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		})
		t.Run(h.name+" in a transaction", func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			db, other := things(t, url, 2), opened(t, sqldb.Config{URL: url, MaxConns: 2})
			conn := connOf(t, db)
			mustRead(t, conn)
			tx, err := conn.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			h.do(t, other.Writer(), conn)
			_, err = read(t.Context(), tx, hotQuery, []int64{1})
			if h.repeats != sqldb.IsRetryable(err) || !h.repeats && err != nil {
				t.Errorf("a transaction: %v", err)
			}
			if err := errors.Join(tx.Rollback(), conn.Close()); err != nil {
				t.Error(err)
			}
			tx2, err := db.Writer().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			mustRead(t, tx2)
			if err := tx2.Commit(); err != nil {
				t.Error(err)
			}
		})
	}
}

// All connections of the pool forget their statements at the first loss, so a transaction that is repeated on another one succeeds.
func TestOneLossRenewsAllConnections(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := things(t, url, 4)
	one, two := connOf(t, db), connOf(t, db)
	mustRead(t, one)
	mustRead(t, two)
	must(t, one, "ALTER TABLE things ALTER COLUMN word TYPE varchar(20)")
	mustRead(t, one)
	tx, err := two.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	mustRead(t, tx)
	if err := errors.Join(tx.Commit(), one.Close(), two.Close()); err != nil {
		t.Fatal(err)
	}
	fresh := connOf(t, db)
	mustRead(t, fresh)
	if got := preparedOn(t, fresh); len(got) != 1 {
		t.Errorf("a new connection has prepared %v", got)
	}
}

// Statements that vanish again and again are not prepared any more.
func TestPreparingEndsAfterRepeatedLosses(t *testing.T) {
	t.Parallel()
	db := things(t, pgtest.URL(t), 2)
	for range 5 {
		conn := connOf(t, db)
		mustRead(t, conn)
		must(t, conn, "DEALLOCATE ALL")
		mustRead(t, conn)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	conn := connOf(t, db)
	mustRead(t, conn)
	if got := preparedOn(t, conn); len(got) > 0 {
		t.Errorf("prepared: %v", got)
	}
}

// While other sessions are ended and tables change under prepared statements, reads go on without an error.
func TestReadsGoOnWhileSessionsEnd(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db, other := things(t, url, 6), opened(t, sqldb.Config{URL: url, MaxConns: 2})
	var all sync.WaitGroup
	var runs atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := read(t.Context(), db.Writer(), hotQuery, []int64{1}); err != nil || len(got) != 1 {
					t.Errorf("read %q: %v", got, err)
					return
				}
				runs.Add(1)
			}
		})
	}
	more := func() {
		until(t, "more reads", func(from int64) func() bool { return func() bool { return runs.Load() > from+200 } }(runs.Load()))
	}
	more()
	for i, q := range []string{
		"ALTER TABLE things ALTER COLUMN word TYPE varchar(20)",
		// Sessions that run nothing: what runs would fail without preparing, too.
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND state = 'idle'`,
		"ALTER TABLE things ALTER COLUMN word TYPE text",
	} {
		must(t, other.Writer(), q)
		more()
		if t.Failed() {
			t.Errorf("after step %d", i)
			break
		}
	}
	close(stop)
	all.Wait()
}

// A server that is restarted has none of the statements that its predecessor had.
func TestPreparedStatementsAfterARestart(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	db := things(t, cluster.URL(), 4)
	mustRead(t, db.Writer())
	for _, end := range []func(){cluster.Stop, cluster.Kill} {
		end()
		cluster.Start()
		mustRead(t, db.Writer())
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustRead(t, tx)
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
}
