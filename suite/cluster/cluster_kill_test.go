package cluster

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// Nodes and workers are killed at any moment, alone or together, while clients post tweets: every tweet that
// was acknowledged is there, and each tweet's event has had its effect, once and whole.
func TestClusterKilledAtRandom(t *testing.T) {
	t.Parallel()
	kills := testtime.Soak(12, 100)
	c := newCluster(t)
	l := c.post(t, 6, 5*time.Millisecond)
	l.more(t, 1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for killed := 0; killed < kills; {
		all := c.all()
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		// Now and then nobody is left to answer, or to work, or at all.
		victims := all[:[]int{1, 1, 1, 2, 2, 3, 4}[rnd.IntN(7)]]
		l.more(t, rnd.IntN(40))
		rig.Signal(t, syscall.SIGKILL, victims...)
		for _, p := range victims {
			<-p.Proc.Exited()
		}
		killed += len(victims)
		if c.answers() {
			l.more(t, rnd.IntN(20))
		}
		c.start(t, victims...)
	}
	l.more(t, 1)
	l.end()
	c.settle(t, l)
	if len(l.refused) > 0 {
		t.Errorf("%d tweets were refused, such as with %s", len(l.refused), l.refused[0])
	}
	t.Logf("%d kills, %d tweets acknowledged, %d requests cut off, %d tweets there", kills, len(l.posts), len(l.cut),
		apitest.Int(t, c.db, "SELECT count(*) FROM tweets"))
}

// answers reports whether a node runs that answers.
func (c *cluster) answers() bool {
	for _, p := range c.api {
		select {
		case <-p.Proc.Exited():
		default:
			return true
		}
	}
	return false
}
