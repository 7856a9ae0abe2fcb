package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"roost/internal/admission"
	"roost/server/transport"
)

// metrics counts what the transports report. Labels have few values, and never one that a client chose freely.
type metrics struct {
	requests     *prometheus.CounterVec
	operations   *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	bound        boundMetrics
	sockets      prometheus.Gauge
	closes       *prometheus.CounterVec
	streams      prometheus.Gauge
	streamEnds   *prometheus.CounterVec
	refused      prometheus.Counter
	refusedConns prometheus.Counter
	dropped      prometheus.Counter
	timedOut     prometheus.Counter
	cut          prometheus.Counter
}

var _ transport.Observer = (*metrics)(nil)

func newMetrics(r *prometheus.Registry, unread *transport.Unread, gate *admission.Gate) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: name, Help: help}, labels)
	}
	m := &metrics{
		requests:   counter("http_requests_total", "HTTP requests to the API by status.", "code"),
		operations: counter("operations_total", "GraphQL operations by the code of their first error.", "transport", "kind", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "roost", Name: "operation_duration_seconds",
			Help:    "Time from the request to the answer; of queries and mutations.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"transport", "kind"}),
		sockets: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "roost", Name: "sockets", Help: "Open websockets.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "roost", Name: "event_streams", Help: "Open streams of Server-Sent Events.",
		}),
		streamEnds: counter("event_stream_ends_total", "Streams of Server-Sent Events that ended, by the code of a websocket's close.", "code"),
		closes:     counter("socket_closes_total", "Websockets closed, by code.", "code"),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "roost", Name: "sockets_refused_total", Help: "Websockets and event streams refused before they began.",
		}),
		refusedConns: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "roost", Name: "connections_refused_total", Help: "Connections closed because their address had too many.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "roost", Name: "socket_queue_dropped_total", Help: "Messages dropped with the queues of slow readers.",
		}),
		timedOut: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "roost", Name: "socket_write_timeouts_total",
			Help: "Websockets and event streams closed because a message did not leave in time.",
		}),
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "roost", Name: "answers_cut_total",
			Help: "Answers, requests, websockets and event streams cut off because their clients were too slow.",
		}),
	}
	for _, c := range append(gauges(unread, gate),
		m.requests, m.operations, m.duration, m.sockets, m.closes, m.streams, m.streamEnds,
		m.refused, m.refusedConns, m.dropped, m.timedOut, m.cut,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	) {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// gauges returns metrics of the memory that is held for clients, and of the gate.
func gauges(unread *transport.Unread, gate *admission.Gate) []prometheus.Collector {
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "roost", Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	all := []prometheus.Collector{
		gauge("unread_bytes", "Bytes of answers and messages that clients have not read yet.", unread.Held),
		gauge("requests_running", "Requests and operations that run, those that wait for the database aside.",
			func() int { return gate.Load().Running }),
		gauge("requests_inside", "Requests and operations that have begun.", func() int { return gate.Load().Inside }),
		gauge("requests_limit", "How many may run now.", func() int { return gate.Load().Limit }),
	}
	for kind, name := range map[admission.Kind]string{admission.Request: "http", admission.Patient: "socket"} {
		labels := prometheus.Labels{"transport": name}
		all = append(all,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "roost", Name: "requests_waiting", ConstLabels: labels,
				Help: "Requests and operations that wait for their turn."}, func() float64 { return float64(gate.Load().Waiting[kind]) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "roost", Name: "requests_refused_total", ConstLabels: labels,
				Help: "Requests and operations refused because more came than the node can bear."},
				func() float64 { return float64(gate.Load().Refused[kind]) }))
	}
	return all
}

// Operation and what follows make it an Observer.
func (m *metrics) Operation(how, kind, code string, took time.Duration) {
	o := m.operation(how, kind, code)
	o.count.Inc()
	if o.duration != nil {
		o.duration.Observe(took.Seconds())
	}
}
func (m *metrics) SocketOpened()             { m.sockets.Inc() }
func (m *metrics) SocketRefused()            { m.refused.Inc() }
func (m *metrics) QueueDropped(messages int) { m.dropped.Add(float64(messages)) }
func (m *metrics) WriteTimedOut()            { m.timedOut.Inc() }
func (m *metrics) Cut()                      { m.cut.Inc() }
func (m *metrics) StreamOpened()             { m.streams.Inc() }
func (m *metrics) StreamClosed(code int) {
	m.streams.Dec()
	m.streamEnds.WithLabelValues(closeLabel(code)).Inc()
}
func (m *metrics) SocketClosed(code int) {
	m.sockets.Dec()
	m.closes.WithLabelValues(closeLabel(code)).Inc()
}

// closeLabel returns the label of a close code. Codes outside the ranges that the protocols use share the label "other".
func closeLabel(code int) string {
	if code >= 1000 && code <= 1015 || code >= 4400 && code <= 4429 {
		return strconv.Itoa(code)
	}
	return "other"
}

// count counts requests by the status of their answer.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &requestOf(r.Context()).status
		counted.ResponseWriter = w
		defer func() { m.answered(counted.status).Inc() }()
		next.ServeHTTP(counted, r)
	})
}

// statusWriter remembers the status of an answer; 0 if there was none.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sets the status 200 if none was set.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
