package costs

import (
	"slices"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

func withID(kind ids.Kind, of func(c *crowd) int64) func(*testing.T, *crowd, int) (*apitest.Client, apitest.Vars) {
	return func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		return c.viewer.Client, apitest.Vars{"id": ids.Encode(kind, of(c))}
	}
}

// after returns the cursor of the 2nd item of a list of the viewer's, to be read from its `endCursor`.
func after(list string) func(*testing.T, *crowd, int) (*apitest.Client, apitest.Vars) {
	return func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		res := c.viewer.Must(t, `{ viewer { homeTimeline(first: 2) {`+rig.WholePage+`} user { followers(first: 2) {`+rig.WholePage+`}
			following(first: 2) {`+rig.WholePage+`} timeline(first: 2) {`+rig.WholePage+`} } } }`, nil)
		return c.viewer.Client, apitest.Vars{"at": res.String("viewer." + list + ".pageInfo.endCursor")}
	}
}

// withHashtag has a hashtag that all tweets of the viewer have, and the cursor of the newest one, which proves that the hashtag is used.
func withHashtag(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
	c.tag(t)
	res := c.viewer.Must(t, `{ hashtag(name: "roost") { id tweets(first: 1) { pageInfo { endCursor } } } }`, nil)
	return c.viewer.Client, apitest.Vars{"id": res.String("hashtag.id"), "at": res.String("hashtag.tweets.pageInfo.endCursor")}
}

var costedReads = []costed{
	{name: "limits"},
	{name: "rateLimit"},
	{name: "schema"},
	{name: "node-user", prepare: withID(ids.KindUser, func(c *crowd) int64 { return c.a[0] })},
	{name: "node-tweet", prepare: withID(ids.KindTweet, func(c *crowd) int64 { return c.tweets[0] })},
	{name: "node-session",
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"id": c.viewer.SessionID}
		}},
	{name: "nodes-of-all-types",
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			all := append(globals(ids.KindTweet, c.tweets, n), globals(ids.KindUser, c.a, min(n, 49))...)
			return c.viewer.Client, apitest.Vars{"ids": append(all, c.viewer.SessionID)}
		}},
	{name: "tweet", prepare: withID(ids.KindTweet, func(c *crowd) int64 { return c.tweets[0] })},
	{name: "user"},
	{name: "user-none"},
	{name: "user-anonymous",
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			return c.Anonymous(), apitest.Vars{}
		}},
	{name: "reactionSummaries",
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			own := globals(ids.KindTweet, c.tweets, n)
			return c.viewer.Client, apitest.Vars{"ids": append(own, own...)}
		}},
	{name: "reactionSummaries, below the list",
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.liking(t, c.SignUp(t, "liking")).Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
	{name: "tweet-retweets", prepare: withID(ids.KindTweet, func(c *crowd) int64 { return c.tweets[0] })},
	{name: "tweet-retweets-after",
		prepare: func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			id := ids.Encode(ids.KindTweet, c.tweets[0])
			res := c.viewer.Must(t, `query($id: ID!) { tweet(id: $id) { retweets(first: 2) { pageInfo { endCursor } } } }`, apitest.Vars{"id": id})
			return c.viewer.Client, apitest.Vars{"id": id, "at": res.String("tweet.retweets.pageInfo.endCursor")}
		}},
	{name: "node-retweet",
		prepare: func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			res := c.viewer.Must(t, `query($id: ID!) { tweet(id: $id) { retweets(first: 1) { edges { node { id } } } } }`,
				apitest.Vars{"id": ids.Encode(ids.KindTweet, c.tweets[0])})
			return c.viewer.Client, apitest.Vars{"id": res.String("tweet.retweets.edges.0.node.id")}
		}},
	{name: "nodes-retweeted",
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
	{name: "nodes-retweeted, below the list",
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.retweeting(t, c.SignUp(t, "retweeting")).Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
	{name: "hashtag", prepare: withHashtag},
	{name: "hashtag-none"},
	{name: "hashtag-after", prepare: withHashtag},
	{name: "nodes-entities",
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
	{name: "nodes-mentions",
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"ids": globals(ids.KindTweet, c.mentioning(t), min(n, mentioningTweets))}
		}},
	{name: "tweet-replies", prepare: firstOf},
	{name: "tweet-replies-in-all-orders", prepare: firstOf},
	{name: "tweet-replies-after", prepare: secondReply},
	{name: "tweet-ancestors", prepare: lastOf},
	{name: "timeline-replies",
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"id": ids.Encode(ids.KindUser, c.b[0])}
		}},
	{name: "viewer"},
	{name: "sessions",
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.member(t, n-1).Client, apitest.Vars{}
		}},

	{name: "homeTimeline-ids"},
	{name: "homeTimeline"},
	{name: "homeTimeline-nodes-and-edges"},
	{name: "homeTimeline-eventCursor"},
	{name: "homeTimeline-retweeted"},
	{name: "homeTimeline-retweets",
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			u := c.reading(t, c.SignUp(t, "reading"))
			const page = `query($n: Int!) { viewer { homeTimeline(first: $n) { edges { retweet { id } } } } }`
			got := u.Must(t, page, apitest.Vars{"n": n}).Strings("viewer.homeTimeline.edges", "retweet.id")
			if len(got) != n || slices.Contains(got, "") {
				t.Fatalf("the retweets of the %d entries are %q", n, got)
			}
			return u.Client, apitest.Vars{}
		}},
	{name: "homeTimeline-after", prepare: after("homeTimeline")},
	{name: "homeTimeline-before", prepare: after("homeTimeline")},
	{name: "homeTimeline-from-both-ends"},
	{name: "homeTimeline-people-around-authors"},
	{name: "homeTimeline-matching"},
	{name: "homeTimeline-matching-most", prepare: after("homeTimeline")},

	{name: "followers"},
	{name: "followers-count"},
	{name: "followers-any"},
	{name: "followers-after", prepare: after("user.followers")},
	{name: "followers-before", prepare: after("user.followers")},
	{name: "following"},
	{name: "following-after", prepare: after("user.following")},
	{name: "following-before", prepare: after("user.following")},
	{name: "timeline"},
	{name: "timeline-nothing"},
	{name: "timeline-after", prepare: after("user.timeline")},
	{name: "timeline-before", prepare: after("user.timeline")},
	{name: "timeline-matching", prepare: after("user.timeline")},

	{name: "searchTweets"},
	{name: "searchTweets-after",
		prepare: func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			res := c.viewer.Must(t, `{ searchTweets(query: "tweet -nothing", orderBy: NEWEST, first: 2) { pageInfo { endCursor } } }`, nil)
			return c.viewer.Client, apitest.Vars{"at": res.String("searchTweets.pageInfo.endCursor"), "author": c.viewer.ID}
		}},
	{name: "searchUsers"},
	{name: "searchUsers-most-followed"},

	{name: "lists-in-lists"},
	{name: "lists-in-lists-pages-in-the-middle", prepare: after("user.following")},
	{name: "lists-in-lists-nothing-of-the-tweets"},
	{name: "lists-in-lists-nothing-asked-for"},
	{name: "lists-in-lists-matching"},
	{name: "many-roots",
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
}
