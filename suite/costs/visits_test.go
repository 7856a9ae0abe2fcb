package costs

import (
	"testing"

	"roost/app"
	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A viewer whose rows are all in Redis visits a node that has none of them in its process, because it has just started. Whatever the size
// of the page, the first visit takes few round trips, that of the session's check included, and at most one statement: the session comes
// with the viewer's lists, then the lists of those whom the viewer follows come together, and then all rows of the page. Without plans
// it takes as few statements, and each question has a trip of its own.
func TestFirstVisits(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server, apitest.Metered, rig.Limited(1<<30, 1<<30), func(c *app.Config) { c.SignUpPerAddress = 1 << 30 })
	c := newCrowd(t, r)
	liking := c.liking(t, r.SignUp(t, "liking")) // with a list of reactions that does not cover the page
	for _, author := range c.c {
		liking.Follow(t, ids.Encode(ids.KindUser, author))
	}
	for _, x := range []struct {
		name string
		who  *apitest.User
	}{
		{"homeTimeline", c.viewer},
		{"homeTimeline", liking},
		{"homeTimeline-nodes-and-edges", c.viewer},
		{"homeTimeline-retweets", c.reading(t, r.SignUp(t, "reading"))},
	} {
		t.Run(x.name, func(t *testing.T) {
			op := costed{name: x.name}.priced(t)
			for _, n := range []int{1, 50} {
				vars := apitest.Vars{}
				page(vars, n)
				for range readsUntilWarm {
					x.who.Must(t, op.query, vars)
				}
				rig.AwaitInvalidations(t, c.db)
				// On a busy machine a call to Redis may be so late that it is sent again: a difference counts if it is there three times.
				for try := 1; ; try++ {
					sql, trips := firstVisit(t, rig.UserOn(rig.StartAnother(t, r), x.who), op.query, vars)
					if sql <= 1 && (trips <= 3 || !apitest.Plans()) {
						break
					}
					if try == 3 {
						t.Fatalf("the first visit of a page of %d takes %d statements and %d round trips, want at most 1 and 3", n, sql, trips)
					}
				}
			}
		})
	}
}

// firstVisit reads a page and returns what it took.
func firstVisit(t *testing.T, u *apitest.User, query string, vars apitest.Vars) (sql, trips int) {
	t.Helper()
	res := u.Must(t, query, vars)
	nodes, _ := res.Get("viewer.homeTimeline.nodes").([]any)
	edges, _ := res.Get("viewer.homeTimeline.edges").([]any)
	if got := max(len(nodes), len(edges)); got != vars["n"] {
		t.Fatalf("%d entries, want %v", got, vars["n"])
	}
	return res.Cost()
}
