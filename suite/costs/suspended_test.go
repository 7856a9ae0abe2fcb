package costs

import (
	"testing"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A warm page costs no statement and no round trip more while some are suspended whose tweets, answers and retweets it would have.
func TestSuspensionsCostWarmPagesNothing(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		viewer, bad, good, stranger := r.SignUp(t, "viewer"), r.SignUp(t, "bad"), r.SignUp(t, "good"), r.SignUp(t, "stranger")
		for _, u := range []*apitest.User{bad, good} {
			viewer.Follow(t, u.ID)
			u.Follow(t, stranger.ID)
		}
		root := stranger.Tweet(t, "who answers? #roost @"+bad.Name)
		good.Retweet(t, bad.Tweet(t, "mine"))
		for _, u := range []*apitest.User{bad, good} {
			u.Tweet(t, "hello")
			u.Retweet(t, root)
			u.Reply(t, root, "I do #roost")
		}
		below := good.Reply(t, bad.Reply(t, root, "and I"), "and you?")
		costs := func() (all []apitest.Cost) {
			t.Helper()
			for _, query := range []string{
				`query($id: ID!) { viewer { homeTimeline { nodes { text author { name } } edges { retweet { user { name } } }
					pageInfo { hasNextPage } } } viewed: node(id: $id) { id } }`,
				`query($id: ID!) { tweet(id: $id) { entities { ... on MentionEntity { user { name } } }
					replies(orderBy: OLDEST) { nodes { text author { name } } pageInfo { hasNextPage } } } }`,
				`query($id: ID!) { tweet(id: $id) { replies { nodes { text author { name } } } } }`,
				`query($id: ID!) { tweet(id: $id) { retweets { nodes { user { name } } } author { followers { nodes { name } } } } }`,
				`query($id: ID!) { hashtag(name: "roost") { name tweets { nodes { text author { name } } } } viewed: node(id: $id) { id } }`,
				`query($id: ID!) { below: tweet(id: "` + below + `") { inReplyTo { text } ancestors { text author { name } } }
					viewed: node(id: $id) { id } }`,
			} {
				var least apitest.Cost
				for i := range 6 { // the first are cold
					c := rig.UserOn(r, viewer).Must(t, query, apitest.Vars{"id": root}).Costs(t)
					if i == 0 || c.SQL+c.Redis < least.SQL+least.Redis {
						least = c
					}
				}
				all = append(all, least)
			}
			return all
		}
		before := costs()
		if r.Mode == apitest.Embedded {
			r.Stop()
		}
		o, closeStores, err := app.OpenOperator(t.Context(), r.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Accounts.Suspend(t.Context(), bad.Name); err != nil {
			t.Fatal(err)
		}
		if err := o.WaitForNodes(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := closeStores(); err != nil {
			t.Fatal(err)
		}
		if r.Mode == apitest.Embedded {
			r = apitest.Start(t, r.Config)
		}
		for i, c := range costs() {
			if c.SQL > before[i].SQL || c.Redis > before[i].Redis {
				t.Errorf("page %d costs %+v, and %+v before the suspension", i, c, before[i])
			}
		}
	}, apitest.Metered)
}
