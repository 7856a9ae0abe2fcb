package costs

import (
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

// after gives the cursor of the 2nd item of a list of the viewer's, to be read from its `endCursor`.
func after(list string) func(*testing.T, *crowd, int) (*apitest.Client, apitest.Vars) {
	return func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		res := c.viewer.Must(t, `{ viewer { homeTimeline(first: 2) {`+rig.WholePage+`} user { followers(first: 2) {`+rig.WholePage+`}
			following(first: 2) {`+rig.WholePage+`} timeline(first: 2) {`+rig.WholePage+`} } } }`, nil)
		return c.viewer.Client, apitest.Vars{"at": res.String("viewer." + list + ".pageInfo.endCursor")}
	}
}

var costedReads = []costed{
	{name: "limits", cold: price{0, 0}, warm: price{0, 0}, query: `{ __typename limits { tweetLength pageSize batchSize usernameLength nameLength bioLength passwordMinLength documentBytes } }`},
	{name: "the schema", cold: price{0, 0}, warm: price{0, 0}, query: `{ __schema { types { name } } }`},
	{name: "node, a user", cold: price{4, 9}, warm: price{0, 1}, query: `query($id: ID!) { node(id: $id) { id ... on User {` + rig.UserScalars + `} } }`,
		prepare: withID(ids.KindUser, func(c *crowd) int64 { return c.a[0] })},
	{name: "node, a tweet", cold: price{5, 11}, warm: price{0, 1}, query: `query($id: ID!) { node(id: $id) { id
			... on Reactable { id reactions { subject { id reactions { likeCount subject { id } } } } }
			... on Tweet {` + rig.TweetScalars + ` author {` + rig.UserScalars + `} } } }`,
		prepare: withID(ids.KindTweet, func(c *crowd) int64 { return c.tweets[0] })},
	{name: "node, a session", cold: price{0, 1}, warm: price{0, 1}, query: `query($id: ID!) { node(id: $id) { id ... on Session {` + rig.SessionScalars + `} } }`,
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"id": c.viewer.SessionID}
		}},
	{name: "nodes of all types", cold: price{11, 22}, warm: price{1, 2}, query: `query($ids: [ID!]!, $m: Int!) { nodes(ids: $ids) { id
			... on User {` + rig.UserScalars + ` followers(first: $m) { nodes { username } } }
			... on Tweet {` + rig.TweetScalars + ` author { username tweetCount } }
			... on Session {` + rig.SessionScalars + `} } }`,
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			all := append(globals(ids.KindTweet, c.tweets, n), globals(ids.KindUser, c.a, min(n, 49))...)
			return c.viewer.Client, apitest.Vars{"ids": append(all, c.viewer.SessionID)}
		}},
	{name: "tweet", cold: price{5, 11}, warm: price{0, 1}, query: `query($id: ID!) { tweet(id: $id) {` + rig.TweetScalars + ` author {` + rig.UserScalars + `} } }`,
		prepare: withID(ids.KindTweet, func(c *crowd) int64 { return c.tweets[0] })},
	{name: "user", cold: price{5, 12}, warm: price{0, 2}, query: `{ user(username: "A1") {` + rig.UserScalars + `} }`},
	{name: "user, nobody", cold: price{1, 3}, warm: price{0, 1}, query: `{ user(username: "nobody_at_all") {` + rig.UserScalars + `} }`},
	{name: "user, asked by nobody", cold: price{3, 8}, warm: price{0, 2}, query: `{ user(username: "a1") {` + rig.UserScalars + `} }`,
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			return c.Anonymous(), apitest.Vars{}
		}},
	{name: "reactionSummaries", cold: price{5, 11}, warm: price{0, 1}, query: `query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) {
			likeCount dislikeCount viewerReaction revision subject { __typename id ... on Tweet { author {` + rig.UserScalars + `} } } } }`,
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			own := globals(ids.KindTweet, c.tweets, n)
			return c.viewer.Client, apitest.Vars{"ids": append(own, own...)}
		}},
	{name: "viewer", cold: price{2, 5}, warm: price{0, 1}, query: `{ viewer { email sessionPolicy user {` + rig.UserScalars + `} currentSession {` + rig.SessionScalars + `} } }`},
	{name: "sessions", cold: price{2, 0}, warm: price{2, 0}, query: `{ viewer { live: sessions {` + rig.SessionScalars + `} all: sessions(includeEnded: true) { id } } }`,
		prepare: func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.member(t, n-1).Client, apitest.Vars{}
		}},

	{name: "homeTimeline, ids", cold: price{3, 6}, warm: price{1, 2}, query: `query($n: Int!) { viewer { homeTimeline(first: $n) { eventCursor edges { cursor node { id } } } } }`},
	{name: "homeTimeline", cold: price{9, 18}, warm: price{1, 2}, query: `query($n: Int!) { viewer { homeTimeline(first: $n) {` + rig.WholePage + `
			nodes {` + rig.TweetScalars + ` author {` + rig.UserScalars + `} } } } }`},
	{name: "homeTimeline, nodes and edges", cold: price{9, 18}, warm: price{1, 2}, query: `query($n: Int!) { viewer { homeTimeline(first: $n) {
			nodes {` + rig.TweetScalars + ` } again: nodes { by: author { username } }
			edges { cursor node { author {` + rig.UserScalars + `} } } } } }`},
	{name: "homeTimeline, where it is", cold: price{0, 0}, warm: price{0, 0}, query: `{ viewer { homeTimeline { eventCursor } } }`},
	{name: "homeTimeline after", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { homeTimeline(first: $n, after: $at) {` + rig.WholePage + ` nodes { id } } } }`,
		prepare: after("homeTimeline")},
	{name: "homeTimeline before", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { homeTimeline(last: $n, before: $at) {` + rig.WholePage + ` nodes { id } } } }`,
		prepare: after("homeTimeline")},
	{name: "homeTimeline from both ends", cold: price{5, 9}, warm: price{2, 3}, query: `query($n: Int!, $m: Int!) { viewer { a: homeTimeline(first: $n) { nodes { id } } b: homeTimeline(last: $m) { nodes { id } } } }`},
	{name: "homeTimeline, people around authors", cold: price{9, 15}, warm: price{3, 3}, query: `query($n: Int!, $m: Int!) { viewer { homeTimeline(first: $n) { nodes { author { username
			followers(first: $m) { totalCount nodes { username } } following(first: $m) { edges { followedAt node { name } } } } } } } }`},

	{name: "followers", cold: price{7, 14}, warm: price{1, 2}, query: `query($n: Int!) { viewer { user { followers(first: $n) { totalCount` + rig.WholePage + `
			nodes {` + rig.UserScalars + `} edges { cursor followedAt node { username } } } } } }`},
	{name: "followers, how many", cold: price{2, 5}, warm: price{0, 1}, query: `{ viewer { user { followers(first: 0) { totalCount nodes { id } } following { totalCount } } } }`},
	{name: "followers, whether any", cold: price{3, 5}, warm: price{1, 1}, query: `{ viewer { user { followers(first: 0) { totalCount pageInfo { hasNextPage } } } } }`},
	{name: "followers after", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { followers(first: $n, after: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.followers")},
	{name: "followers before", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { followers(last: $n, before: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.followers")},
	{name: "following", cold: price{7, 14}, warm: price{1, 2}, query: `query($n: Int!) { viewer { user { following(first: $n) { totalCount` + rig.WholePage + `
			nodes {` + rig.UserScalars + `} edges { cursor followedAt node { username } } } } } }`},
	{name: "following after", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { following(first: $n, after: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.following")},
	{name: "following before", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { following(last: $n, before: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.following")},
	{name: "timeline", cold: price{6, 12}, warm: price{1, 2}, query: `query($n: Int!) { viewer { user { timeline(first: $n, include: [TWEETS]) {` + rig.WholePage + `
			nodes {` + rig.TweetScalars + `} edges { cursor node { author {` + rig.UserScalars + `} } } } } } }`},
	{name: "timeline, nothing of it", cold: price{1, 3}, warm: price{0, 1}, query: `{ viewer { user { username timeline(first: 0) { nodes { id } } again: timeline { __typename } } } }`},
	{name: "timeline after", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { timeline(first: $n, after: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.timeline")},
	{name: "timeline before", cold: price{4, 6}, warm: price{2, 2}, query: `query($n: Int!, $at: String!) { viewer { user { timeline(last: $n, before: $at) {` + rig.WholePage + ` nodes { id } } } } }`,
		prepare: after("user.timeline")},

	{name: "lists in lists", cold: price{10, 18}, warm: price{3, 4}, query: `query($n: Int!, $m: Int!) { viewer { user { followers(first: $n) { nodes { followers(first: $m) { nodes {
			timeline(first: $m) { nodes { author { username tweetCount } reactions { likeCount viewerReaction } } } } } } } } } }`},
	{name: "lists in lists, pages in the middle", cold: price{9, 13}, warm: price{4, 3}, query: `query($n: Int!, $m: Int!, $at: String!) { viewer { user { followers(first: $n) { nodes {
			following(first: $m, after: $at) {` + rig.WholePage + ` totalCount nodes { id } }
			timeline(last: $m) {` + rig.WholePage + ` edges { node { id } } } } } } } }`, prepare: after("user.following")},
	{name: "lists in lists, nothing of the tweets", cold: price{5, 9}, warm: price{2, 3}, query: `query($n: Int!, $m: Int!) { viewer { user { followers(first: $n) { nodes {
			timeline(first: $m) { pageInfo { hasNextPage } again: edges { cursor } } } } } } }`},
	{name: "lists in lists, nothing asked for", cold: price{3, 6}, warm: price{1, 2}, query: `query($n: Int!, $m: Int!) { viewer { user { followers(first: $n) { nodes {
			timeline(last: $m, include: []) {` + rig.WholePage + ` nodes { id } } } } } } }`},
	{name: "many roots", races: true, cold: price{12, 31}, warm: price{1, 9}, query: `query($n: Int!, $ids: [ID!]!) { a: user(username: "a1") { username } b: user(username: "a2") { tweetCount }
			viewer { email homeTimeline(first: $n) { nodes { author { username } } } } reactionSummaries(subjectIds: $ids) { likeCount } nodes(ids: $ids) { id } }`,
		prepare: func(_ *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
			return c.viewer.Client, apitest.Vars{"ids": globals(ids.KindTweet, c.tweets, n)}
		}},
}
