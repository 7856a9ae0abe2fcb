package server

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// boundMetrics holds the metrics that requests count, by their labels. To look a metric up by its labels, Prometheus hashes all of them.
// A metric appears when it is counted for the first time, as without it.
type boundMetrics struct {
	statuses   [600]atomic.Pointer[prometheus.Counter] // by status
	mu         sync.Mutex                              // of those who add to operations
	operations atomic.Pointer[map[operationLabels]*operationMetrics]
}

// operationLabels are the labels of an operation. There are few values of each.
type operationLabels struct{ how, kind, code string }

// operationMetrics are the metrics of the operations with the same labels.
type operationMetrics struct {
	count    prometheus.Counter
	duration prometheus.Observer // nil for operations whose duration is not measured
}

// answered returns the counter of requests with a status.
func (m *metrics) answered(status int) prometheus.Counter {
	if status < 0 || status >= len(m.bound.statuses) {
		return m.requests.WithLabelValues(strconv.Itoa(status))
	}
	if c := m.bound.statuses[status].Load(); c != nil {
		return *c
	}
	c := m.requests.WithLabelValues(strconv.Itoa(status))
	m.bound.statuses[status].Store(&c)
	return c
}

// operation returns the metrics of operations with the labels.
func (m *metrics) operation(how, kind, code string) *operationMetrics {
	labels := operationLabels{how, kind, code}
	if all := m.bound.operations.Load(); all != nil {
		if o := (*all)[labels]; o != nil {
			return o
		}
	}
	m.bound.mu.Lock()
	defer m.bound.mu.Unlock()
	all := map[operationLabels]*operationMetrics{}
	if old := m.bound.operations.Load(); old != nil {
		all = maps.Clone(*old)
	}
	o := &operationMetrics{count: m.operations.WithLabelValues(how, kind, code)}
	if kind == "query" || kind == "mutation" {
		o.duration = m.duration.WithLabelValues(how, kind)
	}
	all[labels] = o
	m.bound.operations.Store(&all)
	return o
}
