package cache

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"roost/internal/moment"
)

// coherence decides which copies a read may use.
type coherence interface {
	// read looks up keys of one server, and puts what it finds into out. A value of a copy is what a plain read of Redis would have
	// returned at some time since the moment began. It returns the indexes of the keys that must be read as if there were no copies.
	read(ctx context.Context, of lookup, g group, out []readResult) (left []int)
	// changing is called before a script changes entries, and the function that it returns after that, before the caller returns.
	changing(keys []string) (done func())
	// forget is called after all entries were removed.
	forget()
	// copiesFor returns the copies of the one server that a read may look at, nil if there is more than one server, or no copies.
	copiesFor(of lookup) usableNow
	// works reports whether keys are answered from copies, as far as is known.
	works() bool
	// settle reports whether everything was dropped that the reads of a moment must not find among the copies.
	settle(ctx context.Context, of lookup) bool
	close()
}

// lookup is what a read asks for.
type lookup struct {
	keys   []string
	along  func() []string // see Request; nil if there are none
	epoch  int64
	moment *moment.Moment
	number int // of the moment
	// forgotten is that of pendingInvalidations, from after the pending ones were looked up.
	forgotten int64
}

// confirmation is the source that confirms a moment: the answer of a link, as long as no pending invalidation is forgotten.
type confirmation struct {
	by        *link
	forgotten int64
}

// confirmed reports whether a barrier of a link has confirmed the moment.
func (of lookup) confirmed(l *link) bool {
	return of.moment != nil && of.moment.Confirmed(confirmation{l, of.forgotten}, of.number)
}

// confirm notes that a barrier of a link was answered that began within the moment.
func (of lookup) confirm(l *link) { of.moment.Confirm(confirmation{l, of.forgotten}, of.number) }

// nothingKept is the coherence of a process without copies.
type nothingKept struct{}

func (nothingKept) read(_ context.Context, _ lookup, g group, _ []readResult) []int { return g.at }
func (nothingKept) changing([]string) func()                                        { return func() {} }
func (nothingKept) forget()                                                         {}
func (nothingKept) copiesFor(lookup) usableNow                                      { return usableNow{} }
func (nothingKept) works() bool                                                     { return false }
func (nothingKept) settle(context.Context, lookup) bool                             { return false }
func (nothingKept) close()                                                          {}

// keepCopies makes the process keep copies of entries, up to a number of bytes.
func (r *Redis) keepCopies(maxBytes int64) {
	r.coherence = nothingKept{}
	if maxBytes < 0 {
		return
	}
	if maxBytes == 0 {
		maxBytes = defaultCopyBytes()
	}
	r.memory = maxBytes
	if r.Embedded() {
		d := newDirect(r, maxBytes)
		r.coherence, r.copies, r.copyMetrics = d, d.copies, d.metrics
		return
	}
	t := newTracked(r, maxBytes)
	r.coherence, r.copies, r.copyMetrics = t, t.copies, t.metrics
}

// copyMetrics are the counters of copies.
type copyMetrics struct {
	barriers, readers, sweeps, asked, adopted, exempt, undone, lost prometheus.Counter
	entries, bytes, evicted                                         prometheus.Gauge
	tracking                                                        prometheus.Gauge
}

func newCopyMetrics() *copyMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "roost", Subsystem: "copies", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Subsystem: "copies", Name: name, Help: help})
	}
	return &copyMetrics{
		barriers: counter("barriers_total", "Round trips to Redis that confirmed copies of rows in the process."),
		readers:  counter("barrier_readers_total", "Reads that waited for a barrier; several share one."),
		sweeps:   counter("sweeps_total", "Round trips to Redis that only read its reports, because there were no reads for a while."),
		asked:    counter("asked_total", "Keys that a barrier's round trip asked Redis for, because there was no copy."),
		adopted:  counter("adopted_total", "Entries of Redis that became copies."),
		exempt:   counter("exempt_total", "Entries that did not become copies: their keys are written too often."),
		undone:   counter("invalidated_total", "Keys that Redis reported as changed."),
		lost:     counter("dropped_total", "Times that all copies of a server were dropped: a new connection, a flush, another primary."),
		entries:  gauge("entries", "Copies in the process, also those that are no longer used."),
		bytes:    gauge("bytes", "Memory that the copies take, in bytes."),
		evicted:  gauge("evicted", "Copies that made room for others since the start."),
		tracking: gauge("servers", "Servers of Redis that report changes to the process, so that it may use copies."),
	}
}

func (m *copyMetrics) all(c *copies) []prometheus.Collector {
	entries, bytes, evicted := c.size()
	m.entries.Set(float64(entries))
	m.bytes.Set(float64(bytes))
	m.evicted.Set(float64(evicted))
	return []prometheus.Collector{m.barriers, m.readers, m.sweeps, m.asked, m.adopted, m.exempt, m.undone, m.lost, m.entries, m.bytes,
		m.evicted, m.tracking}
}
