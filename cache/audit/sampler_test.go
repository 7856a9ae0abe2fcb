package audit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/internal/reqstats"
	"roost/testkit/redistest"
)

// observed is what a histogram has: how many in all, how many in its first bucket, and their sum.
type observed struct {
	count, zeros int
	sum          float64
}

// metrics reads a sampler's metrics: samples by outcome, and the histogram, of one kind.
func (s *Sampler) metrics(t testing.TB, k Kind) (samples map[string]int, staleness observed) {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(s)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples = map[string]int{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch {
			case f.GetName() == "roost_cache_stale_entries":
				samples["now"] = int(m.GetGauge().GetValue())
			case labels["kind"] != k.Name():
			case f.GetName() == "roost_cache_samples_total":
				samples[labels["outcome"]] = int(m.GetCounter().GetValue())
			case f.GetName() == "roost_cache_staleness_seconds":
				h := m.GetHistogram()
				staleness = observed{int(h.GetSampleCount()), int(h.GetBucket()[0].GetCumulativeCount()), h.GetSampleSum()}
			}
		}
	}
	return samples, staleness
}

func (s *Sampler) start(t testing.TB) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
}

// A stale entry is found and watched until it is invalidated; the histogram has how long that took, and zeros
// for all others. Nothing is filled or changed by looking.
func TestSampler(t *testing.T) {
	onEach(t, func(t *testing.T, x *cache.Tier) {
		b := newTable("b")
		b.fill(t, x, 12)
		s := NewSampler(x, 20*time.Millisecond, b)
		s.start(t)
		until(t, "samples", func() bool { n, _ := s.metrics(t, b); return n[outcomeEqual] > 50 })
		stale := time.Now()
		b.set("3", 2, "second")
		key := b.Prefix() + "3"
		until(t, "the stale entry to be found", func() bool { n, _ := s.metrics(t, b); return n["now"] == 1 })
		found := time.Now()
		until(t, "a while", func() bool { return time.Since(found) > 300*time.Millisecond })
		if p := x.Inspect(t.Context(), []string{key})[0]; p.State != cache.Held || p.Value.Version != 1 {
			t.Errorf("looking changed it: %+v", p)
		}
		if err := x.Invalidate(t.Context(), cache.Announcement{}, cache.Invalidation{Key: key, Version: 2}); err != nil {
			t.Fatal(err)
		}
		until(t, "it to settle", func() bool { n, _ := s.metrics(t, b); return n["now"] == 0 })
		upTo := time.Since(stale)
		n, h := s.metrics(t, b)
		if n[outcomeStale] != 1 || h.zeros != n[outcomeEqual] || h.count != h.zeros+1 {
			t.Errorf("%v, %+v", n, h)
		}
		if h.sum < .3 || h.sum > upTo.Seconds() {
			t.Errorf("stale for %.3f s, want .3 to %s", h.sum, upTo)
		}
		if p := x.Inspect(t.Context(), []string{key})[0]; p.State == cache.Held {
			t.Errorf("looking filled it: %+v", p)
		}
	})
}

// What goes by itself settles, too; what differs at one version and what SQL has lost are distinguished; an entry
// that was written between the two reads is no fault.
func TestSamplerOutcomes(t *testing.T) {
	t.Parallel()
	x, b := tierAt(t, redistest.Start(t).URL()), newTable("b")
	keys := b.fill(t, x, 4)
	b.set("0", 1, "other")
	b.set("1", 0, "")
	b.set("2", 2, "second")
	s := NewSampler(x, SampleEvery, b)
	upTo := func(outcome string) {
		t.Helper()
		until(t, outcome, func() bool {
			if err := s.sample(t.Context()); err != nil {
				t.Fatal(err)
			}
			n, _ := s.metrics(t, b)
			return n[outcome] > 0
		})
	}
	upTo(outcomeDiffers)
	upTo(outcomeAhead)
	upTo(outcomeStale)
	upTo(outcomeEqual)
	for range 50 {
		if err := s.sample(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := s.metrics(t, b); n[outcomeStale] != 1 || n[outcomeNewer] != 0 || n["now"] != 1 {
		t.Errorf("what is watched is sampled again: %v", n)
	}
	if err := x.Drop(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	s.recheck(t.Context())
	if n, _ := s.metrics(t, b); n["now"] != 0 {
		t.Errorf("gone, and still watched: %v", n)
	}
	c := newTable("c")
	c.fill(t, x, 1)
	s = NewSampler(x, SampleEvery, c)
	values := []cache.Value{{Version: 1, Data: "first"}}
	if err := s.checkNewer(t.Context(), c, []string{c.Prefix() + "0"}, values); err != nil {
		t.Fatal(err)
	}
	if n, _ := s.metrics(t, c); n[outcomeNewer] != 1 {
		t.Errorf("written in between: %v", n)
	}
}

// The cost of a second: one statement and two round trips, whatever there is, and a round trip for a look; every
// kind has its turn. Of more stale entries than are watched the rest is counted.
func TestSamplerCost(t *testing.T) {
	t.Parallel()
	x := tierAt(t, redistest.Start(t).URL())
	var kinds []Kind
	var tables []*table
	for i := range 9 {
		b := newTable(fmt.Sprint("k", i))
		b.fill(t, x, 10+200*(i%2))
		kinds, tables = append(kinds, b), append(tables, b)
	}
	s := NewSampler(x, SampleEvery, kinds...)
	statements := func() (n int64) {
		for _, b := range tables {
			n += b.reads.Load()
		}
		return n
	}
	before := statements()
	on, stats := reqstats.With(t.Context())
	const seconds = 200
	for range seconds {
		if err := s.sample(on); err != nil {
			t.Fatal(err)
		}
	}
	if n := statements() - before; n > seconds {
		t.Errorf("%d statements in %d seconds", n, seconds)
	}
	if n := stats.RoundTrips(); n != 2*seconds {
		t.Errorf("%d round trips in %d seconds, want 2 each", n, seconds)
	}
	for _, b := range tables {
		if turns := b.reads.Load() - 1; turns < seconds/20 {
			t.Errorf("%s had %d turns in %d seconds", b.Name(), turns, seconds)
		}
		for i := range 210 {
			b.set(fmt.Sprint(i), 2, "second")
		}
	}
	for range seconds {
		if err := s.sample(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before = statements()
	on, stats = reqstats.With(t.Context())
	s.recheck(on)
	if statements() != before || stats.RoundTrips() != 1 {
		t.Errorf("a look costs %d statements and %d round trips", statements()-before, stats.RoundTrips())
	}
	if len(s.watched) != maxWatched {
		t.Errorf("%d are watched, at most %d may be", len(s.watched), maxWatched)
	}
}

// While nothing is written, only every tenth draw is made.
func TestSamplerRests(t *testing.T) {
	t.Parallel()
	const every, draws = 10 * time.Millisecond, 5
	x, b := tierAt(t, redistest.Start(t).URL()), newTable("b")
	b.fill(t, x, 5)
	s := NewSampler(x, every, b)
	s.RestWhile(func() bool { return true })
	began, before := time.Now(), b.reads.Load()
	s.start(t)
	until(t, "draws", func() bool { return b.reads.Load() >= before+draws })
	if took, least := time.Since(began), draws*(quietShare-1)*every; took < least {
		t.Errorf("%d draws took %s, want at least %s", draws, took, least)
	}
}

// Without Redis or without SQL it waits.
func TestSamplerThroughOutages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b := tierAt(t, server.URL()), newTable("b")
	b.fill(t, x, 5)
	s := NewSampler(x, 10*time.Millisecond, b)
	b.set("1", 2, "second")
	s.start(t)
	until(t, "the stale entry", func() bool { n, _ := s.metrics(t, b); return n["now"] == 1 })
	other := NewSampler(x, SampleEvery, b)
	other.watchStale(b.Prefix()+"1", watch{b, cache.Value{Version: 2, Data: "second"}, time.Now()})
	server.Pause()
	other.recheck(t.Context())
	server.Resume()
	if n, _ := other.metrics(t, b); n["now"] != 1 {
		t.Errorf("an outage settles what was stale: %v", n)
	}
	n, _ := s.metrics(t, b)
	until(t, "samples", func() bool { m, _ := s.metrics(t, b); return m[outcomeEqual] > n[outcomeEqual]+20 })
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, h := s.metrics(t, b); n["now"] != 0 || h.count != n[outcomeEqual]+1 {
		t.Errorf("at the end: %v, %d observed", n, h.count)
	}
}
