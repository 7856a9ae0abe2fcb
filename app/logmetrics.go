package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/events"
)

// logMetrics returns the metrics of the log and its groups. Metrics that all nodes share are read from the database at each scrape,
// and are missing while the database is unreachable.
func (a *App) logMetrics() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("roost_log_"+name, help, labels, nil)
	}
	return &logMetrics{
		app: a, admin: a.eventAdmin(), reader: events.NewReader(a.stores.DB),
		head:    desc("head", "Seq of the newest event."),
		removed: desc("removed", "Seq of the newest event that retention has removed."),
		epochs:  desc("epochs_total", "How often this node has found that the database went back to an earlier state."),
		age:     desc("sequencer_age_seconds", "Time since this node's sequencer last looked for events with success."),
		lag:     desc("lag", "Events of the log after the position of the group.", "group"),
		oldest:  desc("oldest_event_seconds", "Age of the oldest event after the position of the group; 0 if there is none.", "group"),
		retrying: desc("retry_queue_events",
			"Events in the retry queue of the group: they wait for another attempt, or behind an event that does.", "group"),
		dead:    desc("dead_letters", "Events that the group does not try any more, until an operator retries them.", "group"),
		handled: desc("handled_total", "Events that this node has handled.", "group"),
		failed:  desc("failures_total", "Failed attempts to handle an event on this node.", "group"),
		looked:  desc("worker_age_seconds", "Time since this node's slowest worker of the group last looked for work.", "group"),
	}
}

type logMetrics struct {
	app    *App
	admin  *events.Admin
	reader *events.Reader

	head, removed, epochs, age, lag, oldest, retrying, dead, handled, failed, looked *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (m *logMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.head, m.removed, m.epochs, m.age, m.lag, m.oldest, m.retrying, m.dead, m.handled, m.failed,
		m.looked} {
		ch <- d
	}
}

// scrapeTimeout bounds the statements of one scrape.
const scrapeTimeout = 2 * time.Second

// Collect implements prometheus.Collector.
func (m *logMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ch <- prometheus.MustNewConstMetric(m.epochs, prometheus.CounterValue, float64(m.app.epochs.Changes()))
	gauge(m.age, m.app.sequencer.Age().Seconds())
	for _, g := range m.app.groups {
		h := g.Health()
		ch <- prometheus.MustNewConstMetric(m.handled, prometheus.CounterValue, float64(h.Handled), g.Name())
		ch <- prometheus.MustNewConstMetric(m.failed, prometheus.CounterValue, float64(h.Failed), g.Name())
		gauge(m.looked, h.Looked.Seconds(), g.Name())
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	head, err := m.reader.Head(ctx)
	if err != nil {
		return
	}
	gauge(m.head, float64(head))
	if removed, err := m.reader.Oldest(ctx); err == nil {
		gauge(m.removed, float64(removed))
	}
	groups, err := m.admin.Groups(ctx)
	if err != nil {
		return
	}
	for _, g := range groups {
		age := 0.0
		if !g.Oldest.IsZero() {
			age = max(0, m.app.Config.clock().Now().Sub(g.Oldest).Seconds())
		}
		gauge(m.lag, float64(g.Lag), g.Name)
		gauge(m.oldest, age, g.Name)
		gauge(m.retrying, float64(g.Retrying), g.Name)
		gauge(m.dead, float64(g.Dead), g.Name)
	}
}
