package suite

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"roost/internal/apitest"
	"roost/internal/testproc"
)

// doomed are nodes that die right after their first commit. Those that died are started again, in the background.
type doomed struct {
	bin   string
	alive chan *process
	all   sync.WaitGroup
	stop  chan struct{}
}

const dieAfterCommit = "ROOST_FAULT=events.after-commit:kill"

func (c *pair) doomed(t *testing.T, n int) *doomed {
	t.Helper()
	d := &doomed{bin: c.bin, alive: make(chan *process, n), stop: make(chan struct{})}
	for range n {
		p := c.prepare(t, "--roles", "api")
		c.start(t, []*process{p}, dieAfterCommit)
		d.alive <- p
	}
	t.Cleanup(func() {
		close(d.stop)
		d.all.Wait()
	})
	return d
}

// replace starts one that has died again.
func (d *doomed) replace(p *process, failed func(error)) {
	d.all.Go(func() {
		select {
		case <-p.proc.Exited():
		case <-d.stop:
			return
		case <-time.After(apitest.Patience):
			failed(errors.New("a node does not die after its commit"))
			return
		}
		proc, err := p.home.Start(testproc.Spec{Path: d.bin, Args: p.args, Env: []string{dieAfterCommit}, Log: "roost.log"})
		if err != nil {
			failed(err)
			return
		}
		p.proc = proc
		err = proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
			select {
			case <-d.stop:
				return nil
			default:
			}
			_, err := anyone(p, http.DefaultClient).Do(ctx, "{ limits { pageSize } }", nil)
			return err
		})
		if err != nil {
			failed(err)
			return
		}
		d.alive <- p
	})
}

// Sixteen readers and three writers of one profile on two nodes, Redis is flushed every 300 ms, and one write in
// ten kills its node between commit and invalidation: no read is older than what was acknowledged, or than what
// others have seen, and soon after the last write all nodes show what SQL has.
func TestCacheChaos(t *testing.T) {
	t.Parallel()
	c := newPair(t, rig{})
	keepHistory(t, c.db)
	c.start(t, c.nodes)
	d := c.doomed(t, soak(3, 6))
	h := &chronicle{user: c.nodes[0].SignUp(t, "ada")}
	web := webClient(t)
	end := time.Now().Add(soak(8*time.Second, time.Minute))
	ended := profileTraffic(t, c, h, audience{readers: 16, writers: 3, writeEvery: 20 * time.Millisecond}, func(ctx context.Context, h *chronicle, n int) {
		if rand.IntN(10) > 0 {
			h.write(ctx, c.writer(h.user, n, web), false)
			return
		}
		select {
		case p := <-d.alive:
			h.write(ctx, at(p.Roost, h.user), true)
			d.replace(p, h.fail)
		default: // none is ready
			h.write(ctx, c.writer(h.user, n, web), false)
		}
	})
	flushes := 0
	for tick := time.NewTicker(300 * time.Millisecond); time.Now().Before(end); flushes++ {
		<-tick.C
		c.redis.FlushAll()
	}
	ended()
	last := <-d.alive // the last write is one that nobody but the log tells of
	h.write(t.Context(), at(last.Roost, h.user), true)
	h.rests(t, c, grace())
	h.check(t, c.db)
	t.Logf("%d reads, %d writes acknowledged, %d cut off, %d flushes, %d texts", len(h.reads), len(h.acked), h.cut, flushes, len(versions(t, c.db)))
	if h.cut == 0 || len(h.acked) < 50 || len(h.reads) < 500 {
		t.Error("that is too little to show anything")
	}
}
