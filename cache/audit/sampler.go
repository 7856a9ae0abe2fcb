package audit

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/internal/lifecycle"
)

const (
	// SampleEvery is how often a Sampler draws keys in production, sampleSize how many it draws.
	SampleEvery = time.Second
	sampleSize  = 32
	// quietShare is how many draws a Sampler leaves out for each that it makes while nothing is written.
	quietShare = 10
	// firstRecheck is how soon a stale entry is looked at again. The pause doubles up to SampleEvery.
	firstRecheck = 10 * time.Millisecond
	// maxWatched is the most stale entries that are watched at a time.
	maxWatched = 64
)

// The outcomes of a sample. Stale entries are watched.
const (
	outcomeEqual   = "equal"
	outcomeNewer   = "newer_than_read"
	outcomeStale   = "stale"
	outcomeGone    = "gone"
	outcomeAhead   = "ahead"
	outcomeDiffers = "differs"
)

// Sampler compares a few entries a second with SQL. It is a lifecycle.Service and a prometheus.Collector.
type Sampler struct {
	lifecycle.Loop
	tier *cache.Tier
	rows rows
	// turns holds the turn at which each kind was compared last. Of the kinds drawn, the one with the oldest turn is compared.
	turns map[Kind]int
	turn  int
	// watched are stale entries by key. Only the loop touches it.
	watched map[string]watch
	quiet   func() bool // nil if it never rests

	staleness *prometheus.HistogramVec
	samples   *prometheus.CounterVec
	stale     prometheus.Gauge
}

// watch is an entry that was older than SQL.
type watch struct {
	kind   Kind
	stored cache.Value // the row in SQL
	since  time.Time
}

// NewSampler returns a Sampler of a tier's entries that draws once every interval.
func NewSampler(tier *cache.Tier, every time.Duration, kinds ...Kind) *Sampler {
	s := &Sampler{
		tier: tier, rows: newRows(kinds), turns: map[Kind]int{}, watched: map[string]watch{},
		staleness: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "roost", Subsystem: "cache", Name: "staleness_seconds",
			Help: "How long sampled entries stayed older than SQL after that was noticed, at least; 0 for those that were not older. An entry " +
				"counts as older only if SQL had the newer row before the entry was read.",
			Buckets: []float64{0, .01, .025, .05, .1, .25, .5, 1, 2, 5, 15, 60, 600, 3600}}, []string{"kind"}),
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Subsystem: "cache", Name: "samples_total",
			Help: "Sampled entries, by outcome: equal, newer_than_read (written in between), stale, gone, ahead (SQL has lost writes), " +
				"differs (the same version with other data)."}, []string{"kind", "outcome"}),
		stale: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "roost", Subsystem: "cache", Name: "stale_entries",
			Help: "Sampled entries that are older than SQL now."}),
	}
	s.Run = func(ctx context.Context) { s.run(ctx, every) }
	return s
}

// RestWhile makes the sampler draw only every tenth time while quiet returns true, because nothing was written lately. Rows that do
// not change have been compared before. It must be called before Start.
func (s *Sampler) RestWhile(quiet func() bool) { s.quiet = quiet }

// Describe is part of prometheus.Collector.
func (s *Sampler) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect is part of prometheus.Collector.
func (s *Sampler) Collect(to chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{s.staleness, s.samples, s.stale} {
		c.Collect(to)
	}
}

// run samples, and looks at stale entries again, until ctx ends. Entries that are stale then are counted with the time so far.
func (s *Sampler) run(ctx context.Context, every time.Duration) {
	sample, recheck := time.NewTicker(every), time.NewTimer(math.MaxInt64)
	defer sample.Stop()
	defer recheck.Stop()
	pause := firstRecheck
	drawn := time.Now()
	for {
		before := len(s.watched)
		select {
		case <-ctx.Done():
			for key := range s.watched {
				s.settled(key)
			}
			return
		case now := <-sample.C:
			if s.quiet != nil && now.Sub(drawn) < (quietShare-1)*every && s.quiet() {
				continue
			}
			drawn = now
			if err := s.sample(ctx); err != nil && ctx.Err() == nil {
				slog.DebugContext(ctx, "the cache was not sampled", "error", err)
			}
			if len(s.watched) > before {
				pause = firstRecheck
				recheck.Reset(pause)
			}
		case <-recheck.C:
			s.recheck(ctx)
			if len(s.watched) > 0 {
				pause = min(2*pause, every)
				recheck.Reset(pause)
			}
		}
	}
}

// sample draws keys and compares those of one kind. It takes one round trip for the keys, one statement, and one round trip for the
// entries.
func (s *Sampler) sample(ctx context.Context) error {
	names, err := s.tier.Sample(ctx, sampleSize)
	if err != nil {
		return err
	}
	k, keys := s.nextKind(names)
	if k == nil {
		return nil
	}
	values, err := stored(ctx, k, keys)
	if err != nil {
		return err
	}
	now := time.Now()
	var newerKeys []string
	var newerHeld []cache.Value
	for i, p := range s.tier.Inspect(ctx, keys) {
		switch p.State {
		case cache.Away:
			continue
		case cache.Held:
		default:
			s.samples.WithLabelValues(k.Name(), outcomeGone).Inc()
			continue
		}
		switch compare(k, p.Value, values[i]) {
		case equal:
			s.countFresh(k, outcomeEqual)
		case differs:
			s.samples.WithLabelValues(k.Name(), outcomeDiffers).Inc()
		case behind:
			s.watchStale(keys[i], watch{k, values[i], now})
		case newer:
			newerKeys, newerHeld = append(newerKeys, keys[i]), append(newerHeld, p.Value)
		}
	}
	return s.checkNewer(ctx, k, newerKeys, newerHeld)
}

// nextKind chooses the kind whose last comparison is the oldest, and returns its keys.
func (s *Sampler) nextKind(names []string) (chosen Kind, keys []string) {
	byKind := map[Kind][]string{}
	for _, name := range names {
		if k := s.rows.of(name); k != nil && s.watched[name].kind == nil {
			byKind[k] = append(byKind[k], name)
		}
	}
	for k := range byKind {
		if chosen == nil || cmp.Compare(s.turns[k], s.turns[chosen]) < 0 {
			chosen = k
		}
	}
	if chosen != nil {
		s.turn++
		s.turns[chosen] = s.turn
	}
	return chosen, byKind[chosen]
}

// countFresh counts a sample that was not stale.
func (s *Sampler) countFresh(k Kind, outcome string) {
	s.samples.WithLabelValues(k.Name(), outcome).Inc()
	s.staleness.WithLabelValues(k.Name()).Observe(0)
}

// checkNewer reads SQL again for entries that were newer than it. If they still are, SQL has lost writes.
func (s *Sampler) checkNewer(ctx context.Context, k Kind, keys []string, held []cache.Value) error {
	if len(keys) == 0 {
		return nil
	}
	values, err := stored(ctx, k, keys)
	if err != nil {
		return err
	}
	for i := range keys {
		if compare(k, held[i], values[i]) == newer {
			s.samples.WithLabelValues(k.Name(), outcomeAhead).Inc()
		} else {
			s.countFresh(k, outcomeNewer)
		}
	}
	return nil
}

// watchStale counts a stale entry and watches it, unless maxWatched are watched already.
func (s *Sampler) watchStale(key string, w watch) {
	s.samples.WithLabelValues(w.kind.Name(), outcomeStale).Inc()
	if len(s.watched) < maxWatched {
		s.watched[key] = w
		s.stale.Set(float64(len(s.watched)))
	}
}

// recheck looks at the watched entries, in one round trip a server. It stops watching those that are gone, or as new as the row was.
func (s *Sampler) recheck(ctx context.Context) {
	keys := make([]string, 0, len(s.watched))
	for key := range s.watched {
		keys = append(keys, key)
	}
	for i, p := range s.tier.Inspect(ctx, keys) {
		w := s.watched[keys[i]]
		if p.State != cache.Away && (p.State != cache.Held || compare(w.kind, p.Value, w.stored) != behind) {
			s.settled(keys[i])
		}
	}
}

func (s *Sampler) settled(key string) {
	w := s.watched[key]
	s.staleness.WithLabelValues(w.kind.Name()).Observe(time.Since(w.since).Seconds())
	delete(s.watched, key)
	s.stale.Set(float64(len(s.watched)))
}
