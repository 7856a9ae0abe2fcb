package app

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/domain/timelines"
	"roost/rows"
)

// defaultPreparedFollowers is the number of followers from which on an author is merged: a post then costs as many commands in Redis.
const defaultPreparedFollowers, minPreparedFollowers = 10_000, 10

// preparedModes are the values of PreparedTimelines.
var preparedModes = map[string]rows.PreparedMode{
	"": rows.PreparedOff, "off": rows.PreparedOff, "policy": rows.PreparedPolicy, "always": rows.PreparedAlways,
}

func (c *Config) checkPrepared(bad *mistakes) {
	if _, ok := preparedModes[c.PreparedTimelines]; !ok {
		bad.add("prepared-timelines", fmt.Errorf("%q is none of off, policy and always", c.PreparedTimelines))
	}
	if c.PreparedFollowers == 0 {
		c.PreparedFollowers = defaultPreparedFollowers
	}
	if c.PreparedFollowers < minPreparedFollowers {
		bad.add("prepared-followers", fmt.Errorf("it must be at least %d", minPreparedFollowers))
	}
}

// fanoutMetrics returns the metrics of what this worker pushes into prepared timelines.
func (a *App) fanoutMetrics() prometheus.Collector {
	s := &snapshot[timelines.FanoutStats]{read: a.fanout.Stats}
	s.counter("timeline_records_pushed_total", "Records for prepared timelines, one for each follower of an author.",
		func(of timelines.FanoutStats) int64 { return of.Pushed })
	s.counter("timeline_generations_total", "Sections of Redis in which all prepared timelines were given up, because Redis had lost data.",
		func(of timelines.FanoutStats) int64 { return of.Renewed })
	s.counter("timeline_batches_repeated_total", "Batches that were repeated because Redis had lost a part of them.",
		func(of timelines.FanoutStats) int64 { return of.Lost })
	s.counter("timelines_trimmed_total", "Prepared timelines whose records became part of their snapshots.",
		func(of timelines.FanoutStats) int64 { return of.Trimmed })
	s.gauge("timeline_fanouts_waiting", "Events that waited to be pushed in chunks when this worker last looked.",
		func(of timelines.FanoutStats) float64 { return float64(of.Waiting) })
	s.gauge("timeline_authors_merged", "Authors who were merged when this worker last looked.",
		func(of timelines.FanoutStats) float64 { return float64(of.MergedAuthors) })
	return s
}

// prepare makes pages of home timelines come from Redis, and workers push into it, as the configuration says. A node that does not read
// through the cache prepares nothing.
func (a *App) prepare() error {
	mode := preparedModes[a.Config.PreparedTimelines]
	if mode == rows.PreparedOff || !a.Config.ReadCache {
		return nil
	}
	lists, err := cache.NewLists(a.redis)
	if err != nil {
		return err
	}
	cfg := timelines.FanoutConfig{}
	if mode == rows.PreparedPolicy {
		cfg.MaxPushed = int64(a.Config.PreparedFollowers)
	}
	if a.Config.Has("worker") {
		a.fanout = timelines.NewFanout(a.stores.DB, a.log, lists, cfg)
	}
	if a.Config.Has("api") {
		a.log.Observe(a.rows.ObservePrepared)
		return a.rows.Prepare(mode, lists)
	}
	return nil
}
