package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
)

const (
	// warmShare is the part of the throughput of a closed loop that is offered. The rest of the processors is for the independent
	// requests and the load generator.
	warmShare = 0.8
	// independentRate is how many requests of each independent kind are sent a second.
	independentRate = 100
	// outageConns bounds the connections of each kind of requests.
	outageConns = 2000
	// settling is how long the load runs before it is measured.
	settling = time.Second
	// bucket is the resolution of throughput, recovered is over how many buckets it must be back.
	bucket, recovered = 100 * time.Millisecond, 5
)

// The operations of an outage: those that need nothing of PostgreSQL on a node that has served for a while, and one that does.
var (
	independent = []string{"typename", "texts"}
	dependent   = "home"
)

// outageSpan are the times of an outage.
type outageSpan struct {
	start         time.Time // of the load
	settled       time.Time // from which on requests are compared with those of the outage
	stopped, back time.Time
	end           time.Time // of the load
}

// outage stops PostgreSQL under the load that the node answers otherwise, and measures what requests meet.
func (b *bench) outage(ctx context.Context) (*report.Outage, error) {
	b.rig.Roost.Patient = false
	defer func() { b.rig.Roost.Patient = true }()
	if err := errors.Join(b.rig.Baseline.Stop(), b.rig.Roost.Restart(ctx)); err != nil {
		return nil, err
	}
	all := append(ops.All(b.world), b.world.Texts())
	find := func(name string) ops.Operation { return named(all, name) }
	// A closed loop finds the throughput, and the cache has seen every request afterwards.
	for _, name := range independent {
		if _, err := b.saturation(ctx, b.rig.Roost.Addr, find(name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	warm, err := b.saturation(ctx, b.rig.Roost.Addr, find(dependent))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dependent, err)
	}
	before, after := settling+max(2*b.Duration, time.Second), max(2*b.Duration, 2*time.Second)
	say("outage: %.0f home pages a second, PostgreSQL stopped for %s", warmShare*warm, b.Outage)
	offers := []load.Offer{}
	for _, name := range append(slices.Clone(independent), dependent) {
		o := load.Offer{Addr: b.rig.Roost.Addr, Traffic: find(name).Roost, Rate: independentRate, Duration: before + b.Outage + after,
			Deadline: load.Patience, Conns: outageConns, Events: true}
		if name == dependent {
			o.Rate = warmShare * warm
		}
		offers = append(offers, o)
	}
	outcomes, span, err := b.weather(ctx, offers, before)
	if err != nil {
		return nil, err
	}
	last := len(outcomes) - 1
	out := &report.Outage{Seconds: span.back.Sub(span.stopped).Seconds(), Stopped: span.stopped.Sub(span.start).Seconds(),
		Dependent: span.weathered(dependent, offers[last], outcomes[last])}
	for i, name := range independent {
		out.Independent = append(out.Independent, span.weathered(name, offers[i], outcomes[i]))
	}
	out.Shed, out.Held = span.shed(outcomes[last].Events)
	out.Back = span.recovery(outcomes[last].Events, out.Dependent.Before)
	return out, nil
}

// named returns the operation with a name.
func named(all []ops.Operation, name string) ops.Operation {
	return all[slices.IndexFunc(all, func(op ops.Operation) bool { return op.Name == name })]
}

// weather puts all offers on the node at the same time, and stops PostgreSQL meanwhile.
func (b *bench) weather(ctx context.Context, offers []load.Offer, before time.Duration) ([]*load.Outcome, outageSpan, error) {
	span := outageSpan{start: time.Now()}
	span.settled, span.end = span.start.Add(settling), span.start.Add(offers[0].Duration)
	outcomes, errs := make([]*load.Outcome, len(offers)), make([]error, len(offers))
	var wg sync.WaitGroup
	for i, o := range offers {
		wg.Go(func() { outcomes[i], errs[i] = o.Run(ctx) })
	}
	err := until(ctx, span.start.Add(before))
	if err == nil {
		err = b.pause(ctx, &span)
	}
	wg.Wait()
	return outcomes, span, errors.Join(append(errs, err)...)
}

// pause stops PostgreSQL for a while.
func (b *bench) pause(ctx context.Context, span *outageSpan) (err error) {
	span.stopped = time.Now()
	resume, err := b.rig.PausePostgres()
	if err != nil {
		return err
	}
	err = until(ctx, span.stopped.Add(b.Outage))
	span.back = time.Now()
	return errors.Join(err, resume())
}

// weathered sums up the requests of one kind.
func (s outageSpan) weathered(name string, o load.Offer, out *load.Outcome) report.Weathered {
	k := report.Weathered{Name: name, Rate: o.Rate}
	before := due(out.Events, s.settled, s.stopped)
	during := due(out.Events, s.stopped, s.back)
	k.P99Before, k.P99During = p99(before), p99(during)
	for _, e := range during {
		switch e.Ending {
		case load.Refused:
			k.Refused++
		case load.Broken:
			k.Broken++
		}
	}
	k.Series = s.series(out.Events)
	k.Before, k.During, k.After = s.rate(out.Events, s.settled, s.stopped), s.rate(out.Events, s.stopped, s.back),
		s.rate(out.Events, s.back, s.end)
	return k
}

// due returns the requests that became due in a span.
func due(all []load.Event, from, to time.Time) (out []load.Event) {
	for _, e := range all {
		if !e.Due.Before(from) && e.Due.Before(to) {
			out = append(out, e)
		}
	}
	return out
}

// answered reports whether a request had a good answer.
func answered(e load.Event) bool { return e.Ending == load.Good || e.Ending == load.Late }

// p99 returns the latency, in ms, that 99 of 100 requests did not exceed. A request without a good answer exceeds every latency.
func p99(all []load.Event) float64 {
	var h load.Histogram
	failed := 0
	for _, e := range all {
		if answered(e) {
			h.Record(e.Took)
		} else {
			failed++
		}
	}
	if len(all) == 0 || failed*100 > len(all) {
		return report.Never
	}
	// The failed ones are the slowest, so the quantile among the others is a little higher.
	return ms(h.Quantile(min(1, .99*float64(len(all))/float64(len(all)-failed))))
}

// rate returns the good answers a second that came in a span.
func (s outageSpan) rate(all []load.Event, from, to time.Time) float64 {
	n := 0
	for _, e := range all {
		if at := e.Due.Add(e.Took); answered(e) && !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return float64(n) / to.Sub(from).Seconds()
}

// series returns the good answers in each bucket from the start to the end of the load.
func (s outageSpan) series(all []load.Event) []float64 {
	out := make([]float64, int(s.end.Sub(s.start)/bucket))
	for _, e := range all {
		if i := int(e.Due.Add(e.Took).Sub(s.start) / bucket); answered(e) && i >= 0 && i < len(out) {
			out[i]++
		}
	}
	return out
}

// shed returns for how long the requests that became due in the outage, and were not answered, waited for their refusal or for the
// end of their connection: the time, in ms, that 99 of 100 did not exceed. held is the most requests that waited at one time when
// each had waited for longer than report.MaxShed, with whatever end. A request that still waits when PostgreSQL returns has waited
// until then.
func (s outageSpan) shed(all []load.Event) (p99 float64, held int) {
	const patience = report.MaxShed * time.Millisecond
	type change struct {
		at time.Time
		by int
	}
	var h load.Histogram
	var changes []change
	for _, e := range due(all, s.stopped, s.back) {
		waited := min(e.Took, s.back.Sub(e.Due))
		if waited > patience {
			changes = append(changes, change{e.Due.Add(patience), 1}, change{e.Due.Add(waited), -1})
		}
		if !answered(e) {
			h.Record(waited)
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	waiting := 0
	for _, c := range changes {
		waiting += c.by
		held = max(held, waiting)
	}
	return ms(h.Quantile(.99)), held
}

// recovery returns how long after the outage the node answered nearly as much as before, in ms: until the first of some buckets that
// reach it together. Only requests count that became due after the outage, because those that waited for its end come in a burst. It
// returns report.Never if the node did not recover.
func (s outageSpan) recovery(all []load.Event, before float64) float64 {
	fresh := make([]float64, int(s.end.Sub(s.back)/bucket))
	for _, e := range due(all, s.back, s.end) {
		if i := int(e.Due.Add(e.Took).Sub(s.back) / bucket); answered(e) && i < len(fresh) {
			fresh[i]++
		}
	}
	for i := 0; i+recovered <= len(fresh); i++ {
		sum := 0.0
		for _, n := range fresh[i : i+recovered] {
			sum += n
		}
		if sum >= report.Recovered*before*recovered*bucket.Seconds() {
			return ms(time.Duration(i) * bucket)
		}
	}
	return report.Never
}
