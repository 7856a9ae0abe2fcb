package imports

import (
	"context"
	"sync"
	"testing"
	"time"

	"roost/domain/imports"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/importstest"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// within fails the test unless fn returns in time; its context ends then.
func within(t *testing.T, what string, fn func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := fn(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// waiting is the number of server processes that wait for a lock.
func waiting(t *testing.T, s *importstest.Store) int64 {
	t.Helper()
	return s.Number(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
}

// While an import runs, the workers of several nodes remove old events and an operator replays a group: none of
// them waits for the import.
func TestRetentionBesideAnImport(t *testing.T) {
	t.Parallel()
	s := importstest.NewPostgres(t)
	const old = 5000
	s.Exec(t, `INSERT INTO events (type, version, aggregate, payload, created_at, seq)
		SELECT 'TweetPosted', 1, n, '{}', now() - interval '100 hours', n FROM generate_series(1, $1::bigint) AS n`, old)
	s.Exec(t, "UPDATE log_heads SET seq = $1", old)
	s.Exec(t, `INSERT INTO group_partitions (id, group_name, partition, position, leased_until, moved_at)
		VALUES ('g/0', 'g', 0, $1, now(), now())`, old)

	held, release := make(chan struct{}), make(chan struct{})
	o := s.Options(importstest.Small(t))
	o.Progress = func(imports.Progress) {
		select {
		case <-held:
		default:
			close(held)
			<-release
		}
	}
	var importing sync.WaitGroup
	importing.Go(func() {
		if _, err := imports.Run(t.Context(), o); err != nil {
			t.Error(err)
		}
	})
	defer importing.Wait()
	defer close(release)
	<-held

	const workers = 4
	removed, failed := make([]int64, workers), make([]error, workers)
	var cleaning sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range workers {
		db := dbtest.Open(t, sqldb.Config{URL: s.Config.URL, MaxConns: 4})
		cleaner := events.NewCleaner(ent.NewClient(ent.Driver(db.Driver)), db, clock.Real{}, time.Hour)
		cleaning.Go(func() { removed[i], failed[i] = cleaner.Clean(ctx) })
	}
	cleaning.Wait()
	sum := int64(0)
	for i := range workers {
		sum += removed[i]
		if failed[i] != nil {
			t.Errorf("worker %d: %v", i, failed[i])
		}
	}
	if sum != old {
		t.Errorf("%d events were removed, want %d", sum, old)
	}
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d connections wait for a lock", n)
	}
	within(t, "replay", func(ctx context.Context) error {
		return events.NewAdmin(ent.NewClient(ent.Driver(s.Driver)), s.DB, clock.Real{}).Replay(ctx, "g", old)
	})
}

// Retention at work does not stop an import.
func TestImportBesideRetention(t *testing.T) {
	t.Parallel()
	s := importstest.NewPostgres(t)
	tx, err := s.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock($1)", int64(sqldb.LockRetention)); err != nil {
		t.Fatal(err)
	}
	within(t, "import", func(ctx context.Context) error {
		_, err := imports.Run(ctx, s.Options(importstest.Small(t)))
		return err
	})
}

// An import waits for another one that is about to end, and says so.
func TestImportWaitsForAnother(t *testing.T) {
	t.Parallel()
	s := importstest.NewPostgres(t)
	conn := lockImports(t, s)
	o := s.Options(importstest.Small(t))
	waits := 0
	o.Waiting = func(holder string) {
		if waits++; waits == 1 {
			if holder == "" {
				t.Error("nobody is named who holds the lock")
			}
			unlockImports(t, s, conn)
		}
	}
	within(t, "import", func(ctx context.Context) error {
		_, err := imports.Run(ctx, o)
		return err
	})
	if waits != 1 {
		t.Errorf("the wait is reported %d times", waits)
	}
}
