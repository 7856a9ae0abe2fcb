package events_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

// The database goes away in the middle of a drain, in order and not: nothing is lost, nothing goes to the retry queue, and
// the group goes on by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	c := pgtest.StartCluster(t, pgtest.Options{})
	if err := build(c.URL()); err != nil {
		t.Fatal(err)
	}
	r := open(t, sqldb.Config{URL: c.URL(), MaxConns: 16})
	g := r.group(t, events.GroupConfig{Partitions: 2, Batch: 5}, nil)
	start(t, g)
	start(t, events.NewSequencer(r.db, g.Wake))
	start(t, events.NewCleaner(r.client, r.db, r.clock, 0))

	stop := make(chan struct{})
	var acked atomic.Int64
	var writers sync.WaitGroup
	for w := range int64(3) {
		writers.Go(func() {
			for n := int64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				err := r.log.Write(context.Background(), func(_ context.Context, tx *events.Tx) error {
					tx.Emit(events.TweetPosted{TweetID: w, AuthorID: n}, events.TweetPosted{TweetID: 10 + n%5, AuthorID: n})
					return nil
				})
				if err == nil {
					acked.Add(2)
					continue
				}
				select {
				case <-stop:
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	for round := range soak(4, 20) {
		down := []func(){c.Kill, c.Stop, c.Kill, c.Kill}[round%4]
		until(t, "some work", func() bool { return g.Health().Handled > int64(round+1)*40 })
		down()
		c.Start()
		handled := g.Health().Handled
		until(t, "work after the outage", func() bool { return g.Health().Handled > handled })
	}
	close(stop)
	writers.Wait()
	total := r.int(t, "SELECT COUNT(*) FROM events")
	if n := acked.Load(); n > total || n == 0 {
		t.Errorf("%d events were acknowledged, %d are there", n, total)
	}
	r.untilEffects(t, "g", total)
	r.checkEffects(t, "g", total)
	if h := g.Health(); h.Failed != 0 || r.int(t, "SELECT COUNT(*) FROM retry_queue") != 0 {
		t.Errorf("events were blamed for the outage: %+v", h)
	}
	if gaps := r.int(t, "SELECT MAX(seq) - COUNT(*) FROM events"); gaps != 0 {
		t.Errorf("%d gaps", gaps)
	}
}
