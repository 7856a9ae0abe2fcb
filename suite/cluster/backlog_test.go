package cluster

import (
	"net/http"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// All workers are stopped for a while under load: the API does not notice, operators see the lag, and when the
// workers are back the backlog drains under the same load, each event's effect once.
func TestClusterWorkersAway(t *testing.T) {
	t.Parallel()
	before, away := testtime.Soak(time.Second, 20*time.Second), testtime.Soak(3*time.Second, time.Minute)
	c := newCluster(t)
	l := c.post(t, 4, 10*time.Millisecond)
	l.more(t, 20)
	with := l.during(before)
	c.stopWorkers(t)
	without := l.during(away)
	for _, p := range c.api {
		if status, body := rig.Get(t, p.URL+"/readyz"); status != http.StatusOK {
			t.Errorf("without workers a node says %d %s", status, body)
		}
		if _, page := rig.Get(t, p.Admin+"/metrics"); !has(page, `roost_log_lag{group="tally"} `) || has(page, `roost_log_lag{group="tally"} 0`) {
			t.Error("without workers a node reports no lag")
		}
	}
	backlog := apitest.Int(t, c.db, "SELECT seq FROM log_heads") - c.position(t)
	began := time.Now()
	c.start(t, c.workers...)
	c.handles(t)
	drained := time.Since(began)
	after := l.during(before)
	l.end()
	c.settle(t, l)
	if len(l.cut)+len(l.refused) > 0 {
		t.Errorf("the API noticed: %d requests were cut off (%v), %d refused (%v)", len(l.cut), l.cut, len(l.refused), l.refused)
	}
	t.Logf("with workers: %s; without, for %s: %s; a backlog of %d events drained in %s under load; with workers again: %s",
		with, away, without, backlog, drained.Round(time.Millisecond), after)
}
