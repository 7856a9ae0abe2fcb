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

// Mutations holds a document for each mutation, by its name. The variable $i is the input, and x the alias of the payload.
var Mutations = map[string]string{
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

// UserRow returns the id that the tables have for a user, and 0 for a text that is not the id of a user.
func UserRow(user string) int64 {
	id, _ := ids.User(user)
	return id
}

// WholePage selects everything of a page's pageInfo.
const WholePage = ` pageInfo { hasNextPage hasPreviousPage startCursor endCursor } `

// LogInOnDevice signs in, with everything in one input; MakeSingle sets the policy that a sign-in ends all other sessions.
const (
	LogInOnDevice = `mutation($i: LogInInput!) { logIn(input: $i) { token } }`
	MakeSingle    = `mutation { updateSettings(input: {sessionPolicy: SINGLE_DEVICE}) { userErrors { code } } }`
)

// Numbered repeats a format with the numbers from 0.
func Numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// PositionAt returns the position of the log that an event cursor encodes.
func PositionAt(t testing.TB, cursor string) events.Position {
	t.Helper()
	sortKey, err := cursors.Decode(cursors.Events, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return events.Position(sortKey - 1)
}

// Limited sets the limits of sign-in for an account and for an address. One address may use a fifth of an account's limit.
func Limited(perAccount, perAddress int) apitest.Option {
	return func(c *app.Config) { c.SignInPerAccount, c.SignInPerAddress = perAccount, perAddress }
}
