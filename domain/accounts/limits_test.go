package accounts

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// onBoth runs a test on both kinds of database.
func onBoth(t *testing.T, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) { fn(t, dbtest.Open(t, c)) })
}

// newNode returns the accounts of one node.
func newNode(db *sqldb.DB, c clock.Clock, limits Limits) *Accounts {
	client := ent.NewClient(ent.Driver(db.Driver))
	cfg := Config{Hashing: Hashing{Memory: 64, Time: 1}, Limits: limits}
	return New(client, events.New(client, c), nil, c, cfg)
}

// Concurrent attempts on several nodes are counted exactly, and one that a counter refuses counts in no other.
func TestConcurrentAttempts(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		now := clock.NewFake(time.Now())
		limits := Limits{PerAccount: 40, PerAddress: 30, Window: time.Minute}
		nodes := []*Accounts{newNode(db, now, limits), newNode(db, now, limits)}
		try := func(from, name string, tries int) (admitted int64) {
			var n atomic.Int64
			var all sync.WaitGroup
			for i := range tries {
				all.Go(func() {
					l := nodes[i%2].limiter
					switch err := l.admit(t.Context(), l.limits.signIn(from, name)); {
					case err == nil:
						n.Add(1)
					case !errs.Is(err, errs.RateLimited):
						t.Error(err)
					}
				})
			}
			all.Wait()
			return n.Load()
		}
		for round := range 3 {
			var got []int64
			for i := range 6 { // of a pair at most 8
				got = append(got, try(fmt.Sprint("address", i), "victim", 20))
			}
			if fmt.Sprint(got) != "[8 8 8 8 8 0]" {
				t.Errorf("round %d: of the attempts at one account %v were admitted", round, got)
			}
			got = nil
			for i := range 5 {
				got = append(got, try("address0", fmt.Sprint("other", i), 20))
			}
			if fmt.Sprint(got) != "[8 8 6 0 0]" { // and 8 at the victim
				t.Errorf("round %d: of the attempts from one address %v were admitted", round, got)
			}
			now.Add(time.Minute)
		}
	})
}

// A window ends when retryAfter said that it would.
func TestRetryAfter(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		now := clock.NewFake(time.Now())
		l := newNode(db, now, Limits{PerAddress: 2, SignUps: 1, Window: 10 * time.Minute}).limiter
		admit := func(of attempt) *errs.Error {
			err, _ := l.admit(t.Context(), of).(*errs.Error)
			return err
		}
		if admit(l.limits.signIn("home", "ada")) != nil || admit(l.limits.signIn("home", "bob")) != nil {
			t.Error("within the limit it was refused")
		}
		now.Add(4 * time.Minute)
		for range 2 { // the second time from memory
			if e := admit(l.limits.signIn("home", "eve")); e == nil || e.Kind != errs.RateLimited || e.RetryAfter != 6*time.Minute {
				t.Errorf("beyond the limit: %+v", e)
			}
		}
		if admit(l.limits.signUp("home")) != nil || admit(l.limits.signUp("home")) == nil || admit(l.limits.signIn("office", "eve")) != nil {
			t.Error("other counters matter")
		}
		now.Add(6 * time.Minute)
		if e := admit(l.limits.signIn("home", "eve")); e != nil {
			t.Errorf("after the window: %v", e)
		}
	})
}

// Expired rows are removed in batches, known addresses stay. The cleaner does not wait for a row that is locked.
func TestCleaningLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		const many = 2*cleanBatch + 10
		now := clock.NewFake(time.Now())
		a := newNode(db, now, Limits{PerAccount: 5, PerAddress: many + 10, Window: time.Minute})
		left := func() (n int) {
			t.Helper()
			if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM sign_in_limits").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		ada := a.limiter.limits.signIn("home", "ada")
		if err := a.limiter.admit(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		err := a.log.Write(t.Context(), func(ctx context.Context, tx *events.Tx) error { return a.limiter.succeeded(ctx, tx, ada) })
		if err != nil {
			t.Fatal(err)
		}
		for i := range many / 2 { // two rows each, and one for all
			if err := a.limiter.admit(t.Context(), a.limiter.limits.signIn("home", fmt.Sprint("nobody", i))); err != nil {
				t.Fatal(err)
			}
		}
		cleaner := NewLimitCleaner(a)
		clean := func(want int) {
			t.Helper()
			if n, err := cleaner.Clean(t.Context()); err != nil || n != want {
				t.Errorf("%d rows were removed, %v; want %d", n, err, want)
			}
		}
		clean(0)
		now.Add(time.Minute + time.Microsecond)
		if db.IsPostgres() {
			tx, err := db.Writer().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(t.Context(), "SELECT * FROM sign_in_limits WHERE key = $1 FOR UPDATE", ada[0].key); err != nil {
				t.Fatal(err)
			}
			clean(many + 1) // all but the counter of the address, which is locked
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			clean(1)
		} else {
			clean(many + 2)
		}
		if n := left(); n != 1 {
			t.Errorf("%d rows are left, want that of the known address", n)
		}
		now.Add(knownFor)
		clean(1)
	})
}
