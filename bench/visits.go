package main

import (
	"context"
	"errors"
	"time"

	"roost/bench/load"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/bench/shares"
)

// visits measures first visits: each visitor asks for a home page once, after the server was started anew. All rows are in Redis, none in
// the process.
func (b *bench) visits(ctx context.Context) (*report.Measurement, error) {
	op := b.world.Visits()
	m := &report.Measurement{Operation: op.Name, Title: op.Title, Load: report.Pass}
	profile := &shares.Profile{}
	traffic := map[*rig.Target]load.Traffic{b.rig.Roost: op.Roost, b.rig.Baseline: op.Baseline}
	for i := range b.Rounds {
		say("%s, round %d of %d", op.Name, i+1, b.Rounds)
		round, err := b.round(i, func(t *rig.Target) (report.Sample, error) { return b.pass(ctx, t, traffic[t], profile) })
		if err != nil {
			return nil, err
		}
		m.Rounds = append(m.Rounds, round)
	}
	m.Summarize()
	m.Parts = partsOf(profile, m.Roost.Server)
	return m, nil
}

// pass warms the Redis of a target, starts the target anew, and measures one request for each visitor.
func (b *bench) pass(ctx context.Context, t *rig.Target, traffic load.Traffic, profile *shares.Profile) (report.Sample, error) {
	run := func() (*load.Result, error) {
		pool, err := load.NewPool(ctx, t.Addr, b.Connections, traffic)
		if err != nil {
			return nil, err
		}
		r, err := pool.Pass(ctx, len(b.world.Visitors))
		return r, errors.Join(err, pool.Close())
	}
	for range 2 { // pages whose lists are missing leave some of them to the next visit
		if _, err := run(); err != nil {
			return report.Sample{}, err
		}
	}
	if err := t.Restart(ctx); err != nil {
		return report.Sample{}, err
	}
	w, err := openWindow(ctx, t, time.Second, profile)
	if err != nil {
		return report.Sample{}, err
	}
	r, err := run()
	used, usedErr := w.close()
	if err := errors.Join(err, usedErr); err != nil {
		return report.Sample{}, err
	}
	return sampleOf(&r.Latency, r.Elapsed, used), nil
}
