package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// disturbance is something that happens to Redis again and again, and of which no read may show anything.
type disturbance struct {
	// once happens every 300 ms, nil if nothing happens.
	once func(t *testing.T, r *redistest.Redis)
	// lasts is how long the test disturbs Redis, in its short form.
	lasts time.Duration
	// fromCopies is the least share of the rows that must be answered from copies.
	fromCopies float64
	// unpublished says that reads may go back, because the version of a row that was read from SQL cannot be published: see the promises
	// of package cache.
	unpublished bool
}

// send sends a command that Redis may answer with the end of the connection.
func send(t *testing.T, r *redistest.Redis, command string) {
	if reply, err := r.Do(command); err != nil && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%s: %q, %v", command, reply, err)
	}
}

// For 100 ms a write tries again: it gives up after a second.
const refusal = 100 * time.Millisecond

var disturbances = map[string]disturbance{
	"nothing": {nil, 5 * time.Second, 0.5, false},
	"it is flushed": {func(_ *testing.T, r *redistest.Redis) {
		r.FlushAll()
	}, time.Minute, 0.1, false},
	"connections are killed": {func(t *testing.T, r *redistest.Redis) {
		send(t, r, "CLIENT KILL TYPE normal SKIPME yes")
	}, 5 * time.Second, 0.1, false},
	"it evicts everything": {func(t *testing.T, r *redistest.Redis) {
		send(t, r, "CONFIG SET maxmemory 1")
		send(t, r, "CONFIG SET maxmemory 0")
	}, 5 * time.Second, 0.1, false},
	"its tracking table is full": {func(t *testing.T, r *redistest.Redis) {
		send(t, r, "CONFIG SET tracking-table-max-keys 1")
	}, 5 * time.Second, 0.1, false},
	"it is demoted, and promoted again": {func(t *testing.T, r *redistest.Redis) {
		send(t, r, "REPLICAOF 127.0.0.1 1") // its connections live on
		pass(refusal)
		send(t, r, "REPLICAOF NO ONE")
	}, 5 * time.Second, 0.1, true},
	"it refuses writes": {func(_ *testing.T, r *redistest.Redis) {
		r.RefuseWrites()
		pass(refusal)
		r.TakeWrites()
	}, 5 * time.Second, 0.1, true},
}

// Sixteen readers and three writers of one profile on two nodes, every 300 ms something happens to Redis, and one write in
// ten kills its node between commit and invalidation: no read is older than what was acknowledged, or than what
// others have seen, and soon after the last write all nodes show what SQL has. Many reads are answered from copies in the processes: half
// of them if nothing happens, else a tenth.
func TestCacheChaos(t *testing.T) {
	t.Parallel()
	for name, x := range disturbances {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.run(t)
		})
	}
}

func (x disturbance) run(t *testing.T) {
	redis := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	c := rig.NewCluster(t, rig.Options{RedisURL: redis.URL()})
	keepHistory(t, c.Database)
	c.WithAdmins(t)
	c.Start(t, c.Nodes)
	d := c.StartCrashing(t, testtime.Soak(3, 6))
	h := &chronicle{user: c.Nodes[0].SignUp(t, "ada"), mayGoBack: x.unpublished}
	web := webClient(t)
	who := audience{readers: 16, writers: 3, writeAfter: 60, readEvery: testtime.Soak(20*time.Millisecond, 0)}
	// On a slow machine it goes on until clients have done enough to show something.
	end := time.Now().Add(testtime.Soak(x.lasts, 10*time.Minute))
	latest := end.Add(testtime.Patience)
	ended := profileTraffic(t, c, h, who,
		func(ctx context.Context, h *chronicle, n int) {
			if rand.IntN(10) > 0 {
				h.write(ctx, c.Writer(h.user, n, web), false)
				return
			}
			select {
			case p := <-d.Alive:
				h.write(ctx, rig.UserOn(p.Roost, h.user), true)
				d.Replace(p, h.fail)
			default: // none is ready
				h.write(ctx, c.Writer(h.user, n, web), false)
			}
		})
	const writes, reads = 50, 1000 // fewer would show nothing
	happened := 0
	for tick := time.NewTicker(300 * time.Millisecond); time.Now().Before(end) || !h.holds(writes, reads) && time.Now().Before(latest); {
		<-tick.C
		if x.once != nil {
			x.once(t, redis)
			happened++
		}
	}
	ended()
	select {
	case last := <-d.Alive: // the last write is one that only the log reports
		h.write(t.Context(), rig.UserOn(last.Roost, h.user), true)
	case <-time.After(testtime.Patience):
		h.fail(errors.New("no node is left that could die"))
	}
	h.rests(t, c, grace())
	h.check(t, c.Database)
	c.ExpectFromCopies(t, x.fromCopies)
	t.Logf("%d reads, %d writes acknowledged, %d cut off, %d disturbances, %d texts", len(h.reads), len(h.acked), h.cut, happened,
		len(versions(t, c.Database)))
	if h.cut == 0 || len(h.acked) < writes || len(h.reads) < reads {
		t.Error("that is too little to show anything")
	}
}
