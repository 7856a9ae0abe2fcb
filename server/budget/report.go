package budget

import (
	"context"
	"sync"
	"time"

	"roost/internal/gcra"
	"roost/internal/lifecycle"
)

// reports are the debts with spendings that have not been reported.
type reports struct {
	wake lifecycle.Wake

	mu sync.Mutex
	// waiting are in the order of their times; those in due have so many unreported points that they do not wait.
	waiting []waiting
	due     []*debt
}

// waiting is a debt with something to report since a time.
type waiting struct {
	*debt
	since time.Duration
}

func (r *reports) init() { r.wake = lifecycle.NewWake() }

// spend adds points to a debt if the rate allows them. It returns the debt, with the points if ok.
func (b *Budgets) spend(ctx context.Context, d *debt, rate gcra.Rate, points int64) (now time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := b.now(); ; at = b.now() {
		now = d.at(at)
		switch {
		case points <= 0:
			return now, true
		case !rate.Allows(now, points):
			return now, false
		case d.unreported+d.underWay == 0 || d.unreported+d.underWay+points <= rate.Limit/share || !b.reachable():
			b.put(d, rate, points, at)
			return d.at(at), true
		}
		b.waited.Add(1)
		if !b.await(ctx, d) {
			b.put(d, rate, points, at)
			return d.at(at), true
		}
	}
}

// add adds points to a debt, whatever the rate says, and returns the debt.
func (b *Budgets) add(d *debt, rate gcra.Rate, points int64) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := b.now()
	if points > 0 {
		b.put(d, rate, points, at)
	}
	return d.at(at)
}

// most bounds debts. Only the spendings of several nodes, and what the store's clock does, bring a debt beyond its window.
func most(rate gcra.Rate) time.Duration { return 2 * rate.Window }

// put adds points to a debt, and queues it to be reported. The caller holds the lock of the debt.
func (b *Budgets) put(d *debt, rate gcra.Rate, points int64, at time.Duration) {
	d.rate, d.ends = rate, at+min(d.at(at)+rate.Cost(points), most(rate))
	if b.store == nil {
		return
	}
	before, soon := d.unreported, rate.Limit/share/2
	d.unreported, d.last = before+points, at
	switch {
	case d.unreported >= soon && before < soon:
		b.reports.report(d)
	case before == 0:
		b.reports.wait(d, at)
	}
}

// report queues a debt that is to be reported at once.
func (r *reports) report(d *debt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due = append(r.due, d)
	r.wake.Signal()
}

// wait queues a debt that has something to report since a time.
func (r *reports) wait(d *debt, since time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, waiting{d, since})
}

// reachable reports whether the store answers, as far as is known.
func (b *Budgets) reachable() bool { return b.store != nil && int64(b.now()) >= b.awayUntil.Load() }

// await waits until nothing of a debt is unreported, or reports it. It is false if that failed. The caller holds the lock of the debt,
// which is released meanwhile.
func (b *Budgets) await(ctx context.Context, d *debt) bool {
	if answered := d.answered; answered != nil {
		d.mu.Unlock()
		defer d.mu.Lock()
		select {
		case <-answered:
			return true
		case <-ctx.Done():
			return false
		}
	}
	e, ok := b.take(d)
	if !ok {
		return true
	}
	d.mu.Unlock()
	defer d.mu.Lock()
	entries := []gcra.Entry{e}
	b.send(ctx, []*debt{d}, entries)
	return entries[0].Err == nil
}

// take begins the report of a debt. It is false if there is nothing to report, or a report is under way. The caller holds the lock of the
// debt.
func (b *Budgets) take(d *debt) (e gcra.Entry, ok bool) {
	if d.unreported == 0 || d.answered != nil {
		return e, false
	}
	at := b.now()
	e = gcra.Entry{Key: d.key.String(), Cost: d.rate.Cost(d.unreported), Age: at - d.last, Least: d.at(at), Most: most(d.rate)}
	d.underWay, d.unreported, d.answered = d.unreported, 0, make(chan struct{})
	return e, true
}

// send sends reports to the store, and notes the answers. What could not be reported is part of the debt that the next report of this
// node names.
func (b *Budgets) send(ctx context.Context, all []*debt, entries []gcra.Entry) {
	b.store.Spend(ctx, entries)
	at, failed := b.now(), false
	for i, d := range all {
		d.mu.Lock()
		if e := &entries[i]; e.Err == nil {
			d.ends = at + min(e.Debt+d.rate.Cost(d.unreported), most(d.rate))
			b.reported.Add(1)
		} else {
			failed = true
			b.failed.Add(1)
		}
		d.underWay = 0
		close(d.answered)
		d.answered = nil
		d.mu.Unlock()
	}
	if failed && ctx.Err() == nil {
		b.awayUntil.Store(int64(at + away))
	}
}

// maxReports is how many debts one call of the store has.
const maxReports = 256

// reportEvery is how often the node looks for debts to report.
const reportEvery = 250 * time.Millisecond

// Reporter returns the service that reports spendings to the store. It does nothing without one.
func (b *Budgets) Reporter() lifecycle.Service {
	return &lifecycle.Loop{Run: func(ctx context.Context) {
		if b.store == nil {
			return
		}
		for ctx.Err() == nil {
			for b.Report(ctx) {
			}
			lifecycle.Pause(ctx, b.reports.wake, reportEvery)
		}
	}}
}

// Report reports spendings that are due, at most maxReports of them, and reports whether there may be more.
func (b *Budgets) Report(ctx context.Context) (more bool) {
	all := b.reports.take(b.now())
	taken, entries := all[:0], make([]gcra.Entry, 0, len(all))
	for _, d := range all {
		d.mu.Lock()
		e, ok := b.take(d)
		isBusy := !ok && d.unreported > 0 // a report of it is under way
		d.mu.Unlock()
		switch {
		case ok:
			taken, entries = append(taken, d), append(entries, e)
		case isBusy:
			b.reports.wait(d, b.now())
		}
	}
	if len(taken) > 0 {
		b.send(ctx, taken, entries)
	}
	return len(all) == maxReports && ctx.Err() == nil
}

// take removes the debts to report at a time from the queues.
func (r *reports) take(at time.Duration) []*debt {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.due), maxReports)
	all := append(make([]*debt, 0, n), r.due[:n]...)
	if r.due = r.due[n:]; len(r.due) == 0 {
		r.due = nil
	}
	n = 0
	for ; n < len(r.waiting) && len(all) < maxReports && at-r.waiting[n].since >= ReportAfter; n++ {
		all = append(all, r.waiting[n].debt)
	}
	if r.waiting = r.waiting[n:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
	return all
}
