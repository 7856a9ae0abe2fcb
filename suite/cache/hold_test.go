package cache

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// A reader stops between its read of SQL and its fill of the cache, while the row is updated, and in a variant Redis
// is flushed besides: the next hundred reads on both nodes show the new row, also while it is held, and so do
// those after it has gone on.
func TestCacheReaderHeldBeforeItsFill(t *testing.T) {
	t.Parallel()
	for _, held := range testtime.Soak([]time.Duration{500 * time.Millisecond}, []time.Duration{500 * time.Millisecond, time.Minute}) {
		for name, flush := range map[string]bool{"update": false, "update and flush": true} {
			t.Run(fmt.Sprint(held, " ", name), func(t *testing.T) {
				t.Parallel()
				c := rig.NewCluster(t, rig.Options{})
				slow, other := c.Nodes[0], c.Nodes[1]
				c.Start(t, []*rig.Process{slow}, fmt.Sprintf("ROOST_FAULT=cache.before-fill:hold:%s:1", held))
				c.Start(t, []*rig.Process{other})
				ada := other.SignUp(t, "ada")
				rig.SetBio(t, ada, "old")
				c.Redis.FlushAll() // the writer has the row in the cache already

				began, late := time.Now(), make(chan string, 1)
				go func() {
					text, err := rig.BioOf(context.Background(), rig.AnonymousAt(slow, http.DefaultClient), ada, false)
					if err != nil {
						text = err.Error()
					}
					late <- text
				}()
				rig.AwaitLogLine(t, slow, "held at cache.before-fill")
				rig.SetBio(t, ada, "new")
				if flush {
					c.Redis.FlushAll()
				}
				for i := range 100 {
					wantBio(t, c.Nodes[i%2], ada, "new", i%4 < 2)
				}
				took := time.Since(began)
				if took > held/2 && held > time.Second {
					t.Errorf("a hundred reads take %s beside a reader that stands still for %s", took, held)
				}
				select {
				case text := <-late:
					t.Logf("the late reader shows %q after %s", text, time.Since(began).Round(time.Millisecond))
					if text != "old" && text != "new" && held < 15*time.Second {
						t.Errorf("the late reader got %s", text)
					}
				case <-time.After(held + apitest.Patience):
					t.Error("the late reader got no answer")
				}
				for i := range 20 {
					wantBio(t, c.Nodes[i%2], ada, "new", i%4 < 2)
				}
				t.Logf("a hundred reads beside it took %s", took.Round(time.Millisecond))
			})
		}
	}
}

// wantBio reads a profile and wants its text.
func wantBio(t *testing.T, p *rig.Process, u *apitest.User, want string, byName bool) {
	t.Helper()
	if got, err := rig.BioOf(t.Context(), rig.AnonymousAt(p, http.DefaultClient), u, byName); err != nil || got != want {
		t.Errorf("the profile is %q, %v, want %q", got, err, want)
	}
}

// A name that two nodes have cached as free is somebody's on both as soon as the sign-up is answered.
func TestCacheSignUpOfAnAbsentName(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	const query = `query($name: String!) { user(username: $name) { username } }`
	rounds := testtime.Soak(10, 200)
	for i := range rounds {
		name := fmt.Sprint("newcomer", i)
		for n := range 4 {
			res := c.Nodes[n%2].Anonymous().Must(t, query, apitest.Vars{"name": name})
			if res.Get("user") != nil {
				t.Fatalf("before the sign-up %s is %s", name, res.Body)
			}
			if sql, _ := res.Cost(); n == 3 && sql != 0 {
				t.Errorf("that a name is absent is not cached: %d statements", sql)
			}
		}
		c.Nodes[i%2].Anonymous().Must(t, `mutation($i: SignUpInput!) { signUp(input: $i) { session { id } userErrors { code } } }`,
			apitest.Vars{"i": apitest.Vars{
				"username": name, "email": name + "@example.com", "password": "correct horse", "tokenDelivery": "TOKEN"}})
		for n := range 4 {
			if res := c.Nodes[(i+1+n)%2].Anonymous().Must(t, query, apitest.Vars{"name": name}); res.String("user.username") != name {
				t.Fatalf("right after the sign-up %s is %s", name, res.Body)
			}
		}
	}
}
