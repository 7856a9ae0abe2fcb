package local

import "github.com/prometheus/client_golang/prometheus"

// Stats are the counts of a store since it was made, and what is in it.
type Stats struct {
	Hits, Misses, Evictions uint64
	Entries                 int
	// Bytes are those of the values and of all slots.
	Bytes int64
}

// Stats gives the counts; the shards are read one after the other.
func (s *Store[K, V]) Stats() Stats {
	out := Stats{Bytes: s.slots}
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		out.Hits, out.Misses, out.Evictions = out.Hits+h.hits, out.Misses+h.misses, out.Evictions+h.evicted
		out.Entries += h.probation.Len() + h.protected.Len()
		out.Bytes += h.bytes
		h.mu.Unlock()
	}
	return out
}

// Describe makes the store a prometheus.Collector.
func (s *Store[K, V]) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect makes the store a prometheus.Collector.
func (s *Store[K, V]) Collect(to chan<- prometheus.Metric) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("roost_cache_local_"+name, help, labels, prometheus.Labels{"entity": s.entity})
	}
	now := s.Stats()
	reads := desc("reads_total", "Reads of what the process keeps, by outcome: hit or miss.", "outcome")
	to <- prometheus.MustNewConstMetric(reads, prometheus.CounterValue, float64(now.Hits), "hit")
	to <- prometheus.MustNewConstMetric(reads, prometheus.CounterValue, float64(now.Misses), "miss")
	to <- prometheus.MustNewConstMetric(desc("evictions_total", "Values that others pushed out of the process."),
		prometheus.CounterValue, float64(now.Evictions))
	to <- prometheus.MustNewConstMetric(desc("entries", "Values that the process keeps."), prometheus.GaugeValue, float64(now.Entries))
	to <- prometheus.MustNewConstMetric(desc("bytes", "Bytes of those values and of all slots for them."), prometheus.GaugeValue, float64(now.Bytes))
}
