package suite

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"roost/internal/apitest"
	"roost/internal/redistest"
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
			c := newPair(t, rig{args: []string{"--roles", "api"}})
			worker, newcomer := c.prepare(t, "--roles", "worker"), c.prepare(t, "--roles", "api")
			c.start(t, append(c.nodes, worker))
			ada, quiet := c.nodes[0].SignUp(t, "ada"), c.nodes[0].SignUp(t, "quiet")
			s := &stage{pair: c}
			s.says(t, ada, "old")
			s.says(t, quiet, "as ever")
			relayed(t, c.db)
			x.begin(c.redis)
			slowest := time.Duration(0)
			writes := soak(8, 60)
			text := ""
			for i := range writes {
				text = fmt.Sprint("new ", i)
				setBio(t, ada, text)
				acked := time.Now()
				wantBio(t, c.nodes[0], ada, text, i%2 == 0)
				apitest.Until(t, "the other node to show "+text, func() bool {
					got, err := bioOf(t.Context(), anyone(c.nodes[1], http.DefaultClient), ada, i%2 == 0)
					return err == nil && got == text
				})
				slowest = max(slowest, time.Since(acked))
				s.shows(t, ada, text)
			}
			if slowest > grace() {
				t.Errorf("the other node shows what was replaced for %s", slowest)
			}
			c.start(t, []*process{newcomer})
			c.nodes = append(c.nodes, newcomer)
			for range 20 {
				s.shows(t, ada, text)
			}
			for _, p := range c.nodes[:2] {
				if sql, _ := anyone(p, http.DefaultClient).Must(t, profileByID, apitest.Vars{"id": quiet.ID}).Cost(); sql != 0 {
					t.Errorf("what nobody wrote takes %d statements", sql)
				}
			}
			x.end(c.redis)
			for _, p := range c.nodes {
				apitest.Until(t, "a node to read from the cache again", func() bool {
					res := anyone(p, http.DefaultClient).Must(t, profileByID, apitest.Vars{"id": ada.ID})
					if got := res.String("node.bio"); got != text {
						t.Fatalf("after Redis takes writes again a node shows %q", got)
					}
					sql, _ := res.Cost()
					return sql == 0
				})
			}
			setBio(t, ada, "the end")
			s.shows(t, ada, "the end")
			t.Logf("%d writes, the slowest shows on the other node after %s", writes, slowest.Round(time.Millisecond))
		})
	}
}

// The node that writes does not reach Redis; another one does, and shows the old row until it has followed the log: no
// worker runs that could repeat anything, and nobody waits for the first node to reach Redis again.
func TestCacheRedisAwayForTheWriter(t *testing.T) {
	t.Parallel()
	c := newPair(t, rig{args: []string{"--roles", "api"}})
	k := newLink(t, c.redis.Addr())
	own := *c
	own.config.RedisURL = k.URL()
	writer := own.prepare(t, "--roles", "api")
	c.start(t, append(c.nodes, writer))
	ada := writer.SignUp(t, "ada")
	s := &stage{pair: c}
	s.says(t, ada, "old")
	k.Cut()
	slowest := time.Duration(0)
	for i := range soak(8, 60) {
		text := fmt.Sprint("new ", i)
		setBio(t, ada, text)
		acked := time.Now()
		wantBio(t, writer, ada, text, false)
		for _, p := range c.nodes {
			apitest.Until(t, "another node to show "+text, func() bool {
				got, err := bioOf(t.Context(), anyone(p, http.DefaultClient), ada, false)
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
	k.Mend()
	for range 20 {
		wantBio(t, writer, ada, fmt.Sprint("new ", soak(8, 60)-1), false)
	}
	t.Logf("the slowest shows on the other nodes after %s", slowest.Round(time.Millisecond))
}
