package costs

import (
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A node's metrics show operators the state of its parts.
func TestMetricsOfTheParts(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		s := u.Dial(t)
		rig.WatchHome(t, u, s)
		rig.WatchCounts(t, s, u.Tweet(t, "hello"))
		query := "{ viewer { email } }"
		for range 2 {
			if _, err := u.Persist(t.Context(), query); err != nil {
				t.Fatal(err)
			}
			if _, err := u.Persisted(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := u.Persisted(t.Context(), "{ unknown }"); err != nil {
			t.Fatal(err)
		}
		want := map[string]float64{
			`roost_live_subscribers{to="home"}`:              1,
			`roost_live_subscribers{to="counts"}`:            1,
			`roost_live_subscribers{to="sessions"}`:          1,
			`roost_live_queued`:                              0,
			`roost_live_longest_queue`:                       0,
			`roost_live_resets_total{why="slow"}`:            0,
			`roost_live_behind`:                              0,
			`roost_persisted_lookups_total{source="local"}`:  2,
			`roost_persisted_lookups_total{source="redis"}`:  0,
			`roost_persisted_lookups_total{source="none"}`:   1,
			`roost_persisted_writes_total{outcome="stored"}`: 1,
			`roost_redis_down`:                               0,
			`roost_session_checks_total{outcome="failed"}`:   0,
			`roost_sockets`:                                  1,
			`roost_socket_write_timeouts_total`:              0,
			`roost_connections_refused_total`:                0,
		}
		if r.Mode == apitest.Embedded {
			want[`roost_persisted_writes_total{outcome="stored"}`] = 0
		}
		var got map[string]float64
		apitest.Until(t, "a check of sessions and an idle hub", func() bool {
			got = rig.Metrics(t, r)
			return got[`roost_session_checks_total{outcome="ok"}`] > 0 && got["roost_live_behind"] == 0 && got["roost_live_queued"] == 0
		})
		for name, n := range want {
			if is, ok := got[name]; !ok || is != n {
				t.Errorf("%s is %v (there: %t), want %v", name, is, ok, n)
			}
		}
		if left := got["roost_id_lease_seconds"]; left <= 0 || left > 120 {
			t.Errorf("the id lease ends in %v s", left)
		}
		pools := 0
		for name := range got {
			if strings.HasPrefix(name, "go_sql_open_connections{") {
				pools++
			}
		}
		if _, ok := got["roost_sessions_to_touch"]; !ok || pools != map[apitest.Mode]int{apitest.Embedded: 2, apitest.Server: 1}[r.Mode] {
			t.Errorf("pools: %d; all figures: %v", pools, got)
		}
		if r.Redis != nil {
			r.Redis.Stop()
			apitest.Until(t, "Redis is told to be down", func() bool {
				r.Ready(t) // asks Redis
				got = rig.Metrics(t, r)
				return got["roost_redis_down"] == 1 && got["roost_redis_failures_total"] >= 3
			})
		}
	})
}
