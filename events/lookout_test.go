package events_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
)

// relying is a process whose follower and group rely on the lookout of its sequencer. Unless wakes is set, no wake-up ever comes.
type relying struct {
	*rig
	sequencer *events.Sequencer
	follower  *followed
	group     *events.Group
	wakes     bool
	// reads counts the statements of the follower and the group.
	reads atomic.Int64
}

// rely starts a process on the database of a rig.
func rely(t *testing.T, r *rig) *relying {
	t.Helper()
	p := newRelying(t, r, nil)
	p.start(t)
	return p
}

// newRelying makes a process with connections of its own. hook runs before the effects of each event and may be nil.
func newRelying(t *testing.T, r *rig, hook func(events.Entry) error) *relying {
	t.Helper()
	p := &relying{}
	p.rig = open(t, sqldb.Config{URL: r.url, MaxConns: 8, Watch: func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
		if !strings.Contains(query, "pg_locks") && !strings.Contains(query, "COALESCE((SELECT id FROM events") {
			p.reads.Add(1) // the others are sweeps of the sequencer
		}
	}})
	p.sequencer = events.NewSequencer(p.db, func() {
		if p.wakes {
			p.follower.Wake()
			p.group.Wake()
		}
	})
	p.follower = newFollowed(t, p.rig, nil)
	p.group = p.rig.group(t, events.GroupConfig{Backoff: time.Minute}, hook)
	p.follower.Rely(p.sequencer.Lookout())
	p.group.Rely(p.sequencer.Lookout())
	return p
}

func (p *relying) start(t *testing.T) {
	t.Helper()
	start(t, p.sequencer)
	start(t, p.follower)
	start(t, p.group)
}

// untilQuiet waits until the readers have left everything to the lookout, for three looks in a row.
func (p *relying) untilQuiet(t *testing.T) {
	t.Helper()
	last, since, looks, age := int64(-1), 0, 0, time.Duration(0)
	until(t, "the readers leave everything to the lookout", func() bool {
		now := p.sequencer.Age()
		if now < age { // it has looked in between
			looks++
		}
		age = now
		if n := p.reads.Load(); n != last {
			last, since = n, looks
		}
		return looks-since >= 3
	})
}

// While nothing happens the readers ask the database nothing, although the group polls each 4 ms: the lookout looks for them.
func TestLookoutSparesStatements(t *testing.T) {
	t.Parallel()
	rely(t, onPostgres(t)).untilQuiet(t)
}

// What is committed and sequenced without any wake-up is found: by a writer that dies, or by a node whose message is lost. It is
// handled once, and the readers then look for themselves for a while, because the next wake-up may be lost, too.
func TestLookoutFindsWhatNobodyAnnounced(t *testing.T) {
	t.Parallel()
	for name, sequenced := range map[string]bool{"nobody sequences it": false, "another node sequences it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := onPostgres(t)
			p := rely(t, other)
			p.untilQuiet(t)
			before := p.reads.Load()
			other.write(t, 1, 1, 2, 3)
			if sequenced {
				other.sequence(t)
			}
			until(t, "the events are applied", func() bool { return p.follower.Position().Seq() == 3 })
			p.untilEffects(t, "g", 3)
			p.checkEffects(t, "g", 3)
			until(t, "the readers look for themselves", func() bool { return p.reads.Load() > before+100 })
		})
	}
}

// Due events of the retry queue are tried while the log does not grow, and although no wake-up was lost.
func TestLookoutFindsRetries(t *testing.T) {
	t.Parallel()
	var worked atomic.Bool
	p := newRelying(t, onPostgres(t), func(events.Entry) error {
		if !worked.Load() {
			return errors.New("not yet")
		}
		return nil
	})
	p.log.Observe(func([]events.Event) { p.sequencer.Wake() })
	p.wakes = true
	p.start(t)
	p.untilQuiet(t)
	p.write(t, 1, 1)
	until(t, "the event waits in the retry queue", func() bool { return p.int(t, "SELECT COUNT(*) FROM retry_queue") == 1 })
	p.untilQuiet(t)
	worked.Store(true)
	p.clock.Add(2 * time.Minute)
	p.untilEffects(t, "g", 1)
}

// A lookout that does not look any more is no promise: the readers look for themselves as they did before.
func TestReadersOutliveTheirLookout(t *testing.T) {
	t.Parallel()
	other := onPostgres(t)
	p := rely(t, other)
	p.untilQuiet(t)
	if err := p.sequencer.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.write(t, 1, 1, 2)
	other.sequence(t)
	until(t, "the events are applied", func() bool { return p.follower.Position().Seq() == 2 })
	p.untilEffects(t, "g", 2)
	p.checkEffects(t, "g", 2)
}

// All connections of the process are ended while it is quiet. The next look fails, and the ones after it find everything.
func TestLookoutAfterItsConnectionsWereEnded(t *testing.T) {
	t.Parallel()
	other := onPostgres(t)
	p := rely(t, other)
	p.untilQuiet(t)
	other.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	other.write(t, 1, 1, 2)
	until(t, "the events are applied", func() bool { return p.follower.Position().Seq() == 2 })
	p.untilEffects(t, "g", 2)
	p.checkEffects(t, "g", 2)
}
