package main

import (
	"context"
	"errors"
	"fmt"

	"roost/bench/load"
	"roost/bench/outbox"
	"roost/bench/report"
	"roost/bench/rig"
)

const (
	// perCommit is how many events a writer of the closed loop commits at once.
	perCommit = 10
	// eventRate is the default of the open loop, events a second.
	eventRate = 200
)

// log measures the way from a commit to its effect, through Roost's log and through a plain outbox, each in a database of
// its own. Package outbox describes what the plain outbox does and what it leaves out.
func (b *bench) log(ctx context.Context, loads []string) (all []report.Measurement, err error) {
	ways, err := b.ways(ctx)
	defer func() {
		for _, w := range ways {
			err = errors.Join(err, w.Close())
		}
	}()
	if err != nil {
		return nil, err
	}
	// The nodes read the log of their own database all the time, which does not belong to this measurement.
	for _, t := range b.targets() {
		if err := t.Stop(); err != nil {
			return nil, err
		}
	}
	for _, kind := range loads {
		m := report.Measurement{Operation: logOperation, Title: "events from commit to effect", Load: kind}
		if kind == report.Open {
			if m.Rate = b.Rate; m.Rate == 0 {
				m.Rate = eventRate
			}
		}
		for i := range b.Rounds {
			say("log, %s loop, round %d of %d", kind, i+1, b.Rounds)
			round, err := b.round(i, func(t *rig.Target) (report.Sample, error) { return b.flow(ctx, ways[t], m.Rate) })
			if err != nil {
				return nil, fmt.Errorf("%s loop: %w", kind, err)
			}
			m.Rounds = append(m.Rounds, round)
		}
		m.Summarize()
		all = append(all, m)
	}
	for _, t := range b.targets() {
		if err := t.Restart(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ways makes the log and the outbox, each under the name of the target in whose column it is shown. After a failure it also returns
// those that were made before.
func (b *bench) ways(ctx context.Context) (map[*rig.Target]*outbox.Run, error) {
	out := map[*rig.Target]*outbox.Run{}
	for _, w := range []struct {
		t        *rig.Target
		name     string
		migrated bool
		open     func(context.Context, string) (*outbox.Run, error)
	}{{b.rig.Roost, "events_log", true, outbox.NewLog}, {b.rig.Baseline, "plain_outbox", false, outbox.NewPlain}} {
		url, err := b.rig.Database(ctx, w.name, w.migrated)
		if err != nil {
			return out, err
		}
		run, err := w.open(ctx, url)
		if err != nil {
			return out, err
		}
		out[w.t] = run
	}
	return out, nil
}

// flow sends events through one way, and measures after the warm-up. Rate 0 is a closed loop.
func (b *bench) flow(ctx context.Context, w *outbox.Run, rate float64) (s report.Sample, err error) {
	put := func() (*load.Result, error) {
		if rate > 0 {
			return w.Open(ctx, b.Connections, rate, b.Duration)
		}
		return w.Closed(ctx, b.Connections, perCommit, b.Duration)
	}
	if err := w.Start(ctx); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.Stop(ctx)) }()
	if _, err := w.Closed(ctx, b.Connections, 1, b.Warm); err != nil {
		return s, err
	}
	before, err := b.rig.Usage()
	if err != nil {
		return s, err
	}
	r, err := put()
	if err != nil {
		return s, err
	}
	after, err := b.rig.Usage()
	if err != nil {
		return s, err
	}
	if r.Latency.Count() == 0 {
		return s, errors.New("no event had an effect")
	}
	return sampleOf(&r.Latency, r.Elapsed, after.Sub(before)), nil
}
