package cache

import "github.com/prometheus/client_golang/prometheus"

// tierMetrics are the counters of a tier, by kind.
type tierMetrics struct {
	reads, refused, invalidations *prometheus.CounterVec
	waits                         *prometheus.CounterVec
	owed, suspended               prometheus.Gauge
}

func newTierMetrics() *tierMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Subsystem: "cache", Name: name, Help: help}, labels)
	}
	return &tierMetrics{
		reads: counter("reads_total", "Keys read by how they were answered: hit, filled (from SQL, and cached), shared (with another "+
			"read in the process), escaped (from SQL after waiting), held (from SQL, an intent stands), uncached (from SQL, too large or "+
			"refused by Redis), away (from SQL, no Redis), failed.", "kind", "outcome"),
		waits:         counter("waits_total", "Times a reader waited for another node's fill.", "kind"),
		refused:       counter("refused_fills_total", "Fills refused: lease (it was lost) or version (it was old).", "kind", "reason"),
		invalidations: counter("invalidations_total", "Invalidations: dropped data, left a floor, current (nothing to do), failed.", "kind", "outcome"),
		owed: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Subsystem: "cache", Name: "owed_invalidations",
			Help: "Keys that this node could not invalidate yet and reads from SQL until it has."}),
		suspended: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Subsystem: "cache", Name: "suspended",
			Help: "1 while this node reads nothing from Redis, because there may be old rows that it cannot name."}),
	}
}

// kindCounters are a kind's, looked up once.
type kindCounters struct {
	hit, filled, shared, escaped, held, uncached, away, failed prometheus.Counter
	waits, lostLease, oldVersion                               prometheus.Counter
	dropped, floor, current, unsent                            prometheus.Counter
}

func (m *tierMetrics) of(kind string) kindCounters {
	read := func(outcome string) prometheus.Counter { return m.reads.WithLabelValues(kind, outcome) }
	invalidated := func(outcome string) prometheus.Counter { return m.invalidations.WithLabelValues(kind, outcome) }
	return kindCounters{
		hit: read("hit"), filled: read("filled"), shared: read("shared"), escaped: read("escaped"),
		held: read("held"), uncached: read("uncached"), away: read("away"), failed: read("failed"),
		waits:     m.waits.WithLabelValues(kind),
		lostLease: m.refused.WithLabelValues(kind, "lease"), oldVersion: m.refused.WithLabelValues(kind, "version"),
		dropped: invalidated("dropped"), floor: invalidated("floor"), current: invalidated("current"), unsent: invalidated("failed"),
	}
}

// Describe makes the tier a prometheus.Collector.
func (t *Tier) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(t, to) }

// Collect makes the tier a prometheus.Collector.
func (t *Tier) Collect(to chan<- prometheus.Metric) {
	t.metrics.owed.Set(float64(t.owed.len()))
	t.metrics.suspended.Set(float64(min(t.Suspension(), 1)))
	for _, c := range []prometheus.Collector{t.metrics.reads, t.metrics.waits, t.metrics.refused, t.metrics.invalidations, t.metrics.owed, t.metrics.suspended} {
		c.Collect(to)
	}
}
