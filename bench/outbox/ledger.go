package outbox

import (
	"fmt"
	"sync"
	"time"

	"roost/bench/load"
)

// ledger holds for every event when it was committed and when it had its effect. Events are numbered from 1.
type ledger struct {
	mu      sync.Mutex
	tickets []*ticket // of event i+1; nil after its effect
	latency *load.Histogram
	last    time.Time // when the last effect was
	err     error
}

// ticket holds the times of the events of one transaction.
type ticket struct {
	first     int64
	committed time.Time
	left      int
	done      chan struct{} // closed when all have had their effects
}

// open returns the numbers of n new events.
func (l *ledger) open(n int) *ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &ticket{first: int64(len(l.tickets)) + 1, left: n, done: make(chan struct{})}
	for range n {
		l.tickets = append(l.tickets, t)
	}
	return t
}

// committed notes that the transaction whose first event has a number was acknowledged just now.
func (l *ledger) committed(first int64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tickets[first-1]; t != nil {
		t.committed = now
	}
}

// effect notes that the effects of events have been acknowledged just now. An effect may come before its commit was noted; then its
// latency is 0.
func (l *ledger) effect(events []int64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = now
	for _, n := range events {
		if n < 1 || n > int64(len(l.tickets)) || l.tickets[n-1] == nil {
			l.err = fmt.Errorf("event %d of %d had an effect that it should not have", n, len(l.tickets))
			continue
		}
		t := l.tickets[n-1]
		l.tickets[n-1] = nil
		took := time.Duration(0)
		if !t.committed.IsZero() {
			took = now.Sub(t.committed)
		}
		l.latency.Record(took)
		if t.left--; t.left == 0 {
			close(t.done)
		}
	}
}

// begin starts a new histogram.
func (l *ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = new(load.Histogram)
}

// result returns the result since begin.
func (l *ledger) result(start time.Time) (*load.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &load.Result{Latency: *l.latency, Elapsed: l.last.Sub(start)}, l.err
}

// events returns how many events there were.
func (l *ledger) events() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.tickets))
}
