package events_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/ent"
	"roost/events"
)

// moody is a handler that fails at random in every way that one can, before or after its effects, and
// never twice in a row for ever.
func moody(group string, p float64) events.HandlerFunc {
	do := effects(group, nil)
	return func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
		if err := do(ctx, tx, batch); err != nil {
			return err
		}
		if rand.Float64() >= p {
			return nil
		}
		switch rand.IntN(3) {
		case 0:
			panic("moody")
		case 1:
			// On PostgreSQL the transaction is broken now, and that alone must undo it.
			_, err := tx.Client().ExecContext(ctx, "SELECT nothing FROM nowhere")
			return err
		default:
			return errors.New("moody")
		}
	}
}

// Whatever the order of appends, late commits, failures, workers that come and go, stolen leases, replays of
// the operator and the passing of time: in the end every event has had its effect once, in the order of its
// aggregate as far as nothing died.
func TestAnyHistoryHandlesEachEventOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		history := int64(0)
		rapid.Check(t, func(rt *rapid.T) {
			history++
			r.history(t, rt, history)
		})
	})
}

// history runs one random history in a group of its own, on a log that goes on.
func (r *rig) history(t *testing.T, rt *rapid.T, number int64) {
	name := fmt.Sprintf("history %d", number)
	cfg := events.GroupConfig{
		Name: name, Partitions: rapid.IntRange(1, 3).Draw(rt, "partitions"), Batch: rapid.IntRange(1, 9).Draw(rt, "batch"),
		Poll: time.Millisecond, Attempts: 1000, Lease: 10 * time.Second,
		Handler: moody(name, rapid.Float64Range(0, 0.6).Draw(rt, "moodiness")),
	}
	var running []func()
	stopAll := func() {
		for _, stop := range running {
			stop()
		}
		running = nil
	}
	defer stopAll()
	boot := func() {
		g, err := events.NewGroup(r.client, r.db, r.clock, cfg)
		if err != nil {
			rt.Fatal(err)
		}
		if err := g.Start(context.Background()); err != nil {
			rt.Fatal(err)
		}
		running = append(running, sync.OnceFunc(func() {
			if err := g.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}))
	}
	boot()
	var late []*ent.Tx
	defer func() {
		for _, tx := range late {
			_ = tx.Rollback()
		}
	}()
	total := int64(0)
	for range rapid.IntRange(5, 40).Draw(rt, "steps") {
		switch rapid.IntRange(0, 8).Draw(rt, "step") {
		case 0, 1, 2:
			aggregates := rapid.SliceOfN(rapid.Int64Range(1, 4), 1, 6).Draw(rt, "aggregates")
			total += int64(len(aggregates))
			r.write(t, total, aggregates...)
		case 3:
			if r.db.IsPostgres() && len(late) < 3 {
				tx, err := r.client.Tx(t.Context())
				if err != nil {
					rt.Fatal(err)
				}
				late = append(late, tx)
				total++
				if err := events.Append(t.Context(), tx.Client(), r.clock.Now(), events.TweetPosted{TweetID: 5, AuthorID: total}); err != nil {
					rt.Fatal(err)
				}
			}
		case 4:
			if len(late) > 0 {
				if err := late[0].Commit(); err != nil {
					rt.Fatal(err)
				}
				late = late[1:]
			}
		case 5:
			r.clock.Add(time.Duration(rapid.IntRange(1, 5).Draw(rt, "seconds")) * time.Second)
		case 6:
			if len(running) < 3 {
				boot()
			} else {
				running[0]()
				running = running[1:]
			}
		case 7:
			// Time passes a lease, or an operator takes it away.
			r.exec(t, "UPDATE group_partitions SET owner = 'somebody', leased_until = $1 WHERE group_name = $2", time.Unix(0, 0).UTC(), name)
		default:
			r.sequence(t)
		}
	}
	for _, tx := range late {
		if err := tx.Commit(); err != nil {
			rt.Fatal(err)
		}
	}
	late = nil
	r.sequence(t)
	if len(running) == 0 {
		boot()
	}
	until(t, "the end of "+name, func() bool {
		r.clock.Add(time.Minute)
		s := r.status(t, name)
		return s.Lag == 0 && s.Retrying == 0
	})
	stopAll()
	if s := r.status(t, name); s.Dead != 0 {
		rt.Fatalf("%+v", s)
	}
	if fault := r.fault(t, name, total); fault != "" {
		rt.Fatal(fault)
	}
}
