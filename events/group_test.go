package events_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/sqldb"
)

func TestGroupsReadAtTheirOwnPositions(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.writeMany(t, 30, 5)
		start(t, r.group(t, events.GroupConfig{Name: "all", Batch: 7}, nil))
		start(t, r.group(t, events.GroupConfig{Name: "none", Types: []string{"UserSignedUp"}}, nil))
		fromNow, err := events.NewGroup(r.client, r.db, r.clock,
			events.GroupConfig{Name: "new", Poll: 4 * time.Millisecond, Handler: effects("new", nil)})
		if err != nil {
			t.Fatal(err)
		}
		start(t, fromNow)
		release := make(chan struct{})
		slow := r.group(t, events.GroupConfig{Name: "slow"}, func(events.Entry) error { <-release; return nil })
		if r.db.IsPostgres() { // on SQLite a handler holds the one writer
			start(t, slow)
		}
		r.untilEffects(t, "all", 30)
		until(t, "the group passes what it does not want", func() bool { return r.status(t, "none").Lag == 0 })
		if r.db.IsPostgres() {
			if s := r.status(t, "slow"); s.Lag != 30 || !s.Oldest.Equal(r.clock.Now()) {
				t.Errorf("the slow group: %+v", s)
			}
		}
		close(release)
		for i := range int64(10) {
			r.write(t, 100+i, 3)
		}
		r.sequence(t)
		r.untilEffects(t, "all", 40)
		r.untilEffects(t, "new", 10)
		r.checkEffects(t, "all", 40)
		r.checkEffects(t, "new", 10)
		r.checkEffects(t, "none", 0)
		until(t, "all positions", func() bool {
			groups, err := r.admin.Groups(t.Context())
			for _, g := range groups {
				if g.Lag != 0 || g.Position != 40 || !g.Oldest.IsZero() {
					return false
				}
			}
			return err == nil && len(groups) >= 3
		})
	})
}

// Several partitions, two workers: all is done once, in order, and both have a share.
func TestPartsSplitTheWork(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		start(t, events.NewSequencer(r.db, func() {}))
		cfg := events.GroupConfig{Partitions: 4, Batch: 3, Poll: 2 * time.Millisecond}
		a, b := r.group(t, cfg, nil), r.group(t, cfg, nil)
		stopA, stopB := start(t, a), start(t, b)
		n := int64(0)
		until(t, "both workers have worked", func() bool {
			for range 40 {
				n++
				r.write(t, n, n%13+1)
			}
			return a.Health().Handled > 0 && b.Health().Handled > 0 || n > 20_000
		})
		r.untilEffects(t, "g", n)
		stopA()
		stopB()
		r.checkEffects(t, "g", n)
		if a.Health().Handled+b.Health().Handled != n {
			t.Errorf("handled %d and %d of %d", a.Health().Handled, b.Health().Handled, n)
		}
		if free := r.int(t, "SELECT COUNT(*) FROM group_partitions WHERE owner = ''"); free != 4 {
			t.Errorf("%d of 4 leases were released", free)
		}
	})
}

// Every aggregate has a partition, also odd ones.
func TestEveryAggregateHasAPart(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		odd := []int64{0, -1, -7, 1<<63 - 1, -1 << 63, 1 << 62, 1 << 22, 1<<22 + 1}
		for i, a := range odd {
			r.write(t, int64(i)+1, a)
		}
		r.sequence(t)
		start(t, r.group(t, events.GroupConfig{Partitions: 3}, nil))
		r.untilEffects(t, "g", int64(len(odd)))
		r.checkEffects(t, "g", int64(len(odd)))
	})
}

func TestPartsDoNotChange(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		start(t, r.group(t, events.GroupConfig{Partitions: 2}, nil))
		start(t, r.group(t, events.GroupConfig{Partitions: 2}, nil))
		for _, partitions := range []int{1, 3} {
			err := r.group(t, events.GroupConfig{Partitions: partitions}, nil).Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), "2 partitions") {
				t.Errorf("%d partitions: %v", partitions, err)
			}
		}
		if n := r.int(t, "SELECT COUNT(*) FROM group_partitions"); n != 2 {
			t.Errorf("%d partitions are left", n)
		}
		handler := effects("x", nil)
		for _, bad := range []events.GroupConfig{{}, {Name: "x"}, {Name: "a/b", Handler: handler}, {Name: "x", Handler: handler, Lease: -1}} {
			if _, err := events.NewGroup(r.client, r.db, r.clock, bad); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
	})
}

// A worker freezes with its lease; when it goes on, another worker has taken the partition and worked on it.
func TestFrozenWorkerDoesNoHarm(t *testing.T) {
	t.Parallel()
	// On SQLite a frozen handler is a frozen process, and there is only one.
	r := onPostgres(t)
	r.writeMany(t, 10, 3)
	frozen, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	cfg := events.GroupConfig{Name: "g", Poll: 4 * time.Millisecond, FromStart: true, Lease: time.Minute}
	// Frozen between its reading and its transaction: the handler of another transaction shows where. A
	// second database handle plays the process.
	other := open(t, sqldb.Config{URL: r.url, MaxConns: 4})
	cfg.Handler = events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
		if err := effects("g", nil)(ctx, tx, batch); err != nil {
			return err
		}
		once.Do(func() { close(frozen) })
		<-goOn
		return nil
	})
	a, err := events.NewGroup(other.client, other.db, r.clock, cfg)
	if err != nil {
		t.Fatal(err)
	}
	start(t, a)
	<-frozen
	// Its session ends, as idle_in_transaction_session_timeout or a lost host would have it.
	r.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()`)
	b := r.group(t, events.GroupConfig{Name: "g", Lease: time.Minute}, nil)
	start(t, b)
	r.write(t, 11, 1)
	r.sequence(t)
	until(t, "the other worker looks", func() bool { return b.Health().Looked > 0 })
	if n := r.int(t, "SELECT COUNT(*) FROM effects"); n != 0 {
		t.Errorf("%d effects while the lease was held", n)
	}
	r.endLeases(t)
	r.untilEffects(t, "g", 11)
	close(goOn)
	r.write(t, 12, 1)
	r.sequence(t)
	r.untilEffects(t, "g", 12)
	r.checkEffects(t, "g", 12)
	if queued := r.int(t, "SELECT COUNT(*) FROM retry_queue"); queued != 0 {
		t.Errorf("%d events are in the retry queue", queued)
	}
}

// A partition that is taken away between two batches: nothing more comes to the worker that had it.
func TestLostLeaseCannotCommit(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.writeMany(t, 4, 2)
		var back atomic.Bool
		g := r.group(t, events.GroupConfig{Batch: 2}, func(e events.Entry) error {
			if e.Seq > 2 && !back.Load() {
				t.Errorf("event %d came to the worker that lost its lease", e.Seq)
			}
			return nil
		})
		// The lease is taken away between two transactions: by a trigger, when the position moves to 2.
		if r.db.IsPostgres() {
			r.exec(t, `CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN NEW.owner = 'thief'; NEW.leased_until = '9999-01-01'; RETURN NEW; END $$`)
			r.exec(t, `CREATE TRIGGER steal BEFORE UPDATE ON group_partitions FOR EACH ROW
				WHEN (NEW.position = 2 AND OLD.position = 0) EXECUTE FUNCTION steal()`)
		} else {
			r.exec(t, `CREATE TRIGGER steal AFTER UPDATE ON group_partitions WHEN NEW.position = 2 AND OLD.position = 0
				BEGIN UPDATE group_partitions SET owner = 'thief', leased_until = '9999-01-01 00:00:00+00:00'; END`)
		}
		start(t, g)
		r.untilEffects(t, "g", 2)
		owner, position := r.text(t, "SELECT owner FROM group_partitions"), r.int(t, "SELECT position FROM group_partitions")
		if owner != "thief" || position != 2 {
			t.Errorf("the partition is of %q at %d", owner, position)
		}
		r.checkEffects(t, "g", 2)
		back.Store(true)
		r.exec(t, "UPDATE group_partitions SET owner = ''")
		r.untilEffects(t, "g", 4)
		r.checkEffects(t, "g", 4)
	})
}

func (r *rig) text(t testing.TB, query string, args ...any) (s string) {
	t.Helper()
	if err := r.db.Writer().QueryRowContext(context.Background(), query, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// Stop waits for the current batch, and releases the lease.
func TestStopDrains(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.writeMany(t, 20, 4)
		begun, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		g := r.group(t, events.GroupConfig{Batch: 5}, func(events.Entry) error {
			once.Do(func() { close(begun) })
			<-goOn
			return nil
		})
		start(t, g)
		<-begun
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := g.Stop(short); err == nil {
			t.Error("Stop did not wait for the batch")
		}
		close(goOn)
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.checkEffects(t, "g", 5)
		owner, position := r.text(t, "SELECT owner FROM group_partitions"), r.int(t, "SELECT position FROM group_partitions")
		if owner != "" || position != 5 {
			t.Errorf("the partition is of %q at %d", owner, position)
		}
		// And it starts again where it was.
		start(t, r.group(t, events.GroupConfig{}, nil))
		r.untilEffects(t, "g", 20)
		r.checkEffects(t, "g", 20)
	})
}

// Whenever a group stops, also just when it takes a partition, no partition stays taken.
func TestStopReleasesEveryPartition(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var written atomic.Int64
		ended := make(chan struct{})
		var writing sync.WaitGroup
		writing.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					n := written.Add(1)
					r.write(t, n, n%97)
					r.sequence(t)
				}
			}
		})
		defer writing.Wait()
		defer close(ended)
		for range soak(40, 400) {
			nothing := events.HandlerFunc(func(context.Context, *ent.Tx, []events.Entry) error { return nil })
			g := r.group(t, events.GroupConfig{Partitions: 4, Poll: time.Millisecond, Handler: nothing}, nil)
			stop := start(t, g)
			mark := written.Load() + rand.Int64N(5)
			until(t, "some work", func() bool { return g.Health().Handled > 0 && written.Load() > mark })
			stop()
			if n := r.int(t, "SELECT COUNT(*) FROM group_partitions WHERE owner <> ''"); n != 0 {
				t.Fatalf("%d partitions are still taken", n)
			}
		}
	})
}

// A group whose events are rare still moves on, in steps.
func TestPositionMovesPastWhatIsNotWanted(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var calls atomic.Int64
		count := events.HandlerFunc(func(context.Context, *ent.Tx, []events.Entry) error {
			calls.Add(1)
			return nil
		})
		g := r.group(t, events.GroupConfig{Types: []string{"UserSignedUp"}, Handler: count}, nil)
		start(t, g)
		r.writeMany(t, 50, 7)
		until(t, "the position", func() bool { return r.status(t, "g").Position == 50 })
		if err := r.log.Write(t.Context(), func(_ context.Context, tx *events.Tx) error {
			tx.Emit(events.UserSignedUp{UserID: 5})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		r.sequence(t)
		until(t, "the one that is wanted", func() bool { return calls.Load() == 1 && r.status(t, "g").Position == 51 })
	})
}

func TestWakeIsFasterThanPoll(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		g := r.group(t, events.GroupConfig{Poll: time.Hour, Partitions: 2}, nil)
		s := events.NewSequencer(r.db, g.Wake)
		start(t, g)
		start(t, s)
		until(t, "the first look", func() bool { return g.Health().Looked > 0 })
		for i := range int64(5) {
			r.write(t, i+1, i)
			s.Wake()
			until(t, fmt.Sprintf("event %d", i+1), func() bool { return r.int(t, "SELECT COUNT(*) FROM effects") == i+1 })
		}
	})
}
