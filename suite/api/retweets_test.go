package api

import (
	"fmt"
	"slices"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const (
	retweet   = `mutation($id: ID!) { op: retweet(input: {tweetId: $id}) { retweet { ` + aRetweet + ` } ` + retweetedTweet + ` } }`
	unretweet = `mutation($id: ID!) { op: unretweet(input: {tweetId: $id}) { deletedRetweetId ` + retweetedTweet + ` } }`
	aRetweet  = `id createdAt user { username } tweet { id text }`

	retweetedTweet = `tweet { id retweetCount viewerHasRetweeted reactions { likeCount revision } } userErrors { code path }`
)

// passedOn reads who retweets a tweet, as the viewer, a page of so many after the other.
func passedOn(t *testing.T, u *apitest.User, tweet string, size int) (users []string) {
	t.Helper()
	for after := any(nil); ; {
		res := u.Must(t, `query($id: ID!, $n: Int!, $after: String) { tweet(id: $id) { retweets(first: $n, after: $after) {
			edges { cursor node { user { username } } } nodes { id user { username } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
			} } }`, apitest.Vars{"id": tweet, "n": size, "after": after})
		page := res.Get("tweet.retweets").(map[string]any)
		nodes := page["nodes"].([]any)
		for i := range nodes {
			name := res.String(fmt.Sprintf("tweet.retweets.nodes.%d.user.username", i))
			if res.String(fmt.Sprintf("tweet.retweets.edges.%d.node.user.username", i)) != name {
				t.Errorf("edges and nodes differ: %s", res.Data)
			}
			users = append(users, name)
		}
		if res.Get("tweet.retweets.pageInfo.hasNextPage") != true {
			return users
		}
		if len(nodes) != size {
			t.Fatalf("a page of %d has %d retweets, and is not the last", size, len(nodes))
		}
		after = res.String("tweet.retweets.pageInfo.endCursor")
	}
}

// Retweeting and undoing it are idempotent, and each answer shows the counts and the viewer's own state as they are now.
func TestRetweeting(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, eve := r.SignUp(t, "ada"), r.SignUp(t, "bob"), r.SignUp(t, "eve")
		tweet := ada.Tweet(t, "pass me on")
		vars := apitest.Vars{"id": tweet}
		bob.React(t, tweet, "LIKE")
		eve.Retweet(t, tweet)
		var id string
		for i, step := range []struct {
			on              bool
			count, revision int
		}{{false, 1, 2}, {true, 2, 3}, {true, 2, 3}, {false, 1, 4}, {false, 1, 4}, {true, 2, 5}} {
			query := unretweet
			if step.on {
				query = retweet
			}
			res := bob.Must(t, query, vars)
			want := rig.Retweeted{Count: step.count, Revision: step.revision, Mine: step.on}
			if got := rig.RetweetedAt(res, "op.tweet"); got != want || res.Int("op.tweet.reactions.likeCount") != 1 {
				t.Errorf("step %d answers %+v, want %+v", i, got, want)
			}
			if got := rig.RetweetedAt(bob.Must(t, rig.ReadRetweeted, vars), "tweet"); got != want {
				t.Errorf("step %d: then a read shows %+v, want %+v", i, got, want)
			}
			want.Mine = false
			if got := rig.RetweetedAt(r.Anonymous().Must(t, rig.ReadRetweeted, vars), "tweet"); got != want {
				t.Errorf("step %d: without a session a read shows %+v, want %+v", i, got, want)
			}
			switch is := res.String("op.retweet.id"); {
			case step.on && i == 2 && is != id:
				t.Errorf("retweeting again makes the retweet %q of %q", is, id)
			case step.on && i != 2 && (is == id || is == ""):
				t.Errorf("the retweet of step %d has the id %q", i, is)
			case step.on:
				id = is
				if res.String("op.retweet.user.username") != bob.Name || res.String("op.retweet.tweet.id") != tweet {
					t.Errorf("the retweet is %s", res.Data)
				}
			case i == 3 && res.String("op.deletedRetweetId") != id, i != 3 && res.Get("op.deletedRetweetId") != nil:
				t.Errorf("step %d deletes %v", i, res.Get("op.deletedRetweetId"))
			}
		}
		if own := rig.RetweetedAt(ada.Must(t, retweet, vars), "op.tweet"); own.Count != 3 || !own.Mine {
			t.Errorf("an own tweet that was retweeted is %+v", own)
		}
		rig.CheckRows(t, r.DB(t))
	})
}

// What cannot be retweeted is refused with the path to the id.
func TestRefusedRetweets(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		deleted := ada.Tweet(t, "soon gone")
		bob.Retweet(t, deleted)
		ada.Delete(t, deleted)
		for _, query := range []string{retweet, unretweet} {
			for name, id := range map[string]string{"deleted": deleted, "no id": "x", "a user": ada.ID, "nothing": ids.TweetID(12345).String()} {
				res := bob.Must(t, query, apitest.Vars{"id": id})
				if res.String("op.userErrors.0.code") != "NOT_FOUND" || fmt.Sprint(res.Get("op.userErrors.0.path")) != "[input tweetId]" ||
					res.Get("op.tweet") != nil || res.Get("op.retweet") != nil || res.Get("op.deletedRetweetId") != nil {
					t.Errorf("%s: %s", name, res.Data)
				}
			}
			if res := r.Anonymous().Run(t, query, apitest.Vars{"id": deleted}); len(res.Errors) != 1 || res.Errors[0].Code() != "UNAUTHENTICATED" {
				t.Errorf("without a session: %s", res.Body)
			}
		}
		for _, args := range []string{`first: 101`, `first: -1`, `after: "x"`} {
			res := bob.Run(t, `{ tweet(id: "`+bob.Tweet(t, "hello")+`") { retweets(`+args+`) { nodes { id } } } }`, nil)
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("a page with %s: %s", args, res.Body)
			}
		}
	})
}

// A retweet is an object as long as it is active and its tweet exists. Whoever retweets again makes another one.
func TestRetweetsHaveIDs(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		tweet := ada.Tweet(t, "pass me on")
		find := func(retweets ...string) (found []bool) {
			t.Helper()
			const fields = `... on Retweet { ` + aRetweet + ` }`
			res := ada.Must(t, `query($ids: [ID!]!, $first: ID!) { nodes(ids: $ids) { __typename `+fields+` } node(id: $first) { `+fields+` } }`,
				apitest.Vars{"ids": retweets, "first": retweets[0]})
			for i, id := range retweets {
				at := fmt.Sprintf("nodes.%d", i)
				found = append(found, res.Get(at) != nil)
				if found[i] && (res.String(at+".id") != id || res.String(at+".user.username") != bob.Name || res.String(at+".tweet.id") != tweet) {
					t.Errorf("the retweet %s is %v", id, res.Get(at))
				}
			}
			if (res.Get("node") != nil) != found[0] {
				t.Errorf("node and nodes differ: %s", res.Data)
			}
			return found
		}
		first := bob.Retweet(t, tweet)
		if got := find(first); !slices.Equal(got, []bool{true}) {
			t.Errorf("the retweet is found: %v", got)
		}
		bob.Unretweet(t, tweet)
		if got := find(first); !slices.Equal(got, []bool{false}) {
			t.Errorf("the retweet is found after the undo: %v", got)
		}
		second := bob.Retweet(t, tweet)
		if got := find(first, second); !slices.Equal(got, []bool{false, true}) {
			t.Errorf("the first and the second retweet are found: %v", got)
		}
		ada.Delete(t, tweet)
		if got := find(first, second); !slices.Equal(got, []bool{false, false}) {
			t.Errorf("retweets of a deleted tweet are found: %v", got)
		}
	})
}

// The list of a tweet's retweets has the newest first, in pages of any size, and goes on where it was while others come and go.
func TestPagesOfRetweets(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		tweet := ada.Tweet(t, "pass me on")
		if got := passedOn(t, ada, tweet, 3); len(got) > 0 {
			t.Errorf("before any retweet there are %v", got)
		}
		crowd := r.SignUps(t, "fan", 7)
		var want []string
		for _, u := range crowd {
			u.Retweet(t, tweet)
			want = slices.Insert(want, 0, u.Name)
		}
		for size := 1; size <= 8; size++ {
			if got := passedOn(t, ada, tweet, size); !slices.Equal(got, want) {
				t.Errorf("in pages of %d it was retweeted by %v, want %v", size, got, want)
			}
		}
		const page = `query($id: ID!, $after: String) { tweet(id: $id) { retweets(first: 3, after: $after) { nodes { user { username } }
			pageInfo { endCursor hasNextPage } } } }`
		res := ada.Must(t, page, apitest.Vars{"id": tweet})
		crowd[4].Unretweet(t, tweet) // the last of the page, whose cursor stays valid
		crowd[4].Retweet(t, tweet)
		crowd[2].Unretweet(t, tweet)
		res = ada.Must(t, page, apitest.Vars{"id": tweet, "after": res.String("tweet.retweets.pageInfo.endCursor")})
		var rest []string
		for i := range res.Get("tweet.retweets.nodes").([]any) {
			rest = append(rest, res.String(fmt.Sprintf("tweet.retweets.nodes.%d.user.username", i)))
		}
		if !slices.Equal(rest, []string{crowd[3].Name, crowd[1].Name, crowd[0].Name}) {
			t.Errorf("the rest is %v", rest)
		}
		if got := passedOn(t, ada, tweet, 100); len(got) != 6 || got[0] != crowd[4].Name {
			t.Errorf("somebody who came back is not the newest of %v", got)
		}
	})
}

// A page of tweets says of each what its viewer has done, also below the bound of the list, and to each viewer something else.
func TestViewerHasRetweetedOnPages(t *testing.T) {
	const tweets, newer = 6, 256
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		var all []string
		for i := range tweets {
			all = append(all, ada.Tweet(t, fmt.Sprint("number ", i)))
		}
		expect := func(want string) {
			t.Helper()
			for range 3 {
				res := bob.Must(t, `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Tweet { viewerHasRetweeted } } }`, apitest.Vars{"ids": all})
				got := ""
				for i := range all {
					got += map[bool]string{true: "x", false: "-"}[res.Get(fmt.Sprintf("nodes.%d.viewerHasRetweeted", i)) == true]
				}
				if got != want {
					t.Errorf("the viewer has retweeted %s, want %s", got, want)
				}
			}
		}
		expect("------")
		for _, i := range []int{0, 3, 5} {
			bob.Retweet(t, all[i])
			ada.Retweet(t, all[i/2]) // not the viewer
		}
		expect("x--x-x")
		bob.Unretweet(t, all[3])
		expect("x----x")
		last := ada.Tweet(t, "newer")
		db := r.DB(t)
		for i := range int64(newer) { // as many as a list has, with higher ids
			if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO retweets
				(tweet_id, user_id, author_id, active, sort_key, retweeted_at, version) VALUES ($1, $2, $3, true, $4, CURRENT_TIMESTAMP, 1)`,
				rig.TweetID(t, last)+1+i, rig.UserID(t, bob.ID), rig.UserID(t, ada.ID), rig.TweetID(t, last)+1000+i); err != nil {
				t.Fatal(err)
			}
		}
		bob.Retweet(t, last) // the list is read again
		bob.Retweet(t, all[1])
		expect("xx---x")
		bob.Unretweet(t, all[5])
		expect("xx----")
	})
}
