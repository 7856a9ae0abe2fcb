// Package lag measures how late the process runs: because other processes use the processors, because the container has used up
// its quota of processor time, because the process was stopped for a while, or because more goroutines want to run than there
// are processors. While a process is late, the time that an operation took says little about the server that the operation
// waited for.
package lag

import (
	"context"
	"math"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
)

const (
	// beat is how often the meter wants to run while it is asked.
	beat = 20 * time.Millisecond
	// restBeat is how often it wants to run if nobody has asked for as long as awake.
	restBeat = 500 * time.Millisecond
	awake    = time.Second
	// span is the time that one entry of the meter's memory covers. memory is the number of entries; together they cover 3 s.
	span   = 100 * time.Millisecond
	memory = 30
	// recent is how far Lag looks back.
	recent = 3 * span
)

// Meter measures while it runs; one that does not run is never late.
type Meter struct {
	loop lifecycle.Loop
	// due is when the next beat should come, in ns of Unix time; 0 while the meter does not run.
	due atomic.Int64
	// asked is when the meter was last asked, in ns of Unix time. resting is true while it runs each restBeat.
	asked   atomic.Int64
	resting atomic.Bool
	wake    lifecycle.Wake

	mu    sync.Mutex
	spans [memory]worst
}

// worst is the longest lag of a span.
type worst struct {
	span int64 // its number since 1970
	lag  time.Duration
}

var _ lifecycle.Service = (*Meter)(nil)

// New returns a meter that does not run yet.
func New() *Meter {
	m := &Meter{wake: lifecycle.NewWake()}
	m.loop.Run = m.run
	return m
}

// Start starts the goroutine that measures.
func (m *Meter) Start(ctx context.Context) error {
	m.asked.Store(time.Now().UnixNano())
	m.due.Store(time.Now().Add(beat).UnixNano())
	return m.loop.Start(ctx)
}

// Stop ends the goroutine.
func (m *Meter) Stop(ctx context.Context) error {
	err := m.loop.Stop(ctx)
	m.resting.Store(false)
	m.due.Store(0)
	return err
}

// Lag returns the most by which the process ran late in the last third of a second.
func (m *Meter) Lag() time.Duration { return m.Since(time.Now().Add(-recent)) }

// Since returns the most by which the process ran late since a time, which is at most 3 s ago. If the meter was not asked for 1 s
// before that time, it measures more coarsely at first, so whoever times an operation must ask when the operation begins.
func (m *Meter) Since(t time.Time) time.Duration {
	now := time.Now()
	late := m.overdue(now)
	m.ask(now)
	first := t.UnixNano() / int64(span)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.spans {
		if w.span >= first {
			late = max(late, w.lag)
		}
	}
	return late
}

// ask makes the meter run each beat for a while.
func (m *Meter) ask(now time.Time) {
	m.asked.Store(now.UnixNano())
	if m.resting.CompareAndSwap(true, false) {
		m.due.Store(now.Add(beat).UnixNano())
		m.wake.Signal()
	}
}

// next returns the time until the meter should run again, and stores when that is.
func (m *Meter) next(now time.Time) time.Duration {
	m.due.Store(now.Add(beat).UnixNano())
	asked := m.asked.Load()
	if now.UnixNano()-asked < int64(awake) {
		return beat
	}
	m.due.Store(now.Add(restBeat).UnixNano())
	m.resting.Store(true)
	if m.asked.Load() != asked && m.resting.CompareAndSwap(true, false) { // just now
		m.due.Store(now.Add(beat).UnixNano())
		return beat
	}
	return restBeat
}

// overdue returns how late the next beat already is. It counts because the caller may run again before the meter does.
func (m *Meter) overdue(now time.Time) time.Duration {
	due := m.due.Load()
	if due == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-due))
}

func (m *Meter) run(ctx context.Context) {
	queue := newRunQueue()
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			m.resting.Store(false)
		case <-m.wake:
		}
		now := time.Now()
		m.record(now, max(m.overdue(now), queue.wait()))
		timer.Reset(m.next(now))
	}
}

// record notes how late the process was when it ran at a time.
func (m *Meter) record(now time.Time, late time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := now.UnixNano() / int64(span)
	if w := &m.spans[n%memory]; w.span != n {
		*w = worst{n, late}
	} else {
		w.lag = max(w.lag, late)
	}
}

// runQueue reads how long goroutines waited for a processor, from the histogram that the runtime keeps.
type runQueue struct {
	sample []metrics.Sample
	before []uint64
}

func newRunQueue() *runQueue {
	q := &runQueue{sample: []metrics.Sample{{Name: "/sched/latencies:seconds"}}}
	q.wait()
	return q
}

// wait returns the 95th percentile of the waits since the last call.
func (q *runQueue) wait() time.Duration {
	metrics.Read(q.sample)
	if q.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := q.sample[0].Value.Float64Histogram()
	if q.before == nil {
		q.before = make([]uint64, len(h.Counts))
	}
	total := uint64(0)
	for i, n := range h.Counts {
		q.before[i], total = n-q.before[i], total+n-q.before[i]
	}
	beyond := total / 20
	var wait float64
	for i := len(h.Counts) - 1; i >= 0; i-- {
		if n := q.before[i]; n > beyond {
			wait = h.Buckets[i]
			break
		} else {
			beyond -= n
		}
	}
	copy(q.before, h.Counts)
	if total == 0 || math.IsInf(wait, 0) {
		return 0
	}
	return time.Duration(wait * float64(time.Second))
}
