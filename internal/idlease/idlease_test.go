package idlease

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// onBoth runs a test on either kind of database.
func onBoth(t *testing.T, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) { fn(t, dbtest.Open(t, c)) })
}

// occupy assigns every node number but the free ones to another owner, who keeps it.
func occupy(t *testing.T, db *sqldb.DB, free func(node int) bool) {
	t.Helper()
	for node := range ids.Nodes {
		if free(node) {
			continue
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO id_leases VALUES ($1, 'somebody', $2)", node, int64(ids.MaxMillis)); err != nil {
			t.Fatal(err)
		}
	}
}

// Generators that share few node numbers, with clocks that disagree and run off, never make an id twice.
func TestGeneratorsOfOneTableNeverCollide(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		occupy(t, db, func(node int) bool { return node%32 == 0 })
		const generators, rounds, each = 10, 6, 200
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		made := make([][]int64, generators)
		var all sync.WaitGroup
		for i := range generators {
			// Up to four minutes apart, which is two spans.
			c := clock.NewFake(now.Add(time.Duration(i%5) * time.Minute))
			all.Go(func() {
				for round := range rounds {
					// A process that comes and goes: each round is a new owner, half of them go on with a grant.
					g := ids.NewGenerator(c, New(db))
					for n := 0; n < each; {
						id, err := g.Next(t.Context())
						if errs.Is(err, errs.Unavailable) {
							c.Add(time.Minute) // those ahead have all numbers
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}
						made[i] = append(made[i], id)
						if n++; n == each/2 {
							c.Add(time.Duration(round*50) * time.Second)
							if err := g.Renew(t.Context()); err != nil && !errs.Is(err, errs.Unavailable) {
								t.Error(err)
								return
							}
						}
					}
					c.Add(3 * time.Minute) // beyond what was granted: others may take it over
				}
			})
		}
		all.Wait()
		flat := slices.Concat(made...)
		slices.Sort(flat)
		if n := len(slices.Compact(slices.Clone(flat))); n != len(flat) || n != generators*rounds*each {
			t.Errorf("of %d ids %d are different, want %d", len(flat), n, generators*rounds*each)
		}
	})
}

func TestTakingOver(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		ctx, first, second := t.Context(), New(db), New(db)
		g, ok, err := first.take(ctx, 5, 1000, 2000)
		if want := (ids.Grant{Node: 5, After: -1, Until: 2000}); err != nil || !ok || g != want {
			t.Fatalf("a free number: %+v, %v, %v", g, ok, err)
		}
		for _, now := range []int64{0, 1500, 2000} {
			if g, ok, err := second.take(ctx, 5, now, now+1000); err != nil || ok {
				t.Errorf("at %d it is taken over: %+v, %v", now, g, err)
			}
		}
		if ok, err := second.extend(ctx, 5, 3000); err != nil || ok {
			t.Errorf("somebody else extends it: %v", err)
		}
		if ok, err := first.extend(ctx, 5, 1500); err != nil || ok {
			t.Errorf("it is extended backwards: %v", err)
		}
		g, ok, err = second.take(ctx, 5, 2001, 4000)
		if want := (ids.Grant{Node: 5, After: 2000, Until: 4000}); err != nil || !ok || g != want {
			t.Errorf("behind its ceiling: %+v, %v, %v", g, ok, err)
		}
		if ok, err := first.extend(ctx, 5, 5000); err != nil || ok {
			t.Errorf("who lost it extends it: %v", err)
		}
		if ok, err := second.extend(ctx, 5, 5000); err != nil || !ok {
			t.Errorf("its owner cannot extend it: %v", err)
		}
	})
}

// Of many who want one number at once one gets it.
func TestOneOfManyTakesANumber(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		for round := range int64(10) {
			var mu sync.Mutex
			var all sync.WaitGroup
			winners := 0
			for range 8 {
				all.Go(func() {
					_, ok, err := New(db).take(context.Background(), 9, round*1000+1, (round+1)*1000)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if ok {
						winners++
					}
				})
			}
			all.Wait()
			if winners != 1 {
				t.Fatalf("round %d: %d got it", round, winners)
			}
		}
	})
}

// A generator whose lease was taken over while it slept goes on with another number.
func TestLostLease(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		occupy(t, db, func(node int) bool { return node == 100 || node == 130 })
		if _, err := db.ExecContext(t.Context(), "DELETE FROM id_leases WHERE node % 32 = 1"); err != nil {
			t.Fatal(err)
		}
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		sleeper := ids.NewGenerator(c, New(db))
		before, err := sleeper.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Add(time.Hour)
		if _, err := db.ExecContext(t.Context(), "UPDATE id_leases SET owner = 'another', ceiling = $1 WHERE owner <> 'somebody'",
			ids.Millis(c.Now())+span); err != nil {
			t.Fatal(err)
		}
		after, err := sleeper.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		node := func(id int64) int64 { return id >> 12 & 1023 }
		if node(before) == node(after) || after <= before {
			t.Errorf("ids %d of node %d, then %d of node %d", before, node(before), after, node(after))
		}
		var owner string
		if err := db.Writer().QueryRowContext(t.Context(), "SELECT owner FROM id_leases WHERE node = $1", node(before)).
			Scan(&owner); err != nil || owner != "another" {
			t.Errorf("the lost number is of %q, %v", owner, err)
		}
	})
}

func TestNoFreeNumber(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		occupy(t, db, func(int) bool { return false })
		if g, err := New(db).Grant(t.Context(), 1000, nil); err == nil {
			t.Errorf("granted %+v", g)
		}
	})
}

// A database that went back to before a lease was taken has no row of it. A generator in doubt takes its number again, or
// another one if somebody else has it by then, and its ids go on growing.
func TestForgottenLease(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sqldb.DB) {
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		g := ids.NewGenerator(c, New(db))
		next := func() (int64, int) {
			t.Helper()
			id, err := g.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return id, int(id >> 12 & ids.Nodes)
		}
		first, node := next()
		for _, by := range []string{"", "somebody"} {
			if _, err := db.ExecContext(t.Context(), "DELETE FROM id_leases"); err != nil {
				t.Fatal(err)
			}
			if by != "" {
				_, err := db.ExecContext(t.Context(), "INSERT INTO id_leases VALUES ($1, $2, $3)", node, by, int64(ids.MaxMillis))
				if err != nil {
					t.Fatal(err)
				}
			}
			g.Doubt()
			id, at := next()
			if id <= first || (at == node) != (by == "") {
				t.Errorf("number %d, which %q has by now: id %d after %d, with number %d", node, by, id, first, at)
			}
			var owners int
			if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM id_leases WHERE node = $1 AND owner <> 'somebody'", at).
				Scan(&owners); err != nil || owners != 1 {
				t.Errorf("the database has %d leases of the number in use, %v", owners, err)
			}
			first = id
		}
	})
}
