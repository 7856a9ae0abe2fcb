package cache

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// Redis answers reads and refuses writes, so that no invalidation arrives, and the relay waits. Nodes that only serve
// the API, one of which starts meanwhile, show what was written, the writing node at once and the others within the
// bound, and never what it replaced after that; what nobody wrote stays warm. Then all is as ever.
func TestCacheRedisRefusesWrites(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ begin, end func(*redistest.Redis) }{
		"cannot save its data": {(*redistest.Redis).FailSaves, (*redistest.Redis).MendSaves},
		"lacks replicas":       {(*redistest.Redis).RefuseWrites, (*redistest.Redis).TakeWrites},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := rig.NewCluster(t, rig.Options{Args: []string{"--roles", "api"}})
			worker, newcomer := c.Prepare(t, "--roles", "worker"), c.Prepare(t, "--roles", "api")
			c.Start(t, append(c.Nodes, worker))
			ada, quiet := c.Nodes[0].SignUp(t, "ada"), c.Nodes[0].SignUp(t, "quiet")
			s := &stage{Cluster: c}
			s.says(t, ada, "old")
			s.says(t, quiet, "as ever")
			rig.AwaitInvalidations(t, c.Database)
			x.begin(c.Redis)
			slowest := time.Duration(0)
			writes := testtime.Soak(8, 60)
			text := ""
			for i := range writes {
				text = fmt.Sprint("new ", i)
				rig.SetBio(t, ada, text)
				acked := time.Now()
				wantBio(t, c.Nodes[0], ada, text, i%2 == 0)
				apitest.Until(t, "the other node to show "+text, func() bool {
					got, err := rig.BioOf(t.Context(), rig.AnonymousAt(c.Nodes[1], http.DefaultClient), ada, i%2 == 0)
					return err == nil && got == text
				})
				slowest = max(slowest, time.Since(acked))
				s.shows(t, ada, text)
			}
			if slowest > grace() {
				t.Errorf("the other node shows what was replaced for %s", slowest)
			}
			c.Start(t, []*rig.Process{newcomer})
			c.Nodes = append(c.Nodes, newcomer)
			for range 20 {
				s.shows(t, ada, text)
			}
			for _, p := range c.Nodes[:2] {
				if sql, _ := rig.AnonymousAt(p, http.DefaultClient).Must(t, rig.ProfileByID, apitest.Vars{"id": quiet.ID}).Cost(); sql != 0 {
					t.Errorf("what nobody wrote takes %d statements", sql)
				}
			}
			x.end(c.Redis)
			for _, p := range c.Nodes {
				apitest.Until(t, "a node to read from the cache again", func() bool {
					res := rig.AnonymousAt(p, http.DefaultClient).Must(t, rig.ProfileByID, apitest.Vars{"id": ada.ID})
					if got := res.String("node.bio"); got != text {
						t.Fatalf("after Redis takes writes again a node shows %q", got)
					}
					sql, _ := res.Cost()
					return sql == 0
				})
			}
			rig.SetBio(t, ada, "the end")
			s.shows(t, ada, "the end")
			t.Logf("%d writes, the slowest shows on the other node after %s", writes, slowest.Round(time.Millisecond))
		})
	}
}

// The node that writes does not reach Redis; another one does, and shows the old row until it has followed the log: no
// worker runs that could repeat anything, and nobody waits for the first node to reach Redis again.
func TestCacheRedisAwayForTheWriter(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{Args: []string{"--roles", "api"}})
	k := rig.NewProxy(t, c.Redis.Addr())
	own := *c
	own.Config.RedisURL = k.URL()
	writer := own.Prepare(t, "--roles", "api")
	c.Start(t, append(c.Nodes, writer))
	ada := writer.SignUp(t, "ada")
	s := &stage{Cluster: c}
	s.says(t, ada, "old")
	k.Cut()
	slowest := time.Duration(0)
	for i := range testtime.Soak(8, 60) {
		text := fmt.Sprint("new ", i)
		rig.SetBio(t, ada, text)
		acked := time.Now()
		wantBio(t, writer, ada, text, false)
		for _, p := range c.Nodes {
			apitest.Until(t, "another node to show "+text, func() bool {
				got, err := rig.BioOf(t.Context(), rig.AnonymousAt(p, http.DefaultClient), ada, false)
				return err == nil && got == text
			})
		}
		slowest = max(slowest, time.Since(acked))
		s.shows(t, ada, text)
		s.shows(t, ada, text)
	}
	if slowest > grace() {
		t.Errorf("other nodes show what was replaced for %s", slowest)
	}
	k.Restore()
	for range 20 {
		wantBio(t, writer, ada, fmt.Sprint("new ", testtime.Soak(8, 60)-1), false)
	}
	t.Logf("the slowest shows on the other nodes after %s", slowest.Round(time.Millisecond))
}
