package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"roost/bench/layout"
	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/bench/shares"
)

// bench is a run: the servers, the users who send requests, and the settings.
type bench struct {
	*Settings
	rig   *rig.Rig
	world *ops.World
	all   []ops.Operation // the wanted operations over HTTP
	flips ops.Operation   // changes what sockets listen to
	// profiles are of Roost in closed loops and with sockets, by the operation's name in the results.
	profiles map[string]*shares.Profile
}

// start starts everything, fills the baseline and checks the answers.
func start(ctx context.Context, s *Settings) (_ *bench, err error) {
	b := &bench{Settings: s, profiles: map[string]*shares.Profile{}}
	if b.rig, err = rig.New(ctx, rig.Config{Progress: say, Data: s.data, Patient: !s.overload && !s.beside,
		Second: s.wants(retweetsOperation), Small: s.short && s.data == "", Durable: s.Fsync}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(b.explain(err), b.rig.Close())
		}
	}()
	say("drawing %d viewers and signing them in", max(s.Viewers, s.visitors())+s.fans())
	if b.world, err = ops.NewWorld(ctx, b.rig.Roost.DB, b.rig.Roost.Addr, s.Viewers, s.visitors(), s.fans()); err != nil {
		return nil, err
	}
	if s.wants(replayOperation) {
		say("signing in those whose likes are replayed")
		if err := b.world.AddReplay(ctx, b.rig.Roost.DB, b.rig.Roost.Addr, s.Share); err != nil {
			return nil, err
		}
	}
	b.flips = b.world.Flips()
	say("filling the baseline's Redis")
	rdb, err := b.rig.Baseline.Redis()
	if err != nil {
		return nil, err
	}
	err = layout.Fill(ctx, b.rig.Baseline.DB, rdb, b.world.Sessions())
	if err := errors.Join(err, rdb.Close()); err != nil {
		return nil, err
	}
	for _, op := range ops.All(b.world) {
		if s.wants(op.Name) {
			b.all = append(b.all, op)
		}
	}
	say("checking the answers of both against SQL")
	if err := ops.Check(ctx, b.world, b.all, server(b.rig.Roost), server(b.rig.Baseline)); err != nil {
		return nil, err
	}
	if s.fans() > 0 {
		for _, t := range b.targets() {
			if err := b.checkPush(ctx, t); err != nil {
				return nil, fmt.Errorf("check pushes: %w", err)
			}
		}
	}
	return b, nil
}

func (b *bench) targets() []*rig.Target { return []*rig.Target{b.rig.Roost, b.rig.Baseline} }

func server(t *rig.Target) ops.Server { return ops.Server{Name: t.Name, Addr: t.Addr, DB: t.DB} }

// began is the time at which the program started.
var began = time.Now()

// say prints progress, and the time since the start.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// explain adds the last lines of the servers' logs to an error.
func (b *bench) explain(err error) error {
	for _, t := range b.targets() {
		if log := t.Log(); log != "" {
			err = fmt.Errorf("%w\nthe log of %s ends with:\n%s", err, t.Name, log)
		}
	}
	return err
}

func measure(ctx context.Context, s *Settings) (err error) {
	b, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.Close()) }()
	r := &report.Results{Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Commit: commit(ctx), Data: "generated", Settings: s}
	if b.rig.Real {
		r.Data = "real"
	}
	if s.Fsync {
		if r.Machine.Disk, err = disk(ctx, b.rig.Roost.DB); err != nil {
			return err
		}
	}
	if r.Measurements, err = b.measurements(ctx); err != nil {
		return b.explain(err)
	}
	if err := b.others(ctx, r); err != nil {
		return errors.Join(b.explain(err), r.Save(s.outFor(r))) // the measurements before took minutes
	}
	say("checking the counts")
	for _, t := range b.targets() {
		if err := errors.Join(ops.CheckCounts(ctx, server(t)), b.world.CheckPosts(ctx, server(t))); err != nil {
			return err
		}
	}
	s.out = s.outFor(r)
	if err := r.Save(s.out); err != nil {
		return err
	}
	if err := save(s.plotsDir(), plots(r, b.profiles)); err != nil {
		return fmt.Errorf("save the figures: %w", err)
	}
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	if !s.short {
		fmt.Printf("\nThe line for docs/performance.md:\n%s\n", r.Line())
	}
	fmt.Printf("\nwritten to %s, figures to %s\n", s.out, s.plotsDir())
	if s.short { // its figures mean nothing
		return r.Breach()
	}
	return errors.Join(r.Breach(), r.Outage.Breach())
}

// outFor returns the file for the results.
func (s *Settings) outFor(r *report.Results) string {
	if s.out != "" {
		return s.out
	}
	return filepath.Join("bench", "results", r.Time.Format("20060102-150405")+".json")
}

// others makes those of the wanted measurements that have tables of their own.
func (b *bench) others(ctx context.Context, r *report.Results) (err error) {
	if b.wants(growthOperation) {
		if r.Growth, err = b.growth(ctx); err != nil {
			return fmt.Errorf("growth: %w", err)
		}
	}
	if b.wants(sizesOperation) {
		if r.Sizes, err = b.sizes(ctx); err != nil {
			return fmt.Errorf("sizes: %w", err)
		}
	}
	if b.wants(trackingOperation) {
		if r.Tracking, err = b.tracking(ctx); err != nil {
			return fmt.Errorf("tracking: %w", err)
		}
	}
	if b.wants(outageOperation) {
		if r.Outage, err = b.outage(ctx); err != nil {
			return fmt.Errorf("outage: %w", err)
		}
	}
	return nil
}

// measurements makes the measurements that the settings ask for.
func (b *bench) measurements(ctx context.Context) (all []report.Measurement, err error) {
	add := func(m *report.Measurement, err error) error {
		if err == nil {
			all = append(all, *m)
		}
		return err
	}
	loads := slices.DeleteFunc([]string{report.Closed, report.Open}, func(kind string) bool { return !b.puts(kind) })
	for _, op := range b.all {
		for _, kind := range loads {
			if kind == report.Open && op.Rate == 0 {
				continue
			}
			if err := add(b.operation(ctx, op, kind)); err != nil {
				return nil, fmt.Errorf("%s, %s loop: %w", op.Name, kind, err)
			}
		}
		if last := len(all) - 1; slices.Contains(halved, op.Name) && b.puts(report.Half) && b.puts(report.Closed) {
			for all[last].Load != report.Closed {
				last--
			}
			if err := add(b.half(ctx, op, all[last].Baseline.PerSecond)); err != nil {
				return nil, fmt.Errorf("%s, at half of the baseline's saturation: %w", op.Name, err)
			}
		}
	}
	if err := b.wanted(ctx, add, []single{{retweetsOperation, b.retweets}, {visitsOperation, b.visits}}); err != nil {
		return nil, err
	}
	for _, v := range variants {
		if err := b.variant(ctx, v, loads, add); err != nil {
			return nil, err
		}
	}
	if b.wants(logOperation) {
		m, err := b.log(ctx, loads)
		if err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
		all = append(all, m...)
	}
	err = b.wanted(ctx, add, []single{{socketsOperation, b.sockets}, {deliveriesOperation, b.deliveries}, {crowdOperation, b.crowd}})
	return all, err
}

// single is an operation with one measurement.
type single struct {
	name    string
	measure func(context.Context) (*report.Measurement, error)
}

// wanted measures those of the operations that the settings ask for.
func (b *bench) wanted(ctx context.Context, add func(*report.Measurement, error) error, all []single) error {
	for _, op := range all {
		if !b.wants(op.name) {
			continue
		}
		if err := add(op.measure(ctx)); err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
	}
	return nil
}

// operation measures an operation in rounds. In each round both targets are measured, one after the other; they take turns to be
// first.
func (b *bench) operation(ctx context.Context, op ops.Operation, kind string) (*report.Measurement, error) {
	m := &report.Measurement{Operation: op.Name, Title: op.Title, Load: kind, Encoding: op.Roost.Encoding}
	if kind == report.Open {
		if m.Rate = b.Rate; m.Rate == 0 {
			m.Rate = op.Rate
		}
	}
	return b.rounds(ctx, op, m)
}

// halved are the operations that are also measured at half of the baseline's saturation.
var halved = []string{"home", "profile", "summaries"}

// half measures an operation in an open loop at half of the rate that the baseline reached in the closed one.
func (b *bench) half(ctx context.Context, op ops.Operation, saturation float64) (*report.Measurement, error) {
	return b.rounds(ctx, op, &report.Measurement{Operation: op.Name, Title: op.Title, Load: report.Half, Encoding: op.Roost.Encoding,
		Rate: math.Round(saturation / 2)})
}

// rounds makes the rounds of a measurement.
func (b *bench) rounds(ctx context.Context, op ops.Operation, m *report.Measurement) (*report.Measurement, error) {
	profile := &shares.Profile{}
	pools := map[*rig.Target]*load.Pool{}
	var writes []*ops.Writes
	for t, traffic := range map[*rig.Target]load.Traffic{b.rig.Roost: op.Roost, b.rig.Baseline: op.Baseline} {
		w, err := ops.Watch(ctx, server(t), op)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
		pool, err := load.NewPool(ctx, t.Addr, b.Connections, w.Count(traffic))
		if err != nil {
			return nil, err
		}
		defer func() { _ = pool.Close() }()
		pools[t] = pool
	}
	for i := range b.Rounds {
		say("%s, %s loop, round %d of %d", op.Name, m.Load, i+1, b.Rounds)
		round, err := b.round(i, func(t *rig.Target) (report.Sample, error) {
			return b.sample(ctx, t, pools[t], m.Rate, profile)
		})
		if err != nil {
			return nil, err
		}
		m.Rounds = append(m.Rounds, round)
	}
	for _, w := range writes {
		if err := w.Check(ctx); err != nil {
			return nil, err
		}
	}
	m.Summarize()
	b.keepProfile(m, profile)
	return m, nil
}

// keepProfile adds a profile of Roost to a measurement, as parts, and keeps it for a flame graph.
func (b *bench) keepProfile(m *report.Measurement, p *shares.Profile) {
	if m.Parts = partsOf(p, m.Roost.Server); m.Parts != nil {
		b.profiles[m.Operation] = p
	}
}

// round measures both targets.
func (b *bench) round(i int, one func(*rig.Target) (report.Sample, error)) (r report.Round, err error) {
	order := []*rig.Target{b.rig.Roost, b.rig.Baseline}
	if i%2 == 1 {
		order[0], order[1] = order[1], order[0]
	}
	for _, t := range order {
		s, err := one(t)
		if err != nil {
			return r, fmt.Errorf("%s: %w", t.Name, err)
		}
		if t == b.rig.Roost {
			r.Roost = s
		} else {
			r.Baseline = s
		}
	}
	return r, nil
}

// sample puts load on a target, and measures after the warm-up. Rate 0 is a closed loop, in which a profile of the server is added
// to profile.
func (b *bench) sample(ctx context.Context, t *rig.Target, pool *load.Pool, rate float64, profile *shares.Profile) (report.Sample, error) {
	d := b.Duration
	put := func(d time.Duration) (*load.Result, error) { return pool.Open(ctx, rate, d) }
	if rate > 0 {
		profile = nil
	} else {
		put = func(d time.Duration) (*load.Result, error) { return pool.Closed(ctx, d) }
		d = max(d, profileTime(d))
	}
	if b.Warm > 0 {
		if _, err := put(b.Warm); err != nil {
			return report.Sample{}, err
		}
	}
	w, err := openWindow(ctx, t, d, profile)
	if err != nil {
		return report.Sample{}, err
	}
	r, err := put(d)
	used, usedErr := w.close()
	if err := errors.Join(err, usedErr); err != nil {
		return report.Sample{}, err
	}
	if r.Latency.Count() == 0 {
		return report.Sample{}, errors.New("nothing was answered")
	}
	s := sampleOf(&r.Latency, r.Elapsed, used)
	s.Bytes, s.Encoded = float64(r.Bytes)/float64(s.Requests), float64(r.Encoded)/float64(s.Requests)
	return s, nil
}

func sampleOf(h *load.Histogram, elapsed time.Duration, u rig.Usage) report.Sample {
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(h.Count()) }
	return report.Sample{
		Requests: h.Count(), PerSecond: float64(h.Count()) / elapsed.Seconds(),
		P50: ms(h.Quantile(0.5)), P95: ms(h.Quantile(0.95)), P99: ms(h.Quantile(0.99)),
		Server: each(u.Server), Postgres: each(u.Postgres), Redis: each(u.Redis), Others: u.Others().Seconds() / elapsed.Seconds(),
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
