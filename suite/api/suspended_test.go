package api

import (
	"fmt"
	"slices"
	"testing"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// operates does something as an operator on the stores of a node, which stops meanwhile if it is embedded. It returns the node that runs
// afterwards.
func operates(t *testing.T, r *apitest.Roost, do func(o app.Operator) error) *apitest.Roost {
	t.Helper()
	if r.Mode == apitest.Embedded {
		r.Stop()
	}
	o, closeStores, err := app.OpenOperator(t.Context(), r.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := do(o); err != nil {
		t.Error(err)
	}
	if err := closeStores(); err != nil {
		t.Fatal(err)
	}
	if r.Mode == apitest.Embedded {
		return apitest.Start(t, r.Config)
	}
	return r
}

const conversation = `query($root: ID!, $below: ID!, $tag: String!, $bad: String!, $bob: String!) {
	root: tweet(id: $root) { replyCount retweets { nodes { user { username } } }
		newest: replies(orderBy: NEWEST) { nodes { text } } oldest: replies(orderBy: OLDEST) { nodes { text } }
		relevant: replies(orderBy: RELEVANT) { nodes { text } }
		first: replies(first: 1, orderBy: NEWEST) { nodes { text } pageInfo { hasNextPage } } }
	below: tweet(id: $below) { isReply inReplyTo { text } ancestors { text } entities { ... on MentionEntity { user { username } } } }
	hashtag(name: $tag) { tweets { nodes { text } } one: tweets(first: 1) { nodes { text } } }
	bad: user(username: $bad) { username }
	searchTweets(query: $tag, orderBy: NEWEST) { nodes { text } }
	searchUsers(query: $bad) { nodes { username } }
	bob: user(username: $bob) { followers { nodes { username } } timeline(include: [REPLIES]) { nodes { text } } }
	viewer { homeTimeline { nodes { text } } } }`

// talk is a conversation: bob has begun it, ada has answered twice, and bob answers her and mentions her. carl, who reads it, follows them.
// dave has answered bob, too.
type talk struct {
	ada, bob, carl, dave *apitest.User
	root, below, tag     string
	hers                 string
}

func newTalk(t *testing.T, r *apitest.Roost) *talk {
	t.Helper()
	c := &talk{ada: r.SignUp(t, "ada"), bob: r.SignUp(t, "bob"), carl: r.SignUp(t, "carl"), dave: r.SignUp(t, "dave"),
		tag: apitest.Unique("Tag")}
	c.carl.Follow(t, c.ada.ID)
	c.carl.Follow(t, c.bob.ID)
	c.ada.Follow(t, c.bob.ID)
	c.root = c.bob.Tweet(t, "root")
	c.dave.Reply(t, c.root, "daves #"+c.tag)
	c.hers = c.ada.Reply(t, c.root, "hers #"+c.tag)
	c.ada.Reply(t, c.root, "more of hers #"+c.tag)
	c.below = c.bob.Reply(t, c.hers, "below @"+c.ada.Name)
	c.ada.Retweet(t, c.root)
	return c
}

// seen returns what carl sees on a node, by name.
func (c *talk) seen(t *testing.T, r *apitest.Roost) map[string]string {
	t.Helper()
	res := rig.UserOn(r, c.carl).Must(t, conversation, apitest.Vars{"root": c.root, "below": c.below, "tag": c.tag, "bad": c.ada.Name,
		"bob": c.bob.Name})
	texts := func(list string) string { return fmt.Sprint(res.Strings(list, "text")) }
	out := map[string]string{
		"newest": texts("root.newest.nodes"), "oldest": texts("root.oldest.nodes"), "relevant": texts("root.relevant.nodes"),
		"first": texts("root.first.nodes"), "more": fmt.Sprint(res.Get("root.first.pageInfo.hasNextPage")),
		"retweets": fmt.Sprint(len(res.Strings("root.retweets.nodes", "user"))), "count": fmt.Sprint(res.Int("root.replyCount")),
		"parent": fmt.Sprint(res.Get("below.inReplyTo.text")), "ancestors": texts("below.ancestors"),
		"mentioned": fmt.Sprint(res.Get("below.entities.0.user") != nil),
		"hashtag":   texts("hashtag.tweets.nodes"), "newest of the hashtag": texts("hashtag.one.nodes"),
		"user": fmt.Sprint(res.Get("bad") != nil), "followers": fmt.Sprint(len(res.Strings("bob.followers.nodes", "username"))),
		"own replies": texts("bob.timeline.nodes"), "home": texts("viewer.homeTimeline.nodes"),
		"found": texts("searchTweets.nodes"), "users found": fmt.Sprint(len(res.Strings("searchUsers.nodes", "username"))),
	}
	if res.Get("below.isReply") != true {
		t.Errorf("the answer to a suspended user is no reply: %s", res.Data)
	}
	return out
}

// A suspended user's replies are in no conversation, in no order, under no hashtag and not above other tweets, and nobody can answer them.
// Mentions of the user lead nowhere. Answers of others to the user remain, and are in no home timeline. All three nodes show that, and
// again everything when the user is restored.
func TestSuspendedInConversations(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		nodes := []*apitest.Roost{r}
		if r.Mode == apitest.Server {
			nodes = append(nodes, rig.StartAnother(t, r), rig.StartAnother(t, r))
		}
		c := newTalk(t, r)
		below, daves, hers, more := "below @"+c.ada.Name, "daves #"+c.tag, "hers #"+c.tag, "more of hers #"+c.tag
		before := map[string]string{
			"newest": fmt.Sprint([]string{more, hers, daves}), "oldest": fmt.Sprint([]string{daves, hers, more}),
			"relevant": fmt.Sprint([]string{more, hers, daves}), "first": fmt.Sprint([]string{more}), "more": "true", "retweets": "1", "count": "3",
			"parent": hers, "ancestors": fmt.Sprint([]string{"root", hers}), "mentioned": "true",
			"hashtag": fmt.Sprint([]string{more, hers, daves}), "newest of the hashtag": fmt.Sprint([]string{more}),
			"user": "true", "followers": "2", "own replies": fmt.Sprint([]string{below}), "home": fmt.Sprint([]string{below, more, hers, "root"}),
			"found": fmt.Sprint([]string{more, hers, daves}), "users found": "1",
		}
		without := map[string]string{
			"newest": fmt.Sprint([]string{daves}), "oldest": fmt.Sprint([]string{daves}), "relevant": fmt.Sprint([]string{daves}),
			"first": fmt.Sprint([]string{daves}), "more": "false", "retweets": "0", "count": "3",
			"parent": "<nil>", "ancestors": "[root]", "mentioned": "false",
			"hashtag": fmt.Sprint([]string{daves}), "newest of the hashtag": fmt.Sprint([]string{daves}),
			"user": "false", "followers": "1", "own replies": fmt.Sprint([]string{below}), "home": "[root]",
			"found": fmt.Sprint([]string{daves}), "users found": "0",
		}
		expect := func(when string, want map[string]string) {
			t.Helper()
			for i, n := range nodes {
				for range 2 { // the second time all is warm
					got := c.seen(t, n)
					for what, want := range want {
						if got[what] != want {
							t.Errorf("%s node %d shows as %s %s, want %s", when, i, what, got[what], want)
						}
					}
				}
			}
		}
		apitest.Until(t, "searches find all", func() bool {
			now := c.seen(t, r)
			return now["found"] == before["found"] && now["users found"] == "1"
		})
		expect("before", before)
		edge := c.carl.Must(t, `query($id: ID!) { tweet(id: $id) { replies(first: 1, orderBy: OLDEST) { pageInfo { endCursor } } } }`,
			apitest.Vars{"id": c.root}).String("tweet.replies.pageInfo.endCursor")
		var fans []*rig.Reader
		socket := c.ada.Dial(t)
		if r.Mode == apitest.Server {
			socket.Subscribe(t, rig.HomeEvents, nil)
			for _, n := range nodes {
				rd, _ := rig.ReadHome(t, n, c.carl)
				rd.Connect(t, n)
				fans = append(fans, rd)
			}
		}
		reset := func(when string) {
			t.Helper()
			for i, rd := range fans {
				if got, _ := rd.Next(t); got != "TIMELINE_REBUILT" {
					t.Errorf("%s the subscription at node %d gets %s", when, i, got)
				}
			}
		}
		change := func(do func(o app.Operator) error) {
			t.Helper()
			r = operates(t, r, func(o app.Operator) error {
				if err := do(o); err != nil {
					return err
				}
				return o.WaitForNodes(t.Context())
			})
			nodes[0] = r
		}
		change(func(o app.Operator) error { _, err := o.Accounts.Suspend(t.Context(), c.ada.Name); return err })
		expect("after the suspension", without)
		reset("after the suspension")
		if code := socket.Closed(t); r.Mode == apitest.Server && code != 4403 {
			t.Errorf("the socket of the suspended user is closed with %d", code)
		}
		if res, err := rig.UserOn(r, c.ada).Do(t.Context(), `{ viewer { user { id } } }`, nil); err != nil || len(res.Errors) != 1 ||
			res.Errors[0].Code() != "UNAUTHENTICATED" {
			t.Errorf("the session of the suspended user: %v, %+v", err, res)
		}
		dave := rig.UserOn(nodes[len(nodes)-1], c.dave)
		res := dave.Must(t, replying, apitest.Vars{"t": "too late", "to": c.hers})
		if got := res.String("createTweet.userErrors.0.code"); got != "NOT_FOUND" {
			t.Errorf("an answer to the suspended user is answered with %s", res.Data)
		}
		answers := dave.Dial(t).Subscribe(t,
			`subscription($id: ID!, $after: String) { replyAdded(tweetId: $id, after: $after) { node { text } } }`,
			apitest.Vars{"id": c.root, "after": edge})
		last := "another"
		dave.Reply(t, c.root, last)
		if got := answers.Next(t).String("replyAdded.node.text"); got != last {
			t.Errorf("the first reply that is sent is %q, want %q", got, last)
		}
		change(func(o app.Operator) error { _, err := o.Accounts.Restore(t.Context(), c.ada.Name); return err })
		reset("after the restoration")
		before["newest"], before["oldest"] = fmt.Sprint([]string{last, more, hers, daves}), fmt.Sprint([]string{daves, hers, more, last})
		before["first"], before["count"], before["retweets"] = fmt.Sprint([]string{last}), "4", "1"
		before["relevant"] = fmt.Sprint([]string{more, hers, last, daves}) // carl follows ada
		expect("after the restoration", before)
	})
}

// A page of retweets is full although most of those who have retweeted are suspended, and paging on has no gap and no repeat.
func TestPagesAmongManySuspendedUsers(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, all := r.SignUp(t, "ada"), r.SignUps(t, "user", 21)
		tweet := ada.Tweet(t, "pass me on")
		var want, bad []string
		for i, u := range all {
			u.Retweet(t, tweet)
			u.Follow(t, ada.ID)
			if i%7 == 0 {
				want = slices.Insert(want, 0, u.Name)
			} else {
				bad = append(bad, u.Name)
			}
		}
		r = operates(t, r, func(o app.Operator) error {
			for _, name := range bad {
				if _, err := o.Accounts.Suspend(t.Context(), name); err != nil {
					return err
				}
			}
			return o.WaitForNodes(t.Context())
		})
		for _, size := range []int{1, 2, 20} {
			if got := passedOn(t, rig.UserOn(r, ada), tweet, size); !slices.Equal(got, want) {
				t.Errorf("pages of %d have %v, want %v", size, got, want)
			}
		}
		const back = `query($name: String!, $n: Int!, $before: String) { user(username: $name) { followers(last: $n, before: $before) {
			nodes { username } pageInfo { hasPreviousPage hasNextPage startCursor } } } }`
		var got []string
		for before, more := any(nil), true; more; {
			res := r.Anonymous().Must(t, back, apitest.Vars{"name": ada.Name, "n": 2, "before": before})
			got = append(res.Strings("user.followers.nodes", "username"), got...)
			more, before = res.Get("user.followers.pageInfo.hasPreviousPage") == true, res.String("user.followers.pageInfo.startCursor")
		}
		if !slices.Equal(got, want) {
			t.Errorf("backwards the pages of followers have %v, want %v", got, want)
		}
	})
}
