package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

const (
	insertThing = "INSERT INTO things VALUES (1)"
	// anyServer lets connections be opened to a standby.
	anyServer = "&target_session_attrs=any"
)

// primaryAndStandby starts two servers with a table.
func primaryAndStandby(t *testing.T) (primary, standby *pgtest.Cluster) {
	t.Helper()
	primary = pgtest.StartCluster(t, pgtest.Options{})
	db := opened(t, sqldb.Config{URL: primary.URL(), MaxConns: 2})
	if _, err := db.Writer().ExecContext(t.Context(), "CREATE TABLE things (id bigint)"); err != nil {
		t.Fatal(err)
	}
	standby = primary.Standby()
	standby.CatchUp(primary)
	return primary, standby
}

// fillPool has a pool of n connections open, and free.
func fillPool(t *testing.T, db *sqldb.DB, n int) {
	t.Helper()
	conns := make([]*sql.Conn, n)
	for i := range conns {
		var err error
		if conns[i], err = db.Writer().Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if open := db.Writer().Stats().OpenConnections; open != n {
		t.Fatalf("%d connections are open, want %d", open, n)
	}
}

// inTx writes a row in a transaction.
func inTx(ctx context.Context, db *sqldb.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(tx.Exec(ctx, insertThing, []any{}, nil), tx.Commit())
}

// A standby and a database that is set to read-only are refused, at once and later.
func TestStandbyIsRefused(t *testing.T) {
	t.Parallel()
	primary, standby := primaryAndStandby(t)
	readOnly := primary.URL() + "&default_transaction_read_only=on"
	for name, url := range map[string]string{"standby": standby.URL(), "read-only": readOnly} {
		_, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, MaxConns: 2})
		if !errors.Is(err, sqldb.ErrNotPrimary) || !sqldb.IsUnavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
		db := opened(t, sqldb.Config{URL: url + anyServer, MaxConns: 2})
		for range 2 { // the second finds a connection in the pool
			if err := db.Check(t.Context()); !errors.Is(err, sqldb.ErrNotPrimary) {
				t.Errorf("%s: check: %v", name, err)
			}
		}
		fillPool(t, db, 2)
		for what, write := range map[string]func() error{
			"a statement": func() error { _, err := db.ExecContext(t.Context(), insertThing); return err },
			"rows": func() error {
				rows, err := db.QueryContext(t.Context(), insertThing+" RETURNING id")
				return errors.Join(err, closed(rows))
			},
		} {
			if err := write(); !errors.Is(err, sqldb.ErrNotPrimary) || !sqldb.IsUnavailable(err) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	db := opened(t, sqldb.Config{URL: standby.URL() + anyServer, MaxConns: 2})
	for range 2 {
		if err := inTx(t.Context(), db); !sqldb.IsUnavailable(err) {
			t.Errorf("a transaction at a standby: %v", err)
		}
	}
}

func closed(rows *sqldb.Rows) error {
	if rows == nil {
		return nil
	}
	return rows.Close()
}

// When the database's address leads to the primary again, connections that were opened to a standby before are left
// at once: transactions do not even notice.
func TestConnectionsToAStandbyAreLeft(t *testing.T) {
	t.Parallel()
	primary, standby := primaryAndStandby(t)
	w, through := newWire(t, standby.URL())
	const conns = 4
	db := opened(t, sqldb.Config{URL: through + anyServer, MaxConns: conns})
	fillPool(t, db, conns)
	w.lead(t, primary.URL())
	var all sync.WaitGroup
	for range conns {
		all.Go(func() {
			if err := inTx(t.Context(), db); err != nil {
				t.Errorf("a transaction: %v", err)
			}
		})
	}
	all.Wait()

	// A statement on its own fails once at most, and not in secret.
	w.lead(t, standby.URL())
	db = opened(t, sqldb.Config{URL: through + anyServer, MaxConns: conns})
	fillPool(t, db, conns)
	w.lead(t, primary.URL())
	if _, err := db.ExecContext(t.Context(), insertThing); !errors.Is(err, sqldb.ErrNotPrimary) {
		t.Errorf("a statement at a standby: %v", err)
	}
	for range 2 * conns {
		if _, err := db.ExecContext(t.Context(), insertThing); err != nil {
			t.Errorf("a statement after that: %v", err)
		}
	}
}

// A check finds a server that was set to read-only under open connections, and leaves it.
func TestCheckLeavesADemotedServer(t *testing.T) {
	t.Parallel()
	old, next := primaryAndStandby(t)
	w, through := newWire(t, old.URL())
	db := opened(t, sqldb.Config{URL: through, MaxConns: 4})
	fillPool(t, db, 4)
	next.Promote()
	w.lead(t, next.URL())
	admin := opened(t, sqldb.Config{URL: old.URL(), MaxConns: 1})
	for _, q := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		if _, err := admin.Writer().ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the check to notice", func() bool { return errors.Is(db.Check(t.Context()), sqldb.ErrNotPrimary) })
	if err := db.Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
	for range 8 {
		var recovered bool
		err := db.Writer().QueryRowContext(t.Context(), "SELECT timeline_id > 1 FROM pg_control_checkpoint()").Scan(&recovered)
		if err != nil || !recovered {
			t.Errorf("a statement reaches the old server (new one: %t): %v", recovered, err)
		}
	}
}
