package rows

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/events"
)

// gauge is a metric of a store's tier.
func gauge(t *testing.T, s *Store, name string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.tier)
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.GetName() == name {
			return m.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// A process that serves no reads, such as a node with the role worker alone, gets rid of the invalidations that Redis did
// not take from it, as others do: no reader makes it send them.
func TestRecoveryWithoutReaders(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	r.redis.Stop()
	all := make([]cache.Invalidation, 10_100)
	for i := range all {
		all[i] = r.there.Tweets.at(int64(i+1), 1)
	}
	if err := r.there.tier.Invalidate(t.Context(), cache.Announcement{}, all...); err == nil {
		t.Fatal("redis takes invalidations while it is stopped")
	}
	if r.there.tier.Suspension() == 0 || gauge(t, r.there, "roost_cache_pending_invalidations") != 10_000 {
		t.Fatal("the process remembers all of them, so this shows nothing")
	}
	r.relays(t, r.here)
	run(t, r.there.Recovery(events.NewReader(r.db)))
	r.redis.Restart()
	until(t, "nothing is suspended or pending", func() bool {
		return r.there.tier.Suspension() == 0 && gauge(t, r.there, "roost_cache_pending_invalidations") == 0
	})
}
