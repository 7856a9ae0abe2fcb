package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"text/tabwriter"

	"roost/bench/load"
	"roost/bench/ops"
)

const (
	// othersRate is how many requests of each of the others are sent a second: reactions to random tweets, and reads of counts.
	othersRate = 100
	// likesShare is the part of the throughput of a closed loop at which likes are sent beside them.
	likesShare = 0.5
)

// beside measures what others meet while likes arrive at half of the rate that the node can take of them: first without such likes, then
// while as many go to random tweets, then while they all go to one tweet.
func beside(ctx context.Context, s *Settings) (err error) {
	s.Operations = "react,summaries,viral"
	b, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.Close()) }()
	if err := b.rig.Baseline.Stop(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "likes\toffered/s\toperation\toffered/s\tgood/s\tp50 ms\tp95 ms\tp99 ms\trefused\tlate\tbroken\tunsent")
	for _, likes := range []string{"", "react", "viral"} {
		if err := b.besideLikes(ctx, likes, w); err != nil {
			return errors.Join(err, w.Flush())
		}
	}
	return w.Flush()
}

// besideLikes measures the others beside likes of an operation, or without if its name is empty, and writes a row for each kind.
func (b *bench) besideLikes(ctx context.Context, likes string, w *tabwriter.Writer) error {
	var offers []load.Offer
	var names []string
	offer := func(name string, rate float64, conns int) {
		// Each has sources of its own, because they run at the same time.
		op := named(ops.All(b.world), name)
		names = append(names, name)
		offers = append(offers, load.Offer{Addr: b.rig.Roost.Addr, Traffic: op.Roost, Rate: rate, Duration: 2 * b.Duration,
			Deadline: overloadDeadline, Conns: conns})
	}
	offer("react", othersRate, overloadConns)
	offer("summaries", othersRate, overloadConns)
	rate := 0.0
	if likes != "" {
		most, err := b.closedLoop(ctx, b.rig.Roost.Addr, named(ops.All(b.world), likes), b.Connections)
		if err != nil {
			return fmt.Errorf("%s: %w", likes, err)
		}
		rate = likesShare * most
		offer(likes, rate, b.Connections) // a viewer's likes of one tweet come one after another
	}
	say("others beside %.0f likes a second %s", rate, likes)
	outcomes, errs := make([]*load.Outcome, len(offers)), make([]error, len(offers))
	var wg sync.WaitGroup
	for i, o := range offers {
		wg.Go(func() { outcomes[i], errs[i] = o.Run(ctx) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if likes == "" {
		likes = "none"
	}
	for i, out := range outcomes {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%d\t%d\t%d\t%d\n", likes, rate, names[i], offers[i].Rate,
			out.Goodput(offers[i].Duration), ms(out.Latency.Quantile(.5)), ms(out.Latency.Quantile(.95)), ms(out.Latency.Quantile(.99)),
			out.Refused, out.Late, out.Broken, out.Unsent)
	}
	return nil
}
