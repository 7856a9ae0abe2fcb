package apitest

import "testing"

// Tweet posts a tweet and returns its global id.
func (u *User) Tweet(t testing.TB, text string) string {
	t.Helper()
	res := u.Must(t, `mutation($t: String!) { createTweet(input: {text: $t}) { tweet { id } userErrors { code message } } }`, Vars{"t": text})
	id := res.String("createTweet.tweet.id")
	if id == "" {
		t.Fatalf("post %q: %s", text, res.Data)
	}
	return id
}

// Delete deletes a tweet of the user's.
func (u *User) Delete(t testing.TB, tweet string) {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { deletedTweetId userErrors { code message } } }`,
		Vars{"id": tweet})
	if res.String("deleteTweet.deletedTweetId") != tweet {
		t.Fatalf("delete %s: %s", tweet, res.Data)
	}
}

// Follow follows a user.
func (u *User) Follow(t testing.TB, user string) {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!) { followUser(input: {userId: $id}) { user { id } userErrors { code message } } }`, Vars{"id": user})
	if res.String("followUser.user.id") != user {
		t.Fatalf("follow %s: %s", user, res.Data)
	}
}

// Unfollow ends a follow.
func (u *User) Unfollow(t testing.TB, user string) {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!) { unfollowUser(input: {userId: $id}) { user { id } userErrors { code message } } }`, Vars{"id": user})
	if res.String("unfollowUser.user.id") != user {
		t.Fatalf("unfollow %s: %s", user, res.Data)
	}
}

// React sets the user's reaction to a tweet.
func (u *User) React(t testing.TB, tweet, kind string) {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!, $k: ReactionKind!) { setReaction(input: {subjectId: $id, reaction: $k}) { subject { id }
		userErrors { code message } } }`,
		Vars{"id": tweet, "k": kind})
	if res.String("setReaction.subject.id") != tweet {
		t.Fatalf("react to %s: %s", tweet, res.Data)
	}
}

// Retweet has the user retweet a tweet, and returns the id of the retweet.
func (u *User) Retweet(t testing.TB, tweet string) string {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!) { retweet(input: {tweetId: $id}) { retweet { id } tweet { id } userErrors { code message } } }`,
		Vars{"id": tweet})
	if res.String("retweet.tweet.id") != tweet {
		t.Fatalf("retweet %s: %s", tweet, res.Data)
	}
	return res.String("retweet.retweet.id")
}

// Unretweet has the user undo a retweet, if there is one.
func (u *User) Unretweet(t testing.TB, tweet string) {
	t.Helper()
	res := u.Must(t, `mutation($id: ID!) { unretweet(input: {tweetId: $id}) { tweet { id } userErrors { code message } } }`, Vars{"id": tweet})
	if res.String("unretweet.tweet.id") != tweet {
		t.Fatalf("undo the retweet of %s: %s", tweet, res.Data)
	}
}

// Home reads the ids of the newest tweets of the user's home timeline.
func (u *User) Home(t testing.TB, first int) []string {
	t.Helper()
	res := u.Must(t, `query($n: Int!) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, Vars{"n": first})
	return res.Strings("viewer.homeTimeline.nodes", "id")
}

// Reply posts a reply to a tweet and returns its id.
func (u *User) Reply(t testing.TB, tweet, text string) string {
	t.Helper()
	res := u.Must(t, `mutation($t: String!, $to: ID!) { createTweet(input: {text: $t, inReplyToId: $to}) { tweet { id }
		userErrors { code message } } }`, Vars{"t": text, "to": tweet})
	id := res.String("createTweet.tweet.id")
	if id == "" {
		t.Fatalf("answer %s: %s", tweet, res.Data)
	}
	return id
}
