package events_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
)

// node is a process of its own on the rig's PostgreSQL, whose clock is off by so much.
func (r *rig) node(t *testing.T, off time.Duration, watch sqldb.Watch, c events.GroupConfig) *events.Group {
	t.Helper()
	other := open(t, sqldb.Config{URL: r.url, MaxConns: 4, Watch: watch})
	c.Name, c.Poll, c.FromStart = "g", 4*time.Millisecond, true
	g, err := events.NewGroup(other.client, other.db, clock.NewFake(time.Now().Add(off)), c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A node whose clock is minutes ahead, and that dies with a partition, holds that no longer than the lease says.
func TestLeaseOfANodeWhoseClockIsAhead(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeMany(t, 3, 3)
	const lease = 500 * time.Millisecond
	taken, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	dead := r.node(t, 5*time.Minute, nil, events.GroupConfig{Lease: lease, Handler: events.HandlerFunc(
		func(context.Context, *ent.Tx, []events.Entry) error {
			once.Do(func() { close(taken) })
			<-end
			return nil
		})})
	start(t, dead)
	t.Cleanup(func() { close(end) })
	<-taken
	// Its session ends with it.
	r.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")
	start(t, r.node(t, 0, nil, events.GroupConfig{Lease: lease, Handler: effects("g", nil)}))
	r.untilEffects(t, "g", 3)
	r.checkEffects(t, "g", 3)
}

// A node whose clock is minutes ahead does not take what another one holds.
func TestNodeWhoseClockIsAheadTakesNoLease(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeMany(t, 3, 3)
	var looks atomic.Int64
	g := r.node(t, 5*time.Minute, func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
		if strings.HasPrefix(query, "SELECT position") {
			looks.Add(1)
		}
	}, events.GroupConfig{Handler: effects("g", nil)})
	r.exec(t, `INSERT INTO group_partitions (id, group_name, partition, position, owner, leased_until, moved_at)
		VALUES ('g/0', 'g', 0, 0, 'other', clock_timestamp() + interval '1 minute', clock_timestamp())`)
	start(t, g)
	until(t, "it looks for work", func() bool { return looks.Load() >= 20 })
	if owner, n := r.text(t, "SELECT owner FROM group_partitions"), r.int(t, "SELECT COUNT(*) FROM effects"); owner != "other" || n != 0 {
		t.Errorf("the partition is of %q after %d effects", owner, n)
	}
	r.endLeases(t)
	r.untilEffects(t, "g", 3)
}
