package sqldb

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/internal/errs"
)

// free wants no permit held.
func free(t *testing.T, db *DB, after string) {
	t.Helper()
	for pool, load := range db.Loads() {
		if load.Held != 0 || load.Waiting != 0 {
			t.Fatalf("after %s the %s has %+v", after, pool, load)
		}
	}
}

// held wants that so many permits are held, of all pools together.
func held(t *testing.T, db *DB, while string, want int) {
	t.Helper()
	got := 0
	for _, load := range db.Loads() {
		got += load.Held
	}
	if got != want {
		t.Fatalf("%d permits are held while %s, want %d", got, while, want)
	}
}

// However a statement or a transaction ends, its permit is free again; and as long as it has its connection it has
// its permit, once.
func TestPermitsAreReleased(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		exec(t, db, "INSERT INTO things VALUES (1), (2), (3)")
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx := request(t.Context())
		open := func() *Rows {
			t.Helper()
			rows, err := db.QueryContext(ctx, "SELECT id FROM things ORDER BY id")
			check(err)
			held(t, db, "rows are open", 1)
			return rows
		}
		check(db.Exec(ctx, "INSERT INTO things VALUES (4)", []any{}, nil))
		free(t, db, "a statement")
		if db.Exec(ctx, "INSERT INTO nowhere VALUES (4)", []any{}, nil) == nil {
			t.Error("a bad statement succeeds")
		}
		_, err := db.ExecContext(ctx, "INSERT INTO nowhere VALUES (4)")
		if err == nil {
			t.Error("a bad statement succeeds")
		}
		if _, err := db.QueryContext(ctx, "SELECT id FROM nowhere"); err == nil {
			t.Error("a bad query succeeds")
		}
		free(t, db, "errors")

		rows := open()
		rows.Next()
		check(rows.Close())
		check(rows.Close())
		free(t, db, "rows that were closed early")
		rows = open()
		for rows.Next() {
		}
		check(rows.Err())
		free(t, db, "rows that were read to the end")
		rows = open()
		for rows.NextResultSet() {
		}
		free(t, db, "the last result set")
		into := &entsql.Rows{}
		check(db.Query(ctx, "SELECT id FROM things", []any{}, into))
		held(t, db, "rows of ent are open", 1)
		check(into.Close())
		free(t, db, "rows of ent")
		if db.Query(ctx, "SELECT id FROM things", []any{}, new(int)) == nil || db.Query(ctx, "SELECT 1", "no list", into) == nil {
			t.Error("a query without a place or arguments succeeds")
		}
		free(t, db, "a misuse")

		leaving, leave := context.WithCancel(ctx)
		rows, err = db.QueryContext(leaving, "SELECT id FROM things")
		check(err)
		leave()
		for rows.Next() {
		}
		_ = rows.Close()
		free(t, db, "rows of a reader who left")
		if _, err := db.BeginTx(leaving, nil); err == nil {
			t.Error("a transaction of one who left begins")
		}
		free(t, db, "a transaction that did not begin")
		testTransactions(ctx, t, db)
	})
}

func testTransactions(ctx context.Context, t *testing.T, db *DB) {
	for name, end := range map[string]func(tx dialect.Tx) error{
		"a commit":   dialect.Tx.Commit,
		"a rollback": dialect.Tx.Rollback,
		"a commit, and a rollback to be sure": func(tx dialect.Tx) error {
			defer func() { _ = tx.Rollback() }()
			return tx.Commit()
		},
	} {
		tx, err := db.Tx(ctx)
		if err != nil {
			t.Fatal(err)
		}
		into := &entsql.Rows{}
		if err := tx.Query(ctx, "SELECT id FROM things", []any{}, into); err != nil {
			t.Fatal(err)
		}
		held(t, db, "a transaction reads", 1)
		if err := into.Close(); err != nil {
			t.Fatal(err)
		}
		if err := tx.Exec(ctx, "DELETE FROM things WHERE id = 3", []any{}, nil); err != nil {
			t.Fatal(err)
		}
		held(t, db, "a transaction runs", 1)
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
		free(t, db, name)
	}
	leaving, leave := context.WithCancel(ctx)
	tx, err := db.Tx(leaving)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if tx.Commit() == nil {
		t.Error("a transaction of one who left is committed")
	}
	free(t, db, "a commit of one who left")
}

// A panic between taking a permit and its release returns it.
func TestPermitsOutlivePanics(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Config{File: t.TempDir() + "/p.db", Watch: func(_ context.Context, _ Querier, query string, _ []any) {
		panic(query)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx := request(t.Context())
	for name, run := range map[string]func(){
		"Exec":         func() { _ = db.Exec(ctx, "SELECT 1", []any{}, nil) },
		"ExecContext":  func() { _, _ = db.ExecContext(ctx, "SELECT 1") },
		"Query":        func() { _ = db.Query(ctx, "SELECT 1", []any{}, &entsql.Rows{}) },
		"QueryContext": func() { _, _ = db.QueryContext(ctx, "SELECT 1") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			run()
		}()
		free(t, db, "a panic in "+name)
	}
}

// Requests that hold all of their permits, and many more that wait, leave connections to background work; and those
// that hold one go on, also besides their transaction.
func TestRequestsLeaveRoom(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		permits := db.Loads()["writer"].Permits
		var open []dialect.Tx
		for range permits {
			tx, err := db.BeginTx(request(t.Context()), &sql.TxOptions{})
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, tx)
		}
		waiting, outcome := 20, make(chan error, 20)
		ctx, leave := context.WithCancel(t.Context())
		for range waiting {
			go func() {
				_, err := db.ExecContext(request(ctx), "INSERT INTO things VALUES (1)")
				outcome <- err
			}()
		}
		until(t, "the others to wait", func() bool { return db.Loads()["writer"].Waiting == waiting || len(outcome) > 0 })
		for name, ctx := range map[string]context.Context{
			"of no request": t.Context(), "marked": Background(request(t.Context())),
		} {
			ctx, cancel := context.WithTimeout(ctx, patience)
			rows, err := db.QueryContext(ctx, "SELECT id FROM things")
			if err != nil {
				t.Fatalf("background work %s: %v", name, err)
			}
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
			cancel()
		}
		leave()
		for range waiting {
			if err := <-outcome; err == nil || !errs.Is(err, errs.Unavailable) && ctx.Err() == nil {
				t.Errorf("one who waited while all permits were held got %v", err)
			}
		}
		held(t, db, "transactions are open", permits)
		for _, tx := range open {
			if err := tx.Rollback(); err != nil {
				t.Error(err)
			}
		}
		free(t, db, "all")
	})
}

// The database stays at what its permits allow however much is asked of it, and what it does not refuse is done.
func TestOverload(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		limit := db.permits.read
		limit.queue = 8
		for i := range limit.wait {
			limit.wait[i] = 50 * time.Millisecond
		}
		const clients, each = 60, 15
		outcomes := make(chan error, clients*each)
		for range clients {
			go func() {
				for range each {
					rows, err := db.QueryContext(request(context.Background()), "SELECT id FROM things")
					if err == nil {
						err = rows.Close()
					}
					outcomes <- err
				}
			}()
		}
		done, refused := 0, int64(0)
		for range clients * each {
			switch err := <-outcomes; {
			case err == nil:
				done++
			case errs.Is(err, errs.Unavailable):
				refused++
			default:
				t.Error(err)
			}
		}
		load := limit.load()
		if load.Refused[QueueFull]+load.Refused[WaitedInVain] != refused || done == 0 {
			t.Errorf("%d done and %d refused, of which %v are counted", done, refused, load.Refused)
		}
		if stats := db.read.Stats(); stats.OpenConnections > load.Permits {
			t.Errorf("%d connections for %d permits", stats.OpenConnections, load.Permits)
		}
		free(t, db, "an overload")
	})
}
