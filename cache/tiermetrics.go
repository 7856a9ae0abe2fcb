package cache

import "github.com/prometheus/client_golang/prometheus"

// tierMetrics are the counters of a tier, by kind.
type tierMetrics struct {
	reads, refused, invalidations *prometheus.CounterVec
	waits                         *prometheus.CounterVec
	pending, suspended            prometheus.Gauge
}

func newTierMetrics() *tierMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Subsystem: "cache", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Subsystem: "cache", Name: name, Help: help})
	}
	return &tierMetrics{
		reads: counter("reads_total", "Keys read, by outcome: copy (in the process); hit (in Redis); filled (read from SQL and "+
			"cached); shared (with another read in the process); and read from SQL without being cached: fallback (waited too long for "+
			"another's fill), announced (a write is under way), uncached (too large, or refused by Redis), unreachable (no Redis); failed "+
			"(SQL returned an error).",
			"kind", "outcome"),
		waits: counter("waits_total", "Times that a reader waited for another node's fill.", "kind"),
		refused: counter("refused_fills_total", "Fills that Redis refused, by reason: lease (the reader had lost it) or version (below "+
			"the minimum version).", "kind", "reason"),
		invalidations: counter("invalidations_total", "Invalidations, by outcome: dropped (there was older data), updated (newer data "+
			"replaced it), raised (there was no data; "+
			"the minimum version rose), current (nothing to do), failed (Redis did not take it).", "kind", "outcome"),
		pending: gauge("pending_invalidations", "Keys whose invalidation Redis has not taken from this node yet; the node reads them from SQL."),
		suspended: gauge("suspended", "1 while this node reads nothing from some or all servers of Redis, because they may hold old rows "+
			"under keys that the node cannot determine."),
	}
}

// kindCounters are the counters of one kind, looked up once.
type kindCounters struct {
	copied, hit, filled, shared, fallback, announced, uncached, away, failed prometheus.Counter
	waits, lostLease, oldVersion                                             prometheus.Counter
	dropped, updated, raised, current, unsent                                prometheus.Counter
}

func (m *tierMetrics) of(kind string) kindCounters {
	read := func(outcome string) prometheus.Counter { return m.reads.WithLabelValues(kind, outcome) }
	invalidated := func(outcome string) prometheus.Counter { return m.invalidations.WithLabelValues(kind, outcome) }
	return kindCounters{
		copied: read("copy"), hit: read("hit"), filled: read("filled"), shared: read("shared"), fallback: read("fallback"),
		announced: read("announced"), uncached: read("uncached"), away: read("unreachable"), failed: read("failed"),
		waits:     m.waits.WithLabelValues(kind),
		lostLease: m.refused.WithLabelValues(kind, "lease"), oldVersion: m.refused.WithLabelValues(kind, "version"),
		dropped: invalidated("dropped"), updated: invalidated("updated"), raised: invalidated("raised"),
		current: invalidated("current"), unsent: invalidated("failed"),
	}
}

// Describe is part of prometheus.Collector.
func (t *Tier) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(t, to) }

// Collect is part of prometheus.Collector.
func (t *Tier) Collect(to chan<- prometheus.Metric) {
	m := t.metrics
	m.pending.Set(float64(t.pending.len()))
	m.suspended.Set(float64(min(t.Suspension(), 1)))
	for _, c := range []prometheus.Collector{m.reads, m.waits, m.refused, m.invalidations, m.pending, m.suspended} {
		c.Collect(to)
	}
	if t.redis.copies != nil {
		for _, c := range t.redis.copyMetrics.all(t.redis.copies) {
			c.Collect(to)
		}
	}
}
