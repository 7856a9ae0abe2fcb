package events_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// followed is a follower that notes what it applies.
type followed struct {
	*events.Follower
	mu      sync.Mutex
	seqs    []int64
	batches []events.Batch
	// hold, if set, is called in Apply.
	hold func()
}

func follow(t *testing.T, r *rig, hold func()) *followed {
	t.Helper()
	f := newFollowed(t, r, hold)
	start(t, f)
	return f
}

// newFollowed returns a follower that does not run yet.
func newFollowed(t *testing.T, r *rig, hold func()) *followed {
	t.Helper()
	f := &followed{hold: hold}
	f.Follower = events.NewFollower(r.reader, events.FollowerConfig{
		Apply: func(_ context.Context, b events.Batch) {
			if f.hold != nil {
				f.hold()
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if at := f.Position().Seq(); at != b.From && !b.Restart {
				t.Errorf("the position is %d while the batch behind %d is applied", at, b.From)
			}
			for _, e := range b.Entries {
				f.seqs = append(f.seqs, e.Seq)
			}
			f.batches = append(f.batches, b)
		},
		Applied: func(b events.Batch) {
			if at := f.Position().Seq(); at != b.To {
				t.Errorf("the position is %d after the batch up to %d", at, b.To)
			}
		},
	})
	return f
}

func (f *followed) all() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int64(nil), f.seqs...)
}

// A follower applies every event once, in the order of the log, from its start on; its position covers what it has
// applied.
func TestFollower(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.writeMany(t, 3, 3)
		f := follow(t, r, nil)
		const n = 2500 // more than two batches
		for i := range int64(n / 500) {
			aggregates := make([]int64, 500)
			for j := range aggregates {
				aggregates[j] = int64(j%7) + 1
			}
			r.write(t, i, aggregates...)
		}
		r.sequence(t)
		f.Wake()
		until(t, "all events are applied", func() bool { return f.Position().Seq() == n+3 })
		got := f.all()
		for i, seq := range got {
			if seq != int64(i)+4 {
				t.Fatalf("event %d is %d, want %d", i, seq, i+4)
			}
		}
		if len(got) != n || f.Head() != n+3 {
			t.Errorf("%d events are applied, the head is %d", len(got), f.Head())
		}
	})
}

// CatchUp waits for everything that was committed before the call, also where no sequencer runs.
func TestFollowerCatchesUp(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		f := follow(t, r, nil)
		var all sync.WaitGroup
		for i := range int64(8) {
			all.Go(func() {
				for n := range int64(20) {
					if err := r.log.Write(t.Context(), func(_ context.Context, tx *events.Tx) error {
						tx.Emit(events.TweetPosted{TweetID: i + 1, AuthorID: n})
						return nil
					}); err != nil {
						t.Error(err)
						return
					}
					least := n + 1 // of one's own, there may be more
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					err := f.CatchUp(ctx)
					cancel()
					if got := int64(len(f.all())); err != nil || got < least {
						t.Errorf("%d events are applied after %d of this writer alone: %v", got, least, err)
						return
					}
				}
			})
		}
		all.Wait()
		if got := len(f.all()); got != 160 {
			t.Errorf("%d events are applied of 160", got)
		}
	})
}

// CatchUp ends with its context, and does not wait for a follower that does not run.
func TestFollowerStandsStill(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		held, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		idle := events.NewFollower(r.reader, events.FollowerConfig{})
		if err := idle.CatchUp(t.Context()); err != nil {
			t.Error(err)
		}
		f := follow(t, r, func() {
			once.Do(func() { close(held) })
			<-goOn
		})
		r.write(t, 1, 1)
		r.sequence(t)
		f.Wake()
		<-held
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := f.CatchUp(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it catches up behind a batch that is not applied: %v", err)
		}
		close(goOn)
		if err := f.CatchUp(t.Context()); err != nil || f.Position().Seq() != 1 {
			t.Errorf("it is at %d: %v", f.Position().Seq(), err)
		}
	})
}

// A process that was frozen for longer than events are kept gets a gap reported.
func TestFollowerBehindRetention(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		held, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		f := follow(t, r, func() {
			once.Do(func() {
				close(held)
				<-goOn
			})
		})
		r.writeMany(t, 1, 1)
		f.Wake()
		<-held
		r.writeMany(t, 3, 1)
		r.clock.Add(events.DefaultKeep + time.Hour)
		r.writeMany(t, 2, 1)
		if n, err := events.NewCleaner(r.client, r.db, r.clock, 0).Clean(t.Context()); err != nil || n != 4 {
			t.Fatalf("%d events were removed: %v", n, err)
		}
		close(goOn)
		until(t, "the rest is applied", func() bool { return f.Position().Seq() == 6 })
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.batches) != 2 || f.batches[0].Gap || !f.batches[1].Gap || len(f.batches[1].Entries) != 2 {
			t.Errorf("it applied %+v", f.batches)
		}
	})
}

// While the database fails a follower looks at its own pace, however often it is woken: the writes of other nodes wake it,
// too.
func TestFollowerWhoseDatabaseFails(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	db := dbtest.Open(t, sqldb.Config{File: dbtest.File(t), Watch: func(context.Context, sqldb.Querier, string, []any) { asked.Add(1) }})
	f := events.NewFollower(events.NewReader(db), events.FollowerConfig{})
	start(t, f)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for before := asked.Load(); asked.Load() < before+3; {
		f.Wake()
		runtime.Gosched()
	}
	// Between three looks there are two pauses of 200 ms.
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("it looked three times in %s", took)
	}
}
