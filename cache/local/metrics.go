package local

import "github.com/prometheus/client_golang/prometheus"

// Stats holds the counts of a Store since it was made, and its current size.
type Stats struct {
	Hits, Misses, Evictions uint64
	Entries                 int
	// Bytes is the size of all slots and of the values.
	Bytes int64
}

// Stats returns the current counts. The shards are read one after the other, so they are not of one instant.
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

// Describe is part of prometheus.Collector.
func (s *Store[K, V]) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect is part of prometheus.Collector.
func (s *Store[K, V]) Collect(to chan<- prometheus.Metric) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("roost_cache_local_"+name, help, labels, prometheus.Labels{"entity": s.entity})
	}
	now := s.Stats()
	reads := desc("reads_total", "Reads of values in the process, by outcome: hit or miss.", "outcome")
	to <- prometheus.MustNewConstMetric(reads, prometheus.CounterValue, float64(now.Hits), "hit")
	to <- prometheus.MustNewConstMetric(reads, prometheus.CounterValue, float64(now.Misses), "miss")
	to <- prometheus.MustNewConstMetric(desc("evictions_total", "Values that were evicted from the process."),
		prometheus.CounterValue, float64(now.Evictions))
	to <- prometheus.MustNewConstMetric(desc("entries", "Values in the process."), prometheus.GaugeValue, float64(now.Entries))
	to <- prometheus.MustNewConstMetric(desc("bytes", "Bytes of these values and of all slots for values."),
		prometheus.GaugeValue, float64(now.Bytes))
}
