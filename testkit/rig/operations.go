package rig

import (
	"fmt"
	"strings"
	"testing"

	"roost/app"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/testkit/apitest"
)

// Refusing has whole mutations by the type of their input.
var Refusing = map[string]string{
	"signUp": `mutation($i: SignUpInput!) { x: signUp(input: $i) { token session { id } viewer { email }
		userErrors { code path message } } }`,
	"logIn": `mutation($i: LogInInput!) { x: logIn(input: $i) { token session { id } viewer { email }
		userErrors { code path message } } }`,
	"revokeSession": `mutation($i: RevokeSessionInput!) { x: revokeSession(input: $i) { session { id } userErrors { code path message } } }`,
	"changePassword": `mutation($i: ChangePasswordInput!) { x: changePassword(input: $i) { viewer { email }
		userErrors { code path message } } }`,
	"updateProfile": `mutation($i: UpdateProfileInput!) { x: updateProfile(input: $i) { user { id } userErrors { code path message } } }`,
	"updateSettings": `mutation($i: UpdateSettingsInput!) { x: updateSettings(input: $i) { viewer { email }
		userErrors { code path message } } }`,
	"followUser": `mutation($i: FollowUserInput!) { x: followUser(input: $i) { user { id } viewer { email }
		userErrors { code path message } } }`,
	"unfollowUser": `mutation($i: UnfollowUserInput!) { x: unfollowUser(input: $i) { user { id } viewer { email }
		userErrors { code path message } } }`,
	"createTweet": `mutation($i: CreateTweetInput!) { x: createTweet(input: $i) { tweet { id } timelineEdge { cursor }
		userErrors { code path message } } }`,
	"deleteTweet": `mutation($i: DeleteTweetInput!) { x: deleteTweet(input: $i) { deletedTweetId userErrors { code path message } } }`,
	"setReaction": `mutation($i: SetReactionInput!) { x: setReaction(input: $i) { subject { id } userErrors { code path message } } }`,
}

// RowID returns the id of a user as the tables have it, from a global id.
func RowID(user string) int64 {
	id, _ := ids.User(user)
	return id
}

// What is selected of objects in costed operations.
const (
	UserScalars    = ` __typename id username name bio websiteUrl createdAt url tweetCount isViewer viewerIsFollowing isFollowingViewer `
	TweetScalars   = ` __typename id text url createdAt viewerCanDelete reactions { likeCount dislikeCount viewerReaction revision } `
	SessionScalars = ` __typename id createdAt expiresAt lastUsedAt endedAt endReason deviceName userAgent isCurrent `
	WholePage      = ` pageInfo { hasNextPage hasPreviousPage startCursor endCursor } `
)

// What is selected of payloads in costed operations.
const (
	UserErrors = ` userErrors { code message path limit } ... on MutationPayload { userErrors { code } } `
	ViewerPage = ` viewer { email sessionPolicy user {` + UserScalars + `} currentSession { id isCurrent }
		homeTimeline(first: $n) { nodes {` + TweetScalars + ` author { username } } } } `
	FollowPage = ` user {` + UserScalars + ` followers(first: $n) { totalCount nodes { username tweetCount } } } `
)

// Mutations whose costs are known, some of which other tests use as well.
const (
	LogInOnDevice = `mutation($i: LogInInput!) { logIn(input: $i) { token } }`
	MakeSingle    = `mutation { updateSettings(input: {sessionPolicy: SINGLE_DEVICE}) { userErrors { code } } }`
	CostedLogIn   = `mutation($i: LogInInput!, $n: Int!) { logIn(input: $i) { token session {` + SessionScalars + `}` + ViewerPage +
		UserErrors + `} }`
	CostedReaction = `mutation($id: ID!, $k: ReactionKind!) { setReaction(input: {subjectId: $id, reaction: $k}) { subject { __typename id
		reactions { subject { id } likeCount dislikeCount viewerReaction revision } ... on Tweet { author { username tweetCount } } }` +
		UserErrors + `} }`
	CostedFollow      = `mutation($id: ID!, $n: Int!) { followUser(input: {userId: $id}) {` + FollowPage + UserErrors + `} }`
	CostedFollowing   = `mutation($id: ID!, $n: Int!) { followUser(input: {userId: $id}) {` + ViewerPage + UserErrors + `} }`
	CostedUnfollow    = `mutation($id: ID!, $n: Int!) { unfollowUser(input: {userId: $id}) {` + FollowPage + UserErrors + `} }`
	CostedUnfollowing = `mutation($id: ID!, $n: Int!) { unfollowUser(input: {userId: $id}) {` + ViewerPage + UserErrors + `} }`
	CostedNewTweet    = `mutation { createTweet(input: {text: "hello"}) { tweet { id } ` + UserErrors + `} }`
	CostedDeletion    = `mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { deletedTweetId` + UserErrors + `} }`
	CostedFullTweet   = `mutation($n: Int!) { createTweet(input: {text: "hello"}) { tweet {` + TweetScalars +
		` author { followers(first: $n) { nodes { username } } } }
		timelineEdge { cursor node { id author { username } } }` + UserErrors + `} }`
)

// Numbered repeats a format with the numbers from 0.
func Numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// PositionAt is the position of the log that an event cursor stands for.
func PositionAt(t testing.TB, cursor string) events.Position {
	t.Helper()
	place, err := cursors.Decode(cursors.Events, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return events.Position(place - 1)
}

// Limited sets the limits of sign-in for an account, of which a fifth holds for one address, and for an address.
func Limited(perAccount, perAddress int) apitest.Option {
	return func(c *app.Config) { c.SignInPerAccount, c.SignInPerAddress = perAccount, perAddress }
}
