package migrations

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// upTo brings an empty database to a version.
func upTo(t *testing.T, db *sqldb.DB, version int64) {
	t.Helper()
	p, err := provider(db.Writer(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// A migration that needs a table for itself, beside one long read of it: it tries briefly, again and again, so that
// whoever writes to the table goes on, and is done when the read has ended.
func TestMigrationBesideALongRead(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t) + "&idle_in_transaction_session_timeout=0"
	db := open(t, sqldb.Config{URL: url, MaxConns: 12})
	upTo(t, db, 2) // the third adds a column to user_stats
	exec(t, db.Writer(), "INSERT INTO user_stats (user_id) VALUES (1)")

	read, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Rollback() }()
	var n int
	if err := read.QueryRowContext(t.Context(), "SELECT count(*) FROM user_stats").Scan(&n); err != nil {
		t.Fatal(err)
	}

	var tries, writes atomic.Int64
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		for ctx.Err() == nil {
			if _, err := db.Writer().ExecContext(ctx, "UPDATE user_stats SET tweet_count = tweet_count + 1"); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			writes.Add(1)
		}
	})
	// Of several nodes that migrate one tries, else the others would fill its pauses.
	const nodes = 3
	migrated := make(chan error, nodes)
	var triers [nodes]atomic.Bool
	for i := range nodes {
		all.Go(func() {
			_, err := Run(ctx, db.Writer(), Options{Progress: func(s Progress) {
				if s.Tries > 0 {
					tries.Add(1)
					triers[i].Store(true)
				}
			}})
			migrated <- err
		})
	}
	for until := int64(1); until <= 3; until++ {
		waitFor(ctx, t, "another try", func() bool { return tries.Load() >= until })
		// Between two tries there is time for many writes.
		before := writes.Load()
		waitFor(ctx, t, "others to write between two tries", func() bool { return writes.Load() >= before+20 })
	}
	if err := Check(ctx, db.Writer()); err == nil {
		t.Error("the schema was changed under the read")
	}
	if err := read.Commit(); err != nil {
		t.Fatal(err)
	}
	for range nodes {
		if err := <-migrated; err != nil {
			t.Fatal(err)
		}
	}
	stop()
	trying := 0
	for i := range nodes {
		if triers[i].Load() {
			trying++
		}
	}
	if trying != 1 {
		t.Errorf("%d nodes tried", trying)
	}
	if err := Check(t.Context(), db.Writer()); err != nil {
		t.Errorf("after the migration: %v", err)
	}
	var timeout string
	if err := db.Writer().QueryRowContext(t.Context(), "SHOW lock_timeout").Scan(&timeout); err != nil || timeout != "0" {
		t.Errorf("the connection keeps a lock_timeout of %s, %v", timeout, err)
	}
}

func waitFor(ctx context.Context, t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// A table that stays in use ends the migration after a while, with nothing done.
func TestMigrationGivesUp(t *testing.T) {
	t.Parallel()
	db := open(t, sqldb.Config{URL: pgtest.URL(t), MaxConns: 4})
	upTo(t, db, 2)
	read, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Rollback() }()
	if _, err := read.ExecContext(t.Context(), "SELECT FROM user_stats"); err != nil {
		t.Fatal(err)
	}
	n, err := Run(t.Context(), db.Writer(), Options{LockTimeout: time.Millisecond, Patience: time.Millisecond})
	if n != 0 || !sqldb.IsLockTimeout(err) {
		t.Errorf("%d files applied, %v", n, err)
	}
}

// The long steps of the second migration can be cut off anywhere and be done again.
func TestCutOffMigrationIsDoneAgain(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	upTo(t, db, 1)
	// As a CREATE INDEX CONCURRENTLY leaves it that failed: the name is taken by an index that nobody uses.
	for _, q := range []string{
		"ALTER TABLE events ADD COLUMN seq bigint",
		`INSERT INTO events (type, version, aggregate, payload, created_at, seq)
			SELECT 'TweetPosted', 1, 1, '{}', now(), 1 FROM generate_series(1, 2)`,
	} {
		exec(t, db.Writer(), q)
	}
	_, err := db.Writer().ExecContext(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY events_seq ON events (seq)")
	if err == nil {
		t.Fatal("an index of rows that are not unique was made")
	}
	exec(t, db.Writer(), "DELETE FROM events")
	if _, err := Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	var invalid int
	err = db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM pg_index WHERE NOT indisvalid").Scan(&invalid)
	if err != nil || invalid > 0 {
		t.Errorf("%d indexes are not valid, %v", invalid, err)
	}
	if got := changes(t, db); got != "" {
		t.Errorf("ent would change it:\n%s", got)
	}
}

// Nodes of the release before migration 20 catch up on home timelines with the index that it makes in the place of theirs.
func TestOldNodesUseTheNewIndexOfHome(t *testing.T) {
	t.Parallel()
	db := open(t, sqldb.Config{URL: pgtest.URL(t), MaxConns: 4})
	indexFor := func() string {
		t.Helper()
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		for _, set := range []string{"SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off"} {
			if _, err := tx.ExecContext(t.Context(), set); err != nil {
				t.Fatal(err)
			}
		}
		var plan string
		if err := tx.QueryRowContext(t.Context(), `EXPLAIN (FORMAT JSON) SELECT seq FROM events WHERE seq > 1 AND seq <= 9 AND type IN
			('TweetPosted', 'TweetDeleted', 'TweetRetweeted', 'RetweetUndone', 'UserFollowed', 'UserUnfollowed', 'RowsImported')
			ORDER BY seq LIMIT 5`).Scan(&plan); err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(plan, `"Index Name": "`)
		name, _, _ = strings.Cut(name, `"`)
		return name
	}
	upTo(t, db, 19)
	if got := indexFor(); got != "events_home" {
		t.Errorf("before migration 20 the index is %q", got)
	}
	upTo(t, db, 20)
	if got := indexFor(); got != "events_of_home" {
		t.Errorf("after migration 20 the index is %q", got)
	}
}
