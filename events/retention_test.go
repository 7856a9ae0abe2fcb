package events_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
)

func TestReplay(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var bad atomic.Bool
		bad.Store(true)
		start(t, r.group(t, events.GroupConfig{Attempts: 1, Partitions: 2}, func(e events.Entry) error {
			if e.Seq == 8 && bad.Load() {
				return errors.New("bad")
			}
			return nil
		}))
		start(t, r.group(t, events.GroupConfig{Name: "other"}, nil))
		r.writeMany(t, 10, 4)
		r.untilEffects(t, "g", 9)
		until(t, "a dead letter", func() bool { return r.status(t, "g").Dead == 1 })
		bad.Store(false)

		for _, c := range []struct{ from, more int64 }{{6, 4}, {0, 10}, {10, 0}} {
			r.exec(t, "DELETE FROM effects WHERE grp = 'g'")
			if err := r.admin.Replay(t.Context(), "g", c.from); err != nil {
				t.Fatal(err)
			}
			r.untilEffects(t, "g", c.more)
			until(t, "the group is there again", func() bool { return r.status(t, "g").Lag == 0 })
			r.checkEffects(t, "g", c.more)
			if s := r.status(t, "g"); s.Dead != 0 {
				t.Errorf("from %d: %+v", c.from, s)
			}
		}
		for _, outside := range []int64{-1, 11} {
			if err := r.admin.Replay(t.Context(), "g", outside); !errors.Is(err, events.ErrOutside) {
				t.Errorf("to %d: %v", outside, err)
			}
		}
		if err := r.admin.Replay(t.Context(), "nobody", 0); !errors.Is(err, events.ErrNoGroup) {
			t.Error(err)
		}
		r.untilEffects(t, "other", 10)
		r.checkEffects(t, "other", 10)
	})
}

// A replay in the middle of a batch: what the batch did stays done once, then all comes once more.
func TestReplayFencesWorkUnderWay(t *testing.T) {
	t.Parallel()
	r := onPostgres(t) // on SQLite a batch holds the one writer, and a replay waits
	r.writeMany(t, 6, 2)
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	start(t, r.group(t, events.GroupConfig{Batch: 3}, func(e events.Entry) error {
		if e.Seq == 4 {
			begun <- struct{}{}
			<-goOn
		}
		return nil
	}))
	<-begun
	replayed := make(chan error, 1)
	go func() { replayed <- r.admin.Replay(t.Context(), "g", 0) }()
	until(t, "the replay waits", func() bool {
		return r.int(t, "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") > 0
	})
	close(goOn)
	if err := <-replayed; err != nil {
		t.Fatal(err)
	}
	r.untilEffects(t, "g", 12)
	for seq := int64(1); seq <= 6; seq++ {
		if n := r.int(t, "SELECT COUNT(*) FROM effects WHERE seq = $1", seq); n != 2 {
			t.Errorf("event %d has %d effects", seq, n)
		}
	}
}

// Retention removes what is old and what every group has passed, and says how far it went.
func TestRetention(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		c := events.NewCleaner(r.client, r.db, r.clock, time.Hour)
		clean := func(want, oldest int64) {
			t.Helper()
			n, err := c.Clean(t.Context())
			if err != nil || n != want {
				t.Fatalf("removed %d (%v), want %d", n, err, want)
			}
			if at, err := r.reader.Oldest(t.Context()); err != nil || at != oldest {
				t.Fatalf("the log begins behind %d (%v), want %d", at, err, oldest)
			}
		}
		r.writeMany(t, 10, 2)
		clean(0, 0) // too young
		stop := start(t, r.group(t, events.GroupConfig{Name: "g", Batch: 2}, nil))
		r.untilEffects(t, "g", 10)
		until(t, "the position", func() bool { return r.status(t, "g").Position == 10 })
		r.exec(t, `INSERT INTO group_partitions (id, group_name, partition, position, leased_until, moved_at)
			VALUES ('s/0', 's', 0, 4, $1, $1)`, r.clock.Now())
		r.clock.Add(time.Hour + time.Minute)
		r.write(t, 11, 1)
		r.sequence(t)
		clean(4, 4) // s has not passed more
		r.exec(t, "UPDATE group_partitions SET position = 11 WHERE id = 's/0'")
		r.untilEffects(t, "g", 11)
		until(t, "the position", func() bool { return r.status(t, "g").Position == 11 })
		clean(6, 10) // event 11 is young
		if err := r.admin.Replay(t.Context(), "g", 9); !errors.Is(err, events.ErrOutside) {
			t.Errorf("replay of what is gone: %v", err)
		}
		if from, err := r.admin.Start(t.Context()); err != nil || from != 10 {
			t.Error(from, err)
		}
		r.clock.Add(2 * time.Hour)
		clean(1, 11) // nothing is left
		if head, err := r.reader.Head(t.Context()); err != nil || head != 11 {
			t.Errorf("the head of the empty log is %d (%v)", head, err)
		}
		stop()
		// A new group and new events go on behind it.
		start(t, r.group(t, events.GroupConfig{Name: "g"}, nil))
		start(t, r.group(t, events.GroupConfig{Name: "new"}, nil))
		r.write(t, 12, 1)
		r.sequence(t)
		r.untilEffects(t, "g", 12)
		r.untilEffects(t, "new", 1)
		r.checkEffects(t, "g", 12)
		if s := r.status(t, "new"); s.Lag < 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Events without a seq are not removed, however old.
func TestRetentionLeavesUnsequencedEvents(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeManyUnsequenced(t, 3)
	r.clock.Add(time.Hour)
	c := events.NewCleaner(r.client, r.db, r.clock, time.Minute)
	if n, err := c.Clean(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	r.sequence(t)
	if n, err := c.Clean(t.Context()); n != 3 || err != nil {
		t.Fatal(n, err)
	}
}

// The cleaner works in batches and beside another one, until it is stopped.
func TestCleanersRunBesideEachOther(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.writeBulk(t, 1, 4500)
		r.clock.Add(100 * time.Hour)
		for range 2 {
			start(t, events.NewCleaner(r.client, r.db, r.clock, 0))
		}
		until(t, "all is gone", func() bool { return r.int(t, "SELECT COUNT(*) FROM events") == 0 })
		until(t, "the log reports it", func() bool {
			at, err := r.reader.Oldest(t.Context())
			return err == nil && at == 4500
		})
	})
}

// A cleaner that finds the lock of retention taken leaves, and comes again: it does not wait in a queue.
func TestCleanersDoNotQueue(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeMany(t, 3, 1)
	r.clock.Add(events.DefaultKeep + time.Hour)
	holder, err := r.db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	if _, err := holder.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock($1)", int64(sqldb.LockRetention)); err != nil {
		t.Fatal(err)
	}
	c := events.NewCleaner(r.client, r.db, r.clock, 0)
	if n, err := c.Clean(t.Context()); err != nil || n != 0 {
		t.Errorf("while another cleaner holds the lock it removed %d events: %v", n, err)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Clean(t.Context()); err != nil || n != 3 {
		t.Errorf("afterwards it removed %d events: %v", n, err)
	}
}
