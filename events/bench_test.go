package events_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
)

// fill commits n events on PostgreSQL without seqs, fast.
func (r *rig) fill(b testing.TB, n int) {
	b.Helper()
	r.exec(b, `INSERT INTO events (type, version, aggregate, payload, created_at)
		SELECT 'TweetPosted', 1, i % 1000, '{"TweetID":' || i % 1000 || ',"AuthorID":1}', now() FROM generate_series(1, $1) AS i`, n)
}

// BenchmarkSequencer measures how many events a second get their seq.
func BenchmarkSequencer(b *testing.B) {
	r := onPostgres(b)
	const n = 50_000
	for b.Loop() {
		b.StopTimer()
		r.fill(b, n)
		b.StartTimer()
		for done := int64(0); done < n; {
			m, err := events.Sequence(b.Context(), r.db, 5000)
			if err != nil {
				b.Fatal(err)
			}
			done += m
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSequencerUnderOldSnapshot is the same while another transaction keeps dead rows alive, as a
// dump does, after so many events passed by.
func BenchmarkSequencerUnderOldSnapshot(b *testing.B) {
	r := onPostgres(b)
	old, err := r.db.Writer().BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = old.Rollback() }()
	var xid int64
	if err := old.QueryRowContext(b.Context(), "SELECT txid_current()").Scan(&xid); err != nil {
		b.Fatal(err)
	}
	for range 20 {
		r.fill(b, 5000)
		r.sequence(b)
	}
	// A running sequencer; until its second sweep it walks over everything.
	grew := make(chan struct{}, 1)
	s := events.NewSequencer(r.db, func() { grew <- struct{}{} })
	start(b, s)
	var took []time.Duration
	for b.Loop() {
		r.fill(b, 1)
		began := time.Now()
		s.Wake()
		<-grew
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us/p99")
}

// BenchmarkGroup measures how many events a second a group handles with one SQL effect a batch.
func BenchmarkGroup(b *testing.B) {
	for _, partitions := range []int{1, 4} {
		b.Run(map[int]string{1: "1partition", 4: "4partitions"}[partitions], func(b *testing.B) {
			r := onPostgres(b)
			const n = 50_000
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				r.fill(b, n)
				r.sequence(b)
				var all sync.WaitGroup
				all.Add(n)
				g, err := events.NewGroup(r.client, r.db, clock.Real{}, events.GroupConfig{Name: "g", FromStart: true,
					Partitions: partitions, Handler: events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
						_, err := tx.Client().ExecContext(ctx, "INSERT INTO effects (grp, seq, aggregate, n) VALUES ('g', $1, 0, $2)",
							batch[0].Seq, len(batch))
						if err == nil {
							all.Add(-len(batch))
						}
						return err
					})})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := g.Start(b.Context()); err != nil {
					b.Fatal(err)
				}
				all.Wait()
				b.StopTimer()
				if err := g.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(50_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCommitToEffect measures how long after the start of its write an event reaches a handler, at 500 writes a
// second.
func BenchmarkCommitToEffect(b *testing.B) {
	r := onPostgres(b)
	var mu sync.Mutex
	var took []time.Duration
	g, err := events.NewGroup(r.client, r.db, clock.Real{}, events.GroupConfig{Name: "g",
		Handler: events.HandlerFunc(func(_ context.Context, _ *ent.Tx, batch []events.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range batch {
				ev, err := e.Event()
				if err != nil {
					return err
				}
				took = append(took, time.Since(time.Unix(0, ev.(events.TweetPosted).AuthorID)))
			}
			return nil
		})})
	if err != nil {
		b.Fatal(err)
	}
	s := events.NewSequencer(r.db, g.Wake)
	start(b, g)
	start(b, s)
	r.log.Observe(func([]events.Event) { s.Wake() })
	n := int64(0)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		<-tick.C
		n++
		r.write(b, time.Now().UnixNano(), n)
	}
	until(b, "all effects", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return int64(len(took)) == n
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us/p99")
}
