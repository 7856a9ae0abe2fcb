package events

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"roost/ent"
	"roost/ent/migrations"
	"roost/ent/tweetstats"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/pgtest"
)

// store is a log over a database of its own.
type store struct {
	*Log
	db     *sqldb.DB
	client *ent.Client
	now    time.Time
}

func newStore(t *testing.T, c sqldb.Config) *store {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test may have stopped its server
	if db.IsPostgres() {
		_, err = migrations.Up(t.Context(), db.Writer())
	} else {
		err = migrations.CreateSQLite(t.Context(), db.Driver)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &store{db: db, client: ent.NewClient(ent.Driver(db.Driver)), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.Log = New(s.client, clock.NewFake(s.now))
	return s
}

func onBoth(t *testing.T, fn func(t *testing.T, s *store)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) { fn(t, newStore(t, c)) })
}

// rows are how many rows of a kind, and events, there are.
func (s *store) rows(t *testing.T) (stats, events int) {
	t.Helper()
	stats, err := s.client.TweetStats.Query().Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events, err = s.client.Event.Query().Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats, events
}

// add writes a row and emits an event of it.
func add(ctx context.Context, tx *Tx, id int64) error {
	tx.Emit(TweetPosted{TweetID: id, AuthorID: 7})
	return tx.TweetStats.Create().SetID(id).SetLikeCount(0).SetDislikeCount(0).SetRevision(0).Exec(ctx)
}

func TestRowsAndEventsCommitTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		var seen []Event
		s.Observe(func(committed []Event) {
			// The rows are there already when observers run.
			if stats, events := s.rows(t); stats != 2 || events != 2 {
				t.Errorf("the observer sees %d rows and %d events", stats, events)
			}
			seen = append(seen, committed...)
		})
		err := s.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
			if !tx.Now.Equal(s.now) {
				t.Errorf("the time is %s", tx.Now)
			}
			return errors.Join(add(ctx, tx, 1), add(ctx, tx, 2))
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) != 2 || seen[0] != (TweetPosted{TweetID: 1, AuthorID: 7}) || seen[1] != (TweetPosted{TweetID: 2, AuthorID: 7}) {
			t.Errorf("observed %v", seen)
		}
		all, err := s.client.Event.Query().Order(ent.Asc("id")).All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range all {
			want := fmt.Sprintf(`{"TweetID":%d,"AuthorID":7,"AuthorVer":0}`, i+1)
			if e.Type != "TweetPosted" || e.Version != 1 || e.Aggregate != int64(i+1) || e.Payload != want || !e.CreatedAt.Equal(s.now) {
				t.Errorf("event %d is %v", i, e)
			}
		}
		// Nothing emitted: observers are not called.
		if err := s.Write(t.Context(), func(context.Context, *Tx) error { return nil }); err != nil || len(seen) != 2 {
			t.Errorf("without events: %v, observed %v", err, seen)
		}
	})
}

// unwritable is an event that cannot be encoded.
type unwritable struct {
	TweetPosted
	C chan int
}

func TestFailedWritesLeaveNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		s.Observe(func(committed []Event) { t.Errorf("observed %v", committed) })
		broken, ended := errors.New("broken"), false
		left, leave := context.WithCancel(t.Context())
		for name, c := range map[string]struct {
			ctx context.Context
			fn  func(ctx context.Context, tx *Tx) error
			is  error
		}{
			"an error":  {t.Context(), func(context.Context, *Tx) error { return broken }, broken},
			"a refusal": {t.Context(), func(context.Context, *Tx) error { return errs.List{errs.New(errs.Taken, "taken")} }, nil},
			"an unknown table": {t.Context(), func(ctx context.Context, tx *Tx) error {
				_, err := tx.Client().ExecContext(ctx, "DELETE FROM nowhere")
				return err
			}, nil},
			"an event that cannot be written": {t.Context(), func(_ context.Context, tx *Tx) error {
				tx.Emit(unwritable{})
				return nil
			}, nil},
			"a caller who leaves": {left, func(context.Context, *Tx) error { leave(); return nil }, context.Canceled},
		} {
			err := s.Write(c.ctx, func(ctx context.Context, tx *Tx) error {
				if err := add(ctx, tx, 1); err != nil {
					return err
				}
				return c.fn(ctx, tx)
			})
			if err == nil || (c.is != nil && !errors.Is(err, c.is)) || errs.Is(err, errs.Unavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		func() {
			defer func() { ended = recover() == "panic" }()
			_ = s.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				if err := add(ctx, tx, 1); err != nil {
					return err
				}
				panic("panic")
			})
		}()
		if stats, events := s.rows(t); stats != 0 || events != 0 || !ended {
			t.Errorf("%d rows and %d events are left", stats, events)
		}
		// No connection is lost.
		for range 20 {
			if err := s.Write(t.Context(), func(context.Context, *Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Transactions that lock the same rows in the opposite order both get through: one is tried again.
func TestDeadlocksAreTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t, sqldb.Config{URL: pgtest.URL(t), MaxConns: 8})
	both := func(ctx context.Context, tx *Tx) error { return errors.Join(add(ctx, tx, 1), add(ctx, tx, 2)) }
	if err := s.Write(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	var tries, seen atomic.Int32
	s.observers = append(s.observers, func(committed []Event) { seen.Add(int32(len(committed))) })
	var met, all sync.WaitGroup
	met.Add(2)
	for i := range int64(2) {
		all.Go(func() {
			own := 0
			err := s.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				tries.Add(1)
				own++
				raise := func(id int64) error {
					return tx.TweetStats.Update().Where(tweetstats.ID(id)).AddLikeCount(1).Exec(ctx)
				}
				if err := raise(1 + i); err != nil {
					return err
				}
				if own == 1 {
					met.Done()
					met.Wait()
				}
				tx.Emit(ReactionSet{TweetID: 1 + i})
				return raise(2 - i)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := s.client.TweetStats.Query().Where(tweetstats.LikeCount(2)).Count(t.Context())
	if err != nil || got != 2 || tries.Load() < 3 || seen.Load() != 2 {
		t.Errorf("%d rows have both changes, after %d tries, %d events seen, %v", got, tries.Load(), seen.Load(), err)
	}
	if _, events := s.rows(t); events != 4 {
		t.Errorf("%d events, want 4", events)
	}
}

func TestTriesAreCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		for err, want := range map[*pq.Error]int{{Code: "40P01"}: attempts, {Code: "40001"}: attempts, {Code: "23505"}: 1, {Code: "57P01"}: 1} {
			tries := 0
			got := s.Write(t.Context(), func(context.Context, *Tx) error {
				tries++
				return fmt.Errorf("write: %w", err)
			})
			if tries != want || !errors.Is(got, err) {
				t.Errorf("%s is tried %d times, want %d: %v", err.Code, tries, want, got)
			}
		}
	})
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	own := errs.New(errs.NotFound, "there is no such tweet")
	for err, want := range map[error]errs.Kind{
		own:                            errs.NotFound,
		&pq.Error{Code: "57P01"}:       errs.Unavailable, // admin_shutdown
		&pq.Error{Code: "53300"}:       errs.Unavailable, // too_many_connections
		&pq.Error{Code: "23505"}:       errs.Internal,    // unique_violation
		context.DeadlineExceeded:       errs.Unavailable,
		context.Canceled:               errs.Internal,
		errors.New("something broken"): errs.Internal,
	} {
		got := Unavailable(fmt.Errorf("ask: %w", err))
		if !errors.Is(got, err) || !errs.Is(got, want) {
			t.Errorf("%v becomes %v, want %s", err, got, want)
		}
		if e, ok := errors.AsType[*errs.Error](got); ok && want == errs.Unavailable && e.RetryAfter <= 0 {
			t.Errorf("%v does not say when to come back", got)
		}
	}
	if Unavailable(nil) != nil {
		t.Error("no error becomes one")
	}
}

// A server that goes away causes UNAVAILABLE, in the middle of a transaction too, and is used again when
// it is back.
func TestServerGoesAndComes(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	s := newStore(t, sqldb.Config{URL: cluster.URL(), MaxConns: 4})
	err := s.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		if err := add(ctx, tx, 1); err != nil {
			return err
		}
		cluster.Kill()
		return add(ctx, tx, 2)
	})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("killed within a transaction: %v", err)
	}
	for range 3 {
		if err := s.Write(t.Context(), func(ctx context.Context, tx *Tx) error { return add(ctx, tx, 3) }); !errs.Is(err, errs.Unavailable) {
			t.Errorf("without a server: %v", err)
		}
	}
	cluster.Start()
	back := func() error {
		return s.Write(t.Context(), func(ctx context.Context, tx *Tx) error { return add(ctx, tx, 4) })
	}
	// Connections of before may be found broken, once each.
	for n := 0; err != nil; n++ {
		if err = back(); err != nil && (n > 4 || !errs.Is(err, errs.Unavailable)) {
			t.Fatalf("the server is back: %v", err)
		}
	}
	if stats, events := s.rows(t); stats != 1 || events != 1 {
		t.Errorf("%d rows and %d events, want what was acknowledged: 1 and 1", stats, events)
	}
}

// Append is for transactions of others.
func TestAppend(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		tx, err := s.db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		name := dialect.SQLite
		if s.db.IsPostgres() {
			name = dialect.Postgres
		}
		client := ent.NewClient(ent.Driver(entsql.NewDriver(name, entsql.Conn{ExecQuerier: tx})))
		imported := RowsImported{Source: "a", File: "b", Rows: 3}
		if err := errors.Join(Append(t.Context(), client, s.now), Append(t.Context(), client, s.now, imported)); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if _, events := s.rows(t); events != 0 {
			t.Errorf("%d events are left of a transaction that was undone", events)
		}
	})
}
