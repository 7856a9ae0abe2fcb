package events_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"roost/events"
)

func TestPositionsOfEpochs(t *testing.T) {
	t.Parallel()
	const largest = 1<<43 - 1
	for _, c := range []struct{ epoch, seq int64 }{{0, 0}, {0, 7}, {1, 0}, {1<<20 - 1, largest}} {
		if p := events.At(c.epoch, c.seq); p.Epoch() != c.epoch || p.Seq() != c.seq || p < 0 {
			t.Errorf("%v became %d of %d, %d", c, p.Seq(), p.Epoch(), p)
		}
	}
	at := events.At(5, 10)
	for p, want := range map[events.Position]bool{
		at: true, events.At(5, 9): true, events.At(5, 11): false, events.At(4, 3): false, events.At(6, 3): false,
	} {
		if got := at.Covers(p); got != want {
			t.Errorf("a reader at %d of %d covers %d of %d: %v", at.Seq(), at.Epoch(), p.Seq(), p.Epoch(), got)
		}
	}
}

// Whoever saw another epoch first has the process enter it; a read that began before says nothing any more.
func TestEpochsAreEnteredOnce(t *testing.T) {
	t.Parallel()
	var e events.Epochs
	var entered []string
	e.Enter(func(before, now events.Epoch) { entered = append(entered, fmt.Sprint(before.Number, now.Number)) })
	e.See(e.Look(), events.Epoch{Number: 1})
	slow, other := e.Look(), e.Look()
	e.See(other, events.Epoch{Number: 2, Since: 7})
	if now := e.See(slow, events.Epoch{Number: 1}); now.Number != 2 {
		t.Errorf("a read from before took the process back to epoch %d", now.Number)
	}
	e.See(e.Look(), events.Epoch{}) // of a log that says nothing
	if want := []string{"0 1", "1 2"}; !slices.Equal(entered, want) || e.Changes() != 1 || e.Now().Since != 7 {
		t.Errorf("entered %v, %d changes, now %v", entered, e.Changes(), e.Now())
	}
}

// goBack brings the database to the state when the log ended at a seq. With a lineage of another
// server PostgreSQL notices; without, as after a restored snapshot of its files, it cannot.
func (r *rig) goBack(t *testing.T, to int64, noticed bool) {
	t.Helper()
	r.exec(t, "DELETE FROM events WHERE seq > $1 OR seq IS NULL", to)
	r.exec(t, "UPDATE log_heads SET seq = $1", to)
	if noticed {
		r.exec(t, "UPDATE log_heads SET lineage = 'of another server'")
	}
}

// A database that is not what it was begins one new epoch, whoever asks first and however many ask at once, binaries from
// before epochs among them. Groups are put back to the end of the log.
func TestEpochBeginsWithAnotherDatabase(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeMany(t, 5, 5)
	epoch := func() events.Epoch {
		e, err := events.CurrentEpoch(t.Context(), r.db)
		if err != nil {
			t.Error(err)
		}
		return e
	}
	first := epoch()
	if again := epoch(); first.Number == 0 || again != first {
		t.Fatalf("epoch %v, then %v", first, again)
	}
	r.exec(t, `INSERT INTO group_partitions (id, group_name, partition, position, leased_until, moved_at)
		VALUES ('g/0', 'g', 0, 5, now(), now())`)
	r.goBack(t, 3, true)
	var all sync.WaitGroup
	seen := make([]events.Epoch, 8)
	for i := range seen {
		all.Go(func() {
			if i%2 == 0 {
				_, err := r.db.Writer().ExecContext(t.Context(), "SELECT assigned FROM roost_sequence(100, 0)")
				if err != nil {
					t.Error(err)
				}
			}
			seen[i] = epoch()
		})
	}
	all.Wait()
	for _, e := range seen {
		if e != seen[0] || e.Number == first.Number || e.Since != 3 {
			t.Errorf("after %v came %v", first, seen)
			break
		}
	}
	if at := r.int(t, "SELECT position FROM group_partitions"); at != 3 {
		t.Errorf("the group is at %d of a log that ends at 3", at)
	}
	if e, err := r.admin.NewEpoch(t.Context()); err != nil || e.Number == seen[0].Number || e != epoch() {
		t.Errorf("by hand: %v, %v", e, err)
	}
}

// A follower goes on where the new epoch of a log began that went back, however far it has regrown, and says so once.
func TestFollowerOfALogThatWentBack(t *testing.T) {
	t.Parallel()
	for name, noticed := range map[string]bool{"another server": true, "the same server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := onPostgres(t)
			r.writeMany(t, 10, 3)
			f := follow(t, r, nil)
			r.writeMany(t, 10, 3)
			f.Wake()
			until(t, "the log to be applied", func() bool { return f.Position().Seq() == 20 })
			before := f.Position().Epoch()
			r.goBack(t, 5, noticed)
			if noticed { // even beyond where it was
				r.writeMany(t, 30, 3)
			} else {
				r.writeMany(t, 2, 3)
			}
			head := r.int(t, "SELECT seq FROM log_heads")
			f.Wake()
			until(t, "the follower to be in the new epoch", func() bool {
				at := f.Position()
				return at.Epoch() != before && at.Seq() == head
			})
			f.mu.Lock()
			defer f.mu.Unlock()
			restarts, since := 0, int64(0)
			for _, b := range f.batches {
				if b.Restart {
					restarts, since = restarts+1, b.To
				}
			}
			// What came before a node could find out belongs to the epoch before: it is read from SQL, all of it.
			if want := map[bool]int64{true: 5, false: head}[noticed]; restarts != 1 || since != want {
				t.Errorf("%d restarts, the last at %d, want one at %d", restarts, since, want)
			}
			if got, want := f.seqs[10:], head-since; int64(len(got)) != want {
				t.Errorf("%d events were applied in the new epoch, %v, want %d", len(got), got, want)
			}
		})
	}
}

// A call of CatchUp returns even when the log does not reach the awaited seq any more.
func TestCatchUpOfALogThatWentBack(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeMany(t, 10, 3)
	held, release := make(chan struct{}), make(chan struct{})
	f := follow(t, r, sync.OnceFunc(func() {
		close(held)
		<-release
	}))
	r.writeMany(t, 10, 3)
	f.Wake()
	done := make(chan error, 1)
	<-held
	go func() { done <- f.CatchUp(t.Context()) }()
	r.write(t, 1, 1)
	close(release)
	r.goBack(t, 5, true)
	until(t, "CatchUp", func() bool {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return true
		default:
			f.Wake()
			return false
		}
	})
	if err := f.CatchUp(t.Context()); err != nil {
		t.Error(err)
	}
}

// A worker has read past events that no group handles, and its database goes back meanwhile: it must not skip the events that get
// the same seqs.
func TestGroupInALogThatWentBack(t *testing.T) {
	t.Parallel()
	for name, regrown := range map[string]bool{"that has regrown": true, "that ends below": false} {
		for how, giveBack := range map[string]bool{"releases the partition": true, "handles a batch": false} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				r := onPostgres(t)
				g := r.group(t, events.GroupConfig{Types: []string{"RowsImported"}}, nil)
				start(t, g)()
				r.writeMany(t, 20, 3)
				l, err := events.TakePartition(t.Context(), g)
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Look(t.Context()); err != nil { // through all of them
					t.Fatal(err)
				}
				r.goBack(t, 0, true)
				imported := func() {
					for i := range int64(15) {
						err := events.Append(t.Context(), r.client, r.clock.Now(), events.RowsImported{File: fmt.Sprint(i)})
						if err != nil {
							t.Fatal(err)
						}
					}
					r.sequence(t)
				}
				if regrown {
					imported()
					r.writeMany(t, 20, 3)
				}
				if giveBack {
					err = l.Release(t.Context())
				} else if err = l.Handle(t.Context()); errors.Is(err, events.ErrLost) && regrown {
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
				if !regrown {
					imported()
				}
				r.endLeases(t)
				start(t, r.group(t, events.GroupConfig{Types: []string{"RowsImported"}}, nil))
				r.untilEffects(t, "g", 15)
				r.checkEffects(t, "g", 15)
			})
		}
	}
}
