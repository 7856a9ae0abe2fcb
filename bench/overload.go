package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"roost/bench/load"
	"roost/bench/ops"
)

// overloads are the loads of an overload measurement, as multiples of what the server can do.
var overloads = []float64{.9, 1, 1.25, 2, 3}

const (
	// overloadDeadline is how long an answer counts as good.
	overloadDeadline = time.Second
	// overloadConns bounds the connections. Each waiting request has one; 4,000 is enough for 2,000 requests a second for 2 s.
	overloadConns = 4000
)

// overload measures goodput when more requests come than the server can answer. Saturation is the rate that clients reach which
// wait for their answers. Then requests come at multiples of that rate, whether or not earlier ones have been answered.
func overload(ctx context.Context, s *Settings) (err error) {
	b, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.Close()) }()
	if err := b.rig.Baseline.Stop(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "operation\tload\toffered/s\tgood/s\tof saturation\tp50 ms\tp99 ms\trefused/s\tp50 ms\tp99 ms\tlate\tbroken\tunsent")
	for _, op := range b.all {
		if err := b.overloaded(ctx, op, w); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", op.Name, err), w.Flush())
		}
	}
	return w.Flush()
}

// overloaded measures one operation, and writes a row a load.
func (b *bench) overloaded(ctx context.Context, op ops.Operation, w io.Writer) error {
	addr := b.rig.Roost.Addr
	saturation, err := b.saturation(ctx, addr, op)
	if err != nil {
		return err
	}
	for _, times := range overloads {
		say("%s at %.2f times %.0f/s", op.Name, times, saturation)
		o := load.Offer{Addr: addr, Traffic: op.Roost, Rate: times * saturation, Duration: 2 * b.Duration,
			Deadline: overloadDeadline, Conns: overloadConns}
		out, err := o.Run(ctx)
		if err != nil {
			return err
		}
		good := out.Goodput(o.Duration)
		fmt.Fprintf(w, "%s\t%.2f\t%.0f\t%.0f\t%.0f %%\t%.1f\t%.1f\t%.0f\t%.1f\t%.1f\t%d\t%d\t%d\n", op.Name, times, o.Rate,
			good, 100*good/saturation, ms(out.Latency.Quantile(.5)), ms(out.Latency.Quantile(.99)),
			float64(out.Refused)/o.Duration.Seconds(), ms(out.Refusal.Quantile(.5)), ms(out.Refusal.Quantile(.99)),
			out.Late, out.Broken, out.Unsent)
	}
	return nil
}

// saturation returns how many answers a second clients get if each waits for its answer, after a warm-up of the same length. There
// are as many clients as requests that a node runs at once, so that none is refused while the machine has nothing else to do.
func (b *bench) saturation(ctx context.Context, addr string, op ops.Operation) (float64, error) {
	return b.closedLoop(ctx, addr, op, max(16, 8*runtime.GOMAXPROCS(0)))
}

// closedLoop returns how many answers a second some clients get if each waits for its answer, after a warm-up of the same length.
func (b *bench) closedLoop(ctx context.Context, addr string, op ops.Operation, clients int) (float64, error) {
	op.Roost.MayRefuse = true
	pool, err := load.NewPool(ctx, addr, clients, op.Roost)
	if err != nil {
		return 0, err
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.Closed(ctx, b.Duration); err != nil {
		return 0, err
	}
	r, err := pool.Closed(ctx, b.Duration)
	if err != nil {
		return 0, err
	}
	return float64(r.Latency.Count()) / r.Elapsed.Seconds(), nil
}
