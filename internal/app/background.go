package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/events"
	"roost/live"
	"roost/server"
)

// background is what a node does with the event log.
type background struct {
	sequencer *events.Sequencer
	tail      *live.Tail
	waker     *cache.Waker
	groups    []*events.Group // none without the role worker
}

// consumerGroups are the product's consumer groups; every node with the role worker works for each.
func (a *App) consumerGroups() []events.GroupConfig {
	return append(tally(), a.Config.Groups...)
}

// addBackground adds the sequencer, which every node runs, and what the role worker does.
func (a *App) addBackground() error {
	s := a.stores
	a.sequencer = events.NewSequencer(s.DB, a.logGrew)
	a.log.Observe(func([]events.Event) { a.sequencer.Wake() })
	a.services.Add("sequencer", a.sequencer)
	a.waker = cache.NewWaker(a.redis, a.wake)
	a.services.Add("waker", a.waker)
	if a.Config.Has("api") {
		a.tail = live.NewTail(a.hub, events.NewReader(s.DB))
		a.services.Add("live tail", a.tail)
	}
	if !a.Config.Has("worker") {
		return nil
	}
	a.services.Add("event cleaner", events.NewCleaner(s.Client, s.DB, a.Config.clock(), 0))
	for _, c := range a.consumerGroups() {
		g, err := events.NewGroup(s.Client, s.DB, a.Config.clock(), c)
		if err != nil {
			return err
		}
		a.groups = append(a.groups, g)
		a.services.Add("consumer group "+c.Name, g)
	}
	return nil
}

// logGrew wakes this node, and tells the others.
func (a *App) logGrew() {
	a.wake()
	a.waker.Grown()
}

// wake makes everything look that reads the log.
func (a *App) wake() {
	if a.tail != nil {
		a.tail.Wake()
	}
	for _, g := range a.groups {
		g.Wake()
	}
}

func (a *App) eventAdmin() *events.Admin {
	return events.NewAdmin(a.stores.Client, a.stores.DB, a.Config.clock())
}

// stuckAfter is how long background work may go without a look before the node says that it is degraded.
const stuckAfter = time.Minute

// logChecks tell when the background work stands still. They are optional: requests are served without it.
func (a *App) logChecks() []server.Check {
	checks := []server.Check{{Name: "sequencer", Optional: true, Run: func(context.Context) error {
		return stuck("the sequencer", a.sequencer.Age())
	}}}
	for _, g := range a.groups {
		checks = append(checks, server.Check{Name: "group " + g.Name(), Optional: true, Run: func(context.Context) error {
			return stuck("a worker", g.Health().Looked)
		}})
	}
	return checks
}

func stuck(who string, age time.Duration) error {
	if age > stuckAfter {
		return fmt.Errorf("%s last looked %s ago", who, age.Round(time.Second))
	}
	return nil
}

// logMetrics tells about the log and its groups. What all nodes share is read from the database at each
// scrape, and is missing while that is away.
func (a *App) logMetrics() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("roost_log_"+name, help, labels, nil)
	}
	return &logMetrics{
		app: a, admin: a.eventAdmin(), reader: events.NewReader(a.stores.DB),
		head:    desc("head", "Place of the newest event."),
		removed: desc("removed", "Place of the newest event that retention has removed."),
		age:     desc("sequencer_age_seconds", "Time since this node's sequencer last looked with success."),
		lag:     desc("lag", "Events that the group has not passed.", "group"),
		oldest:  desc("oldest_event_seconds", "Age of the oldest event that the group has not passed; 0 without one.", "group"),
		parked:  desc("parked_events", "Events that wait for another attempt, or behind one that does.", "group"),
		dead:    desc("dead_letters", "Events that the group has given up on.", "group"),
		handled: desc("handled_total", "Events that this node has handled.", "group"),
		failed:  desc("failures_total", "Attempts at events that failed on this node.", "group"),
		looked:  desc("worker_age_seconds", "Time since this node's slowest worker of the group last looked for work.", "group"),
	}
}

type logMetrics struct {
	app    *App
	admin  *events.Admin
	reader *events.Reader

	head, removed, age, lag, oldest, parked, dead, handled, failed, looked *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (m *logMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.head, m.removed, m.age, m.lag, m.oldest, m.parked, m.dead, m.handled, m.failed, m.looked} {
		ch <- d
	}
}

// scrapeWithin bounds the questions of one scrape to the database.
const scrapeWithin = 2 * time.Second

// Collect is part of prometheus.Collector.
func (m *logMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(m.age, m.app.sequencer.Age().Seconds())
	for _, g := range m.app.groups {
		h := g.Health()
		ch <- prometheus.MustNewConstMetric(m.handled, prometheus.CounterValue, float64(h.Handled), g.Name())
		ch <- prometheus.MustNewConstMetric(m.failed, prometheus.CounterValue, float64(h.Failed), g.Name())
		gauge(m.looked, h.Looked.Seconds(), g.Name())
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
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
		gauge(m.parked, float64(g.Parked), g.Name)
		gauge(m.dead, float64(g.Dead), g.Name)
	}
}
