package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/errs"
)

// tries counts how often events were handed to a handler.
type tries struct {
	mu sync.Mutex
	n  map[int64]int
}

func (c *tries) add(seq int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[int64]int{}
	}
	c.n[seq]++
}

func (c *tries) of(seq int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[seq]
}

// An event that fails is tried again after 1 s, 2 s, 4 s..., later ones of its aggregate wait for it in
// their order, others do not notice; in the end it is a dead letter and the ones behind it go on.
func TestPoisonIsQueuedAndDiesAlone(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var c tries
		var heal atomic.Bool
		g := r.group(t, events.GroupConfig{Batch: 8, Attempts: 4}, func(e events.Entry) error {
			if e.Seq == 3 && !heal.Load() {
				c.add(3)
				return errors.New("no \x00 good: " + strings.Repeat("ü", 3000))
			}
			return nil
		})
		for i := range int64(20) { // 3, 7, 11, 15, 19 are of the bad aggregate
			r.write(t, i+1, (i+1)%4)
		}
		r.sequence(t)
		start(t, g)
		r.untilEffects(t, "g", 15)
		// At most once in its batch, and once alone.
		until(t, "the events to be in the retry queue", func() bool { return r.status(t, "g").Retrying == 5 })
		if n := c.of(3); n != 2 {
			t.Errorf("tried %d times, want once with others and once alone", n)
		}
		s := r.status(t, "g")
		if s.Lag != 0 || s.Dead != 0 {
			t.Errorf("%+v", s)
		}
		for i, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			r.clock.Add(wait - time.Millisecond)
			r.nothingDue(t)
			r.clock.Add(time.Millisecond)
			until(t, "another try", func() bool { return c.of(3) == 3+i })
			until(t, "its end", func() bool { return i == 2 || r.nothingIsDue(t) })
		}
		r.untilEffects(t, "g", 19)
		r.checkEffects(t, "g", 19)
		until(t, "the dead letter", func() bool { s := r.status(t, "g"); return s.Dead == 1 && s.Retrying == 0 })
		dead, err := r.admin.DeadLetters(t.Context(), "g", 10)
		if err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		d := dead[0]
		if d.Entry.Seq != 3 || d.Entry.Aggregate != 3 || d.Attempts != 4 || !strings.HasPrefix(d.Reason, "no  good: ü") || len(d.Reason) > 2000 {
			t.Errorf("%+v", d)
		}
		until(t, "the worker to count what it committed", func() bool {
			h := g.Health()
			return h.Handled == 19 && h.Failed == 4 && h.Died == 1
		})
		// Retention removes the original; the operator's retry needs the copy only.
		r.exec(t, "DELETE FROM events")
		heal.Store(true)
		if n, err := r.admin.Retry(t.Context(), "g", 3); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		r.untilEffects(t, "g", 20)
		until(t, "nothing is left", func() bool { s := r.status(t, "g"); return s.Dead+s.Retrying == 0 })
	})
}

func (r *rig) nothingIsDue(t testing.TB) bool {
	return r.int(t, "SELECT COUNT(*) FROM retry_queue WHERE NOT dead AND attempts > 0 AND next_at <= $1", r.clock.Now()) == 0
}

func (r *rig) nothingDue(t testing.TB) {
	t.Helper()
	if !r.nothingIsDue(t) {
		t.Error("an event is tried before its time")
	}
}

func TestRetryOneAndAll(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var heal atomic.Bool
		start(t, r.group(t, events.GroupConfig{Attempts: 1}, func(e events.Entry) error {
			if !heal.Load() {
				return fmt.Errorf("event %d is bad", e.Seq)
			}
			return nil
		}))
		r.writeMany(t, 6, 3)
		until(t, "the dead letters", func() bool { return r.status(t, "g").Dead == 6 })
		if _, err := r.admin.Retry(t.Context(), "other", 0); !errors.Is(err, events.ErrNoGroup) {
			t.Error(err)
		}
		if _, err := r.admin.DeadLetters(t.Context(), "other", 5); !errors.Is(err, events.ErrNoGroup) {
			t.Error(err)
		}
		if n, err := r.admin.Retry(t.Context(), "g", 77); err != nil || n != 0 {
			t.Error(n, err)
		}
		if all, err := r.admin.DeadLetters(t.Context(), "", 4); err != nil || len(all) != 4 || all[1].Reason != "event 2 is bad" {
			t.Error(all, err)
		}
		heal.Store(true)
		if n, err := r.admin.Retry(t.Context(), "g", 2); err != nil || n != 1 {
			t.Error(n, err)
		}
		r.untilEffects(t, "g", 1)
		if n, err := r.admin.Retry(t.Context(), "g", 0); err != nil || n != 5 {
			t.Error(n, err)
		}
		r.untilEffects(t, "g", 6)
		r.checkEffects(t, "g", 6)
	})
}

// Panics, and events that a newer node wrote, are failures like others.
func TestPanicsAndUnknownEventsArePoison(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		start(t, r.group(t, events.GroupConfig{Attempts: 2}, func(e events.Entry) error {
			if e.Seq == 2 {
				panic("oh no")
			}
			return nil
		}))
		r.write(t, 1, 1, 2)
		r.exec(t, `INSERT INTO events (type, version, aggregate, payload, created_at) VALUES
			('Teleported', 1, 3, '{}', '2026-01-01 00:00:00+00:00'),
			('TweetPosted', 9, 4, '{}', '2026-01-01 00:00:00+00:00'), ('TweetPosted', 1, 5, '{]', '2026-01-01 00:00:00+00:00')`)
		r.write(t, 1, 6)
		r.sequence(t)
		r.untilEffects(t, "g", 2)
		until(t, "the events to be in the retry queue", func() bool { return r.status(t, "g").Retrying == 4 })
		r.clock.Add(time.Second)
		until(t, "they are dead", func() bool { return r.status(t, "g").Dead == 4 })
		dead, err := r.admin.DeadLetters(t.Context(), "g", 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"panic: oh no", "event 3 is a Teleported, which", "version 9 of TweetPosted", "decode event 5"} {
			if !strings.Contains(dead[i].Reason, want) {
				t.Errorf("reason %q does not contain %q", dead[i].Reason, want)
			}
		}
		r.checkEffects(t, "g", 2)
	})
}

// While a service is away nothing goes to the retry queue; the partition waits and goes on by itself.
func TestUnavailableParksNothing(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var away atomic.Bool
		var c tries
		away.Store(true)
		start(t, r.group(t, events.GroupConfig{}, func(events.Entry) error {
			if away.Load() {
				c.add(0)
				return fmt.Errorf("ask: %w", errs.New(errs.Unavailable, "away"))
			}
			return nil
		}))
		r.writeMany(t, 5, 2)
		until(t, "a second try", func() bool { return c.of(0) > 1 })
		if s := r.status(t, "g"); s.Lag != 5 || s.Retrying+s.Dead != 0 {
			t.Errorf("%+v", s)
		}
		away.Store(false)
		r.untilEffects(t, "g", 5)
		r.checkEffects(t, "g", 5)
		if n := r.int(t, "SELECT COUNT(*) FROM retry_queue"); n != 0 {
			t.Errorf("%d events are in the retry queue", n)
		}
	})
}

// One that never ends is cut off with its lease, and is poison then; so is one whose own statement takes
// too long, and one that does not mind its time and says in the end that all is well.
func TestSlowEventsArePoison(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		slow := events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
			for _, e := range batch {
				if e.Seq == 3 {
					<-ctx.Done()
					return nil
				}
				if e.Seq != 2 {
					continue
				}
				if r.db.IsPostgres() {
					_, err := tx.Client().ExecContext(ctx, "SELECT pg_sleep(60)")
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			}
			return effects("g", nil)(ctx, tx, batch)
		})
		start(t, r.group(t, events.GroupConfig{Lease: 100 * time.Millisecond, Attempts: 1, Handler: slow}, nil))
		r.writeMany(t, 4, 4)
		r.untilEffects(t, "g", 2)
		until(t, "they are dead", func() bool { return r.status(t, "g").Dead == 2 })
		r.checkEffects(t, "g", 2)
		dead, err := r.admin.DeadLetters(t.Context(), "g", 10)
		const late = "not finished after 100ms"
		if err != nil || !strings.HasPrefix(dead[0].Reason, late) || !strings.HasPrefix(dead[1].Reason, late) {
			t.Errorf("%+v %v", dead, err)
		}
	})
}

// A handler that keeps a failed statement to itself is refused the commit, and that is the event's fault: it
// delays no other event.
func TestHiddenErrorsArePoison(t *testing.T) {
	t.Parallel()
	r := onPostgres(t) // on SQLite the other statements of the transaction remain
	do := effects("g", nil)
	hide := events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
		if err := do(ctx, tx, batch); err != nil {
			return err
		}
		for _, e := range batch {
			if e.Seq == 2 {
				_, _ = tx.Client().ExecContext(ctx, "SELECT nothing FROM nowhere")
			}
		}
		return nil
	})
	start(t, r.group(t, events.GroupConfig{Attempts: 1, Handler: hide}, nil))
	r.writeMany(t, 4, 4)
	r.untilEffects(t, "g", 3)
	until(t, "it is dead", func() bool { return r.status(t, "g").Dead == 1 })
	r.checkEffects(t, "g", 3)
}

// Many events wait behind a bad one, and those of others go on meanwhile; when it is mended all are handled in
// their order.
func TestLongQueueBehindOneEvent(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var heal atomic.Bool
		work := func() (stop func()) {
			return start(t, r.group(t, events.GroupConfig{Batch: 50}, func(e events.Entry) error {
				if e.Aggregate == 1 && !heal.Load() {
					return errors.New("bad")
				}
				return nil
			}))
		}
		stop := work()
		r.writeBulk(t, 1, 300)
		until(t, "the events to be in the retry queue", func() bool { return r.status(t, "g").Retrying == 300 })
		// The next worker finds both, the queue and the new events, from the start.
		stop()
		heal.Store(true)
		r.clock.Add(time.Second)
		r.writeBulk(t, 2, 100)
		work()
		r.untilEffects(t, "g", 400)
		r.checkEffects(t, "g", 400)
		last := r.int(t, "SELECT MAX(id) FROM effects WHERE aggregate = 2")
		if behind := r.int(t, "SELECT COUNT(*) FROM effects WHERE aggregate = 1 AND id > $1", last); behind < 100 {
			t.Errorf("new events waited for the queue: only %d of it came after them", behind)
		}
	})
}

// writeBulk commits n events of one aggregate in one transaction.
func (r *rig) writeBulk(t testing.TB, aggregate, n int64) {
	t.Helper()
	err := r.log.Write(t.Context(), func(_ context.Context, tx *events.Tx) error {
		for i := range n {
			tx.Emit(events.TweetPosted{TweetID: aggregate, AuthorID: i + 1})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.sequence(t)
}
