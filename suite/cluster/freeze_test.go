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

// A worker that has parts, and a node that answers, with its sequencer, freeze for longer than the lease: the
// others do their work meanwhile. When they go on, nothing is done twice and nothing is blamed.
func TestClusterFrozenAtRandom(t *testing.T) {
	t.Parallel()
	// A process that freezes inside a transaction loses that before the lease of the tally ends. On a busy machine
	// this happens to processes that do not freeze, too: the load may be refused.
	c := newCluster(t, "&idle_in_transaction_session_timeout=400")
	l := c.post(t, 4, 10*time.Millisecond)
	held := 0
	for round := range testtime.Soak(4, 40) {
		one, other := c.workers[round%2], c.workers[1-round%2]
		node := c.api[rand.IntN(2)]
		// With the other one frozen, all parts come to this one.
		rig.Signal(t, syscall.SIGSTOP, other)
		c.handles(t)
		l.more(t, rand.IntN(40))
		rig.Signal(t, syscall.SIGSTOP, one, node)
		held += len(apitest.Ints(t, c.db, "SELECT partition FROM group_partitions WHERE owner <> ''"))
		rig.Signal(t, syscall.SIGCONT, other)
		c.handles(t)
		rig.Signal(t, syscall.SIGCONT, one, node)
	}
	if held == 0 {
		t.Error("no worker froze that had a part")
	}
	l.more(t, 1)
	l.end()
	c.settle(t, l)
	t.Logf("workers that froze had %d parts; %d tweets acknowledged, %d cut off, %d refused", held, len(l.posts), len(l.cut), len(l.refused))
}
