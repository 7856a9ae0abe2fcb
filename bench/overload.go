package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"roost/bench/load"
	"roost/bench/ops"
)

// overload measures goodput when more is asked than the server can do.
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
	fmt.Fprintln(w, "operation\toffered/s\tgood/s\tp50 ms\tp99 ms\trefused/s\tp50 ms\tp99 ms\tlate\tbroken\tunsent")
	for _, op := range b.all {
		if err := b.overloaded(ctx, op, w); err != nil {
			return fmt.Errorf("%s: %w", op.Name, err)
		}
	}
	return w.Flush()
}

func (b *bench) overloaded(ctx context.Context, op ops.Operation, w *tabwriter.Writer) error {
	t := b.rig.Roost
	pool, err := load.NewPool(ctx, t.Addr, b.Connections, op.Roost)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.Closed(ctx, b.Duration); err != nil {
		return err
	}
	r, err := pool.Closed(ctx, b.Duration)
	if err != nil {
		return err
	}
	saturation := float64(r.Latency.Count()) / r.Elapsed.Seconds()
	fmt.Fprintf(w, "%s\tclosed\t%.0f\t%.1f\t%.1f\n", op.Name, saturation, ms(r.Latency.Quantile(.5)), ms(r.Latency.Quantile(.99)))
	for _, times := range []float64{.9, 1, 1.25, 2, 3} {
		o := load.Offer{Addr: t.Addr, Traffic: op.Roost, Rate: times * saturation, Duration: 2 * b.Duration, Deadline: time.Second, Conns: 4000}
		before, err := t.Usage()
		if err != nil {
			return err
		}
		out, err := o.Run(ctx)
		if err != nil {
			return err
		}
		after, err := t.Usage()
		if err != nil {
			return err
		}
		u := after.Sub(before)
		fmt.Fprintf(w, "%s\t%.0f (%.2f)\t%.0f\t%.1f\t%.1f\t%.0f\t%.1f\t%.1f\t%d\t%d\t%d\tcpu %.2f %.2f %.2f other %.2f\n", op.Name, o.Rate, times, out.Goodput(o.Duration),
			ms(out.Latency.Quantile(.5)), ms(out.Latency.Quantile(.99)), float64(out.Refused)/o.Duration.Seconds(),
			ms(out.Refusal.Quantile(.5)), ms(out.Refusal.Quantile(.99)), out.Late, out.Broken, out.Unsent,
			u.Server.Seconds()/out.Elapsed.Seconds(), u.Postgres.Seconds()/out.Elapsed.Seconds(), u.Redis.Seconds()/out.Elapsed.Seconds(), u.Others().Seconds()/out.Elapsed.Seconds())
		w.Flush()
		time.Sleep(time.Second)
	}
	return nil
}
