package app

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/internal/buildinfo"
	"roost/internal/heat"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/live"
)

// collectors returns the metrics of a node, apart from the metrics that its server registers itself.
func (a *App) collectors() []prometheus.Collector {
	all := []prometheus.Collector{buildMetrics(), a.logMetrics(), a.redisMetrics(), a.sessionMetrics(), a.signInMetrics(),
		a.liveMetrics(), a.reactionMetrics(), hotTweets{a}}
	all = append(all, a.rows.Collectors()...)
	for name, pool := range a.stores.DB.Pools() {
		all = append(all, collectors.NewDBStatsCollector(pool, name))
	}
	if a.sampler != nil {
		all = append(all, a.sampler)
	}
	if a.fanout != nil {
		all = append(all, a.fanoutMetrics())
	}
	for name := range a.stores.DB.Loads() {
		all = append(all, a.permitMetrics(name))
	}
	if a.queries != nil {
		all = append(all, a.queryMetrics())
	}
	if a.budgets != nil {
		all = append(all, a.budgetMetrics())
	}
	if a.planned != nil {
		all = append(all, a.planned)
	}
	return all
}

// buildMetrics returns a gauge of 1 whose labels identify the binary, for joins with other metrics.
func buildMetrics() prometheus.Collector {
	i := buildinfo.Get()
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Name: "build_info", Help: "1, labelled with the version of this binary.",
		ConstLabels: prometheus.Labels{"version": i.Version, "commit": i.Commit, "go": i.Go}})
	g.Set(1)
	return g
}

// planMetrics returns the counter of how plans end.
func planMetrics() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "plans_total",
		Help: "Queries, fields of mutations and objects of events, by how their compiled plans ended. " +
			"All but answered, large and shed went to the resolvers."},
		[]string{"kind", "outcome"})
}

func (a *App) redisMetrics() prometheus.Collector {
	s := &snapshot[cache.Health]{read: a.redis.Health}
	s.gauge("redis_down", "1 while calls of some server of Redis are refused because the last ones failed.", func(h cache.Health) float64 {
		if h.Open {
			return 1
		}
		return 0
	})
	s.counter("redis_failures_total", "Calls of Redis that failed.", func(h cache.Health) int64 { return h.Failed })
	s.counter("redis_doubtful_total", "Calls of Redis that got no answer in time while this process itself ran late.",
		func(h cache.Health) int64 { return h.Doubtful })
	s.counter("redis_refused_total", "Calls of Redis that were refused without being sent because the last ones failed.",
		func(h cache.Health) int64 { return h.Refused })
	return s
}

// permitMetrics returns the metrics of the permits for a pool of database connections.
func (a *App) permitMetrics(pool string) prometheus.Collector {
	s := &snapshot[sqldb.Load]{read: func() sqldb.Load { return a.stores.DB.Loads()[pool] }}
	s.labels = prometheus.Labels{"db_name": pool}
	s.gauge("sql_permits", "Statements and transactions that requests may run at once.",
		func(l sqldb.Load) float64 { return float64(l.Permits) })
	s.gauge("sql_permits_held", "Statements and transactions that requests run now.", func(l sqldb.Load) float64 { return float64(l.Held) })
	s.gauge("sql_waiting", "Statements and transactions that wait for a permit.", func(l sqldb.Load) float64 { return float64(l.Waiting) })
	const refused, why = "sql_refused_total", "Statements and transactions that got no permit: too many waited, or none came in time."
	s.counter(refused, why, func(l sqldb.Load) int64 { return l.Refused[sqldb.QueueFull] }, "why", "queue_full")
	s.counter(refused, why, func(l sqldb.Load) int64 { return l.Refused[sqldb.WaitedInVain] }, "why", "waited")
	s.counter(refused, why, func(l sqldb.Load) int64 { return l.Refused[sqldb.Stalled] }, "why", "stalled")
	return s
}

// reactionMetrics returns the metrics of how reactions are combined.
func (a *App) reactionMetrics() prometheus.Collector {
	s := &snapshot[reactions.Stats]{read: a.sources.Reactions.Stats}
	s.gauge("reactions_waiting", "Reactions that wait for a transaction.",
		func(of reactions.Stats) float64 { return float64(of.Waiting) })
	s.counter("reaction_transactions_total", "Transactions that have changed reactions.",
		func(of reactions.Stats) int64 { return of.Transactions })
	s.counter("reaction_changes_total", "Reactions that these transactions have changed.",
		func(of reactions.Stats) int64 { return of.Changes })
	return s
}

// hotTweets are the metrics of the tweets with the most writes and reads.
type hotTweets struct{ *App }

// hotRanks is how many tweets of each kind are named.
const hotRanks = 5

var hotDesc = prometheus.NewDesc("roost_hot_tweets",
	"Changes of reactions a second (by=\"writes\") and estimated reads of counts a second (by=\"reads\") of the hottest tweets, "+
		"in the last whole minute.",
	[]string{"by", "rank", "tweet"}, nil)

// Describe is part of prometheus.Collector.
func (h hotTweets) Describe(to chan<- *prometheus.Desc) { to <- hotDesc }

// Collect is part of prometheus.Collector.
func (h hotTweets) Collect(to chan<- prometheus.Metric) {
	for by, all := range map[string][]heat.Hot{"writes": h.sources.Reactions.Hottest(hotRanks), "reads": h.rows.HottestReads(hotRanks)} {
		for i, hot := range all {
			to <- prometheus.MustNewConstMetric(hotDesc, prometheus.GaugeValue, hot.PerSecond, by, strconv.Itoa(i+1),
				ids.Encode(ids.KindTweet, hot.Key))
		}
	}
}

// sessionMetrics returns the metrics of sessions and of the making of ids.
func (a *App) sessionMetrics() prometheus.Collector {
	s := &snapshot[*App]{read: func() *App { return a }}
	s.gauge("id_lease_seconds", "Time until the right to make ids runs out; negative when it has.", func(a *App) float64 {
		left := a.stores.lease.until.Load() - ids.Millis(a.Config.clock().Now())
		return (time.Duration(left) * time.Millisecond).Seconds()
	})
	s.gauge("sessions_to_touch", "Sessions whose last use waits to be written.", func(a *App) float64 { return float64(a.toucher.Pending()) })
	const checks, help = "session_checks_total", "Checks of the sessions with open sockets."
	s.counter(checks, help, func(a *App) int64 { return a.checked.good.Load() }, "outcome", "ok")
	s.counter(checks, help, func(a *App) int64 { return a.checked.failed.Load() }, "outcome", "failed")
	s.counter("sessions_found_ended_total", "Sessions with open sockets that a check found to have ended.",
		func(a *App) int64 { return a.checked.ended.Load() })
	return s
}

// signInMetrics returns the metrics of attempts to prove a password and to sign up.
func (a *App) signInMetrics() prometheus.Collector {
	s := &snapshot[accounts.SignInStats]{read: a.sources.Accounts.SignInStats}
	s.gauge("sign_in_waiting", "Attempts to sign in or up that wait until a password may be hashed.",
		func(of accounts.SignInStats) float64 { return float64(of.Waiting) })
	s.counter("password_hashes_total", "Password hashes that were computed.", func(of accounts.SignInStats) int64 { return of.Hashes })
	const refused, why = "sign_in_refused_total", "Attempts to sign in or up that were refused before a password was hashed."
	for _, limit := range slices.Sorted(maps.Keys(a.sources.Accounts.SignInStats().Refused)) {
		s.counter(refused, why, func(of accounts.SignInStats) int64 { return of.Refused[limit] }, "limit", limit)
	}
	return s
}

func (a *App) liveMetrics() prometheus.Collector {
	s := &snapshot[live.Stats]{read: a.hub.Stats}
	const subscribers, listens = "live_subscribers", "Who listens to the hub."
	s.gauge(subscribers, listens, func(l live.Stats) float64 { return float64(l.Home) }, "to", "home")
	s.gauge(subscribers, listens, func(l live.Stats) float64 { return float64(l.Counts) }, "to", "counts")
	s.gauge(subscribers, listens, func(l live.Stats) float64 { return float64(l.Sessions) }, "to", "sessions")
	s.gauge("live_queued", "Changes of home timelines that wait for their subscribers.",
		func(l live.Stats) float64 { return float64(l.Queued) })
	s.gauge("live_longest_queue", "Changes that wait for the slowest subscriber.", func(l live.Stats) float64 { return float64(l.Longest) })
	const resets, reset = "live_resets_total", "Resets sent to subscribers of home timelines, who then read the timeline again."
	s.counter(resets, reset, func(l live.Stats) int64 { return l.Overflows }, "why", "slow")
	s.counter(resets, reset, func(l live.Stats) int64 { return l.Losses }, "why", "lost")
	s.counter(resets, reset, func(l live.Stats) int64 { return l.Rebuilds }, "why", "rebuilt")
	if a.follower != nil {
		s.gauge("live_behind", "Events that the log was ahead of this node's subscribers at the last look.",
			func(live.Stats) float64 { return float64(max(0, a.follower.Head()-a.hub.Position().Seq())) })
	}
	return s
}

func (a *App) queryMetrics() prometheus.Collector {
	s := &snapshot[cache.QueryStats]{read: a.queries.Stats}
	const lookups, sources = "persisted_lookups_total", "Lookups of persisted queries, by where the query was found."
	s.counter(lookups, sources, func(q cache.QueryStats) int64 { return q.Local }, "source", "local")
	s.counter(lookups, sources, func(q cache.QueryStats) int64 { return q.Redis }, "source", "redis")
	s.counter(lookups, sources, func(q cache.QueryStats) int64 { return q.Missed }, "source", "none")
	const writes, outcome = "persisted_writes_total", "Persisted queries for Redis: stored, or limited because this node wrote too many."
	s.counter(writes, outcome, func(q cache.QueryStats) int64 { return q.Stored }, "outcome", "stored")
	s.counter(writes, outcome, func(q cache.QueryStats) int64 { return q.Limited }, "outcome", "limited")
	return s
}

// snapshot collects figures that are read together.
type snapshot[S any] struct {
	read    func() S
	labels  prometheus.Labels // of all figures
	figures []figure[S]
}

type figure[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(S) float64
}

// gauge adds a gauge, with a label if there are arguments for one.
func (s *snapshot[S]) gauge(name, help string, value func(S) float64, label ...string) {
	s.add(name, help, prometheus.GaugeValue, value, label)
}

// counter adds a counter, which only grows.
func (s *snapshot[S]) counter(name, help string, value func(S) int64, label ...string) {
	s.add(name, help, prometheus.CounterValue, func(of S) float64 { return float64(value(of)) }, label)
}

func (s *snapshot[S]) add(name, help string, kind prometheus.ValueType, value func(S) float64, label []string) {
	labels := maps.Clone(s.labels)
	if len(label) == 2 {
		if labels == nil {
			labels = prometheus.Labels{}
		}
		labels[label[0]] = label[1]
	}
	s.figures = append(s.figures, figure[S]{prometheus.NewDesc("roost_"+name, help, nil, labels), kind, value})
}

// Describe is part of prometheus.Collector.
func (s *snapshot[S]) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range s.figures {
		ch <- f.desc
	}
}

// Collect is part of prometheus.Collector.
func (s *snapshot[S]) Collect(ch chan<- prometheus.Metric) {
	of := s.read()
	for _, f := range s.figures {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(of))
	}
}
