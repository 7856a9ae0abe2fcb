package rows

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"roost/events"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/testlog"
)

// While the database is away, a node checks twenty times a second whether it may read from Redis again, and logs twice a minute
// that it cannot. It logs once that it reads from the database.
func TestRecoveryWarnsRarely(t *testing.T) {
	r := newRig(t, sqldb.Config{File: dbtest.File(t)}, nil)
	c := &recovery{store: r.here, reader: events.NewReader(r.db)}
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	r.here.tier.Suspend()
	log := testlog.Of(func() {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
			defer cancel()
			p, looks := c.poll(), 0
			look := p.Look
			p.Look = func(ctx context.Context, woken bool) (bool, error) { looks++; return look(ctx, woken) }
			p.Run(ctx)
			if want := int(65 * time.Second / recoveryPoll); looks < want || looks > want+1 {
				t.Errorf("looked %d times, want %d", looks, want)
			}
		})
	})
	testlog.Count(t, log, "whether rows may be read from redis again is not known", 3)
	testlog.Count(t, log, "rows are read from the database", 1)
}

// A node with nothing to recover rests. It is woken when there is something, once however much comes.
func TestRecoveryRests(t *testing.T) {
	r := newRig(t, sqldb.Config{File: dbtest.File(t)}, nil)
	tier := r.here.tier
	p := (&recovery{store: r.here}).poll()
	for range 3 {
		if tier.Unsettled() || p.Pace() != settledPoll || len(p.Wake) != 0 {
			t.Errorf("with nothing to do the pace is %s, and %d signals wait", p.Pace(), len(p.Wake))
		}
		number := tier.Suspend()
		<-p.Wake
		number = max(number, tier.Suspend())
		if !tier.Unsettled() || p.Pace() != recoveryPoll || len(p.Wake) != 0 {
			t.Errorf("with reads suspended the pace is %s, and %d signals wait", p.Pace(), len(p.Wake))
		}
		tier.Resume(number)
	}
}

// A cache that is suspended again and again, because Redis comes and goes, is logged twice a minute.
func TestSuspensionsAreLoggedRarely(t *testing.T) {
	r := newRig(t, sqldb.Config{File: dbtest.File(t)}, nil)
	c := &recovery{store: r.here}
	log := testlog.Of(func() {
		synctest.Test(t, func(t *testing.T) {
			for range 65 {
				number := r.here.tier.Suspend()
				c.report(t.Context())
				c.report(t.Context())
				r.here.tier.Resume(number)
				c.report(t.Context())
				time.Sleep(time.Second)
			}
		})
	})
	testlog.Count(t, log, "rows are read from the database", 3)
	testlog.Count(t, log, "rows are read from the cache again", 3)
}

// While Redis is away the relay tries again and again to clear the cache for an event that it cannot read. That is logged once
// in 30 seconds, and so are events of which a node cannot see what they have changed.
func TestUnreadableEventsAreLoggedRarely(t *testing.T) {
	r := newRig(t, sqldb.Config{File: dbtest.File(t)}, nil)
	const attempts = 20
	log := testlog.Of(func() {
		relay := r.here.Relay().Handler
		away, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range int64(attempts) {
			e := events.Entry{Epoch: 1, Seq: i + 1, Type: "MoonRisen", Version: 1, Payload: "{}"}
			if err := relay.Handle(away, nil, []events.Entry{e}); errs.KindOf(err) != errs.Unavailable {
				t.Errorf("the relay does not wait for redis: %v", err)
			}
			r.here.apply(t.Context(), events.Batch{Entries: []events.Entry{e}})
		}
	})
	testlog.Count(t, log, "all cached rows are dropped", 1)
	testlog.Count(t, log, "rows are read from the database until the cache is cleared", 1)
}
