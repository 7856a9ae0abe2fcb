package cache

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// Five hundred clients of two nodes ask for a key that nobody has: SQL is asked once.
func TestCacheColdKeyCostsOneStatement(t *testing.T) {
	t.Parallel()
	const clients = 500
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	ada := c.Nodes[0].SignUp(t, "ada")
	rig.SetBio(t, ada, "cold")
	web := webClient(t)
	open := func() (statements int64, took []time.Duration) {
		var sum atomic.Int64
		took = make([]time.Duration, clients)
		apitest.Parallel(t, clients, func(i int) error {
			began := time.Now()
			who := rig.AnonymousAt(c.Nodes[i%2], web)
			res, err := who.Try(rig.ProfileByID, apitest.Vars{"id": ada.ID})
			for try := 1; try < 3 && errors.Is(err, io.EOF); try++ { // a node closes connections whose client is too slow to send a request
				res, err = who.Try(rig.ProfileByID, apitest.Vars{"id": ada.ID})
			}
			if err != nil {
				return err
			}
			took[i] = time.Since(began)
			if res.String("node.bio") != "cold" {
				t.Errorf("a profile is %s", res.Body)
			}
			sql, _ := res.Cost()
			sum.Add(int64(sql))
			return nil
		})
		slices.Sort(took)
		return sum.Load(), took
	}
	open() // the connections
	for range testtime.Soak(3, 20) {
		c.Redis.FlushAll()
		statements, took := open()
		p99 := took[clients*99/100]
		t.Logf("%d statements for %d reads, p50 %s, p99 %s", statements, clients, took[clients/2], p99)
		if statements != 1 {
			t.Errorf("%d statements for one cold key", statements)
		}
		if testtime.Soak(false, true) && p99 > 300*time.Millisecond {
			t.Errorf("p99 is %s", p99)
		}
	}
}
