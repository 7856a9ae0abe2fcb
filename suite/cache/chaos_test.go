package cache

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// Sixteen readers and three writers of one profile on two nodes, Redis is flushed every 300 ms, and one write in
// ten kills its node between commit and invalidation: no read is older than what was acknowledged, or than what
// others have seen, and soon after the last write all nodes show what SQL has.
func TestCacheChaos(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	keepHistory(t, c.Database)
	c.Start(t, c.Nodes)
	d := c.StartCrashing(t, testtime.Soak(3, 6))
	h := &chronicle{user: c.Nodes[0].SignUp(t, "ada")}
	web := webClient(t)
	// On a slow machine it goes on until clients have done enough to show something.
	end := time.Now().Add(testtime.Soak(5*time.Second, time.Minute))
	latest := end.Add(testtime.Patience)
	ended := profileTraffic(t, c, h, audience{readers: 16, writers: 3, writeEvery: 20 * time.Millisecond},
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
	flushes := 0
	for tick := time.NewTicker(300 * time.Millisecond); time.Now().Before(end) || !h.holds(50, 500) && time.Now().Before(latest); flushes++ {
		<-tick.C
		c.Redis.FlushAll()
	}
	ended()
	last := <-d.Alive // the last write is one that only the log reports
	h.write(t.Context(), rig.UserOn(last.Roost, h.user), true)
	h.rests(t, c, grace())
	h.check(t, c.Database)
	t.Logf("%d reads, %d writes acknowledged, %d cut off, %d flushes, %d texts", len(h.reads), len(h.acked), h.cut, flushes,
		len(versions(t, c.Database)))
	if h.cut == 0 || len(h.acked) < 50 || len(h.reads) < 500 {
		t.Error("that is too little to show anything")
	}
}
