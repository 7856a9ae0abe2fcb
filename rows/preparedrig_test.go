package rows

import (
	"context"
	"testing"
	"time"

	"roost/cache"
	"roost/domain/timelines"
	"roost/events"
	"roost/internal/lifecycle"
)

// preparedRig are two nodes that use prepared timelines, and workers that push.
type preparedRig struct {
	*rig
	nodes  [2]node
	fanout *timelines.Fanout
	lists  *cache.Lists
	stop   []func() // of the workers
	cfg    timelines.FanoutConfig
}

func (r *rig) prepared(t *testing.T, mode PreparedMode, keep bool, cfg timelines.FanoutConfig) *preparedRig {
	t.Helper()
	p := &preparedRig{rig: r, nodes: r.nodes(t, keep), cfg: cfg}
	var err error
	if p.lists, err = cache.NewLists(p.nodes[0].redis); err != nil {
		t.Fatal(err)
	}
	for _, n := range p.nodes {
		if err := n.store.Prepare(mode, p.lists); err != nil {
			t.Fatal(err)
		}
		reader := events.NewReader(r.db)
		start(t, n.store.Follow(reader, func(events.Batch) {}))
		start(t, n.store.Recovery(reader))
		t.Cleanup(n.store.prepared.builds.done.Wait)
	}
	return p
}

// start starts a service that stops with the test, or before.
func start(t *testing.T, s lifecycle.Service) (stop func()) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// work starts a worker. Its group looks at the log all the time.
func (p *preparedRig) work(t *testing.T) {
	t.Helper()
	p.fanout = timelines.NewFanout(p.db, p.log, p.lists, p.cfg)
	cfg := p.fanout.Group()
	cfg.Poll, cfg.FromStart = 2*time.Millisecond, true
	group, err := events.NewGroup(p.client, p.db, p.clock, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.stop = []func(){start(t, group), start(t, p.fanout.Chunks())}
}

// rest stops the worker.
func (p *preparedRig) rest() {
	for _, stop := range p.stop {
		stop()
	}
	p.stop = nil
}

// flush removes everything from Redis.
func (p *preparedRig) flush(t *testing.T) {
	t.Helper()
	if p.redis != nil {
		p.redis.FlushAll()
		return
	}
	if err := p.nodes[0].store.tier.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
}
