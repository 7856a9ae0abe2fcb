package costs

import (
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

type preparation = func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars)

// asMember is for writes: a member of their own, and variables made of it.
func asMember(vars func(t *testing.T, c *crowd, u *apitest.User) apitest.Vars) preparation {
	return func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
		u := c.member(t, n)
		if vars == nil {
			return u.Client, apitest.Vars{}
		}
		return u.Client, vars(t, c, u)
	}
}

// logsIn is for a sign-in of a member with so many live sessions, after they did something.
func logsIn(live func(n int) int, before func(t *testing.T, c *crowd, u *apitest.User), device apitest.Vars) preparation {
	return func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
		u := c.member(t, live(n)-1)
		if before != nil {
			before(t, c, u)
		}
		return c.Anonymous(), apitest.Vars{"i": apitest.Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN", "device": device}}
	}
}

// reacting is for a reaction to a tweet of the viewer's, after another one.
func reacting(first, then string) preparation {
	return asMember(func(t *testing.T, c *crowd, u *apitest.User) apitest.Vars {
		tweet := ids.Encode(ids.KindTweet, c.tweets[0])
		if first != "" {
			u.React(t, tweet, first)
		}
		return apitest.Vars{"id": tweet, "k": then}
	})
}

func otherMember(t *testing.T, c *crowd, _ *apitest.User) apitest.Vars {
	return apitest.Vars{"id": c.member(t, 0).ID}
}

func followed(t *testing.T, c *crowd, u *apitest.User) apitest.Vars {
	other := c.member(t, 0)
	u.Follow(t, other.ID)
	return apitest.Vars{"id": other.ID}
}

// Of the statements with nothing in the cache, 11 are viewerPage's: the user, their counts, the session, whom they
// follow and the home timeline's page, the page's tweets, their counts, the viewer's reactions, the authors and, of
// others, following both ways. followPage takes as many as it has questions: the user, their counts, following both
// ways, the page, its users and their counts. The rest are the rows of the write, one statement each, and its events,
// one for all. Whatever tries a password takes two more: one counts the try, one gives it back. Two trips, for events
// after which nothing old may be seen for a moment, or one are the write's; the others are those of what the payload
// reads: one a level, and two for each kind of row that is not in the cache.
var costedWrites = []costed{
	{name: "signUp", cold: price{12, 11}, warm: price{12, 11}, query: `mutation($i: SignUpInput!, $n: Int!) { signUp(input: $i) { token session {` + rig.SessionScalars + `}` + rig.ViewerPage + rig.UserErrors + `} }`,
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			name := apitest.Unique("signup")
			return c.Anonymous(), apitest.Vars{"i": apitest.Vars{"username": name, "email": name + "@example.com",
				"password": "correct horse", "tokenDelivery": "TOKEN", "device": apitest.Vars{"token": "phone", "name": "Phone"}}}
		}},
	{name: "logIn", cold: price{13, 11}, warm: price{12, 9}, query: rig.CostedLogIn, prepare: logsIn(func(n int) int { return min(n, 49) }, nil, nil)},
	{name: "logIn, most sessions", cold: price{14, 12}, warm: price{13, 10}, query: rig.CostedLogIn, prepare: logsIn(func(int) int { return 50 }, nil, nil)},
	{name: "logIn, same device", cold: price{14, 12}, warm: price{13, 10}, query: rig.CostedLogIn, prepare: logsIn(func(n int) int { return min(n, 48) },
		func(t *testing.T, c *crowd, u *apitest.User) {
			c.Anonymous().Must(t, rig.LogInOnDevice, apitest.Vars{"i": apitest.Vars{"login": u.Name, "password": u.Password,
				"tokenDelivery": "TOKEN", "device": apitest.Vars{"token": "phone"}}})
		}, apitest.Vars{"token": "phone"})},
	{name: "logIn, SINGLE_DEVICE", cold: price{13, 12}, warm: price{13, 12}, query: rig.CostedLogIn, prepare: logsIn(func(n int) int { return n },
		func(t *testing.T, _ *crowd, u *apitest.User) { u.Must(t, rig.MakeSingle, nil) }, nil)},
	{name: "logOut", cold: price{3, 2}, warm: price{3, 2}, query: `mutation { logOut { session {` + rig.SessionScalars + `}` + rig.UserErrors + `} }`, prepare: asMember(nil)},
	{name: "revokeSession", cold: price{3, 2}, warm: price{3, 2}, query: `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { session {` + rig.SessionScalars + `}` + rig.UserErrors + `} }`,
		prepare: asMember(func(t *testing.T, c *crowd, u *apitest.User) apitest.Vars {
			return apitest.Vars{"id": c.sessions(t, u, 1)}
		})},
	{name: "revokeOtherSessions", cold: price{3, 2}, warm: price{3, 2}, query: `mutation { revokeOtherSessions { sessions {` + rig.SessionScalars + `}` + rig.UserErrors + `} }`, prepare: asMember(nil)},
	{name: "changePassword", cold: price{11, 10}, warm: price{11, 10}, query: `mutation($old: String!, $n: Int!) { changePassword(input: {currentPassword: $old, newPassword: "another horse"}) {` + rig.ViewerPage + rig.UserErrors + `} }`,
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars { return apitest.Vars{"old": u.Password} })},
	{name: "updateProfile", cold: price{8, 11}, warm: price{6, 7}, query: `mutation($n: Int!) { updateProfile(input: {name: "N", bio: "B", websiteUrl: "https://example.com"}) {` + rig.FollowPage + rig.UserErrors + `} }`,
		prepare: asMember(nil)},
	{name: "updateSettings", cold: price{14, 9}, warm: price{14, 9}, query: `mutation($name: String!, $mail: String!, $old: String!, $n: Int!) {
		updateSettings(input: {username: $name, email: $mail, currentPassword: $old, sessionPolicy: SINGLE_DEVICE}) {` + rig.ViewerPage + rig.UserErrors + `} }`,
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
			name := apitest.Unique("renamed")
			return apitest.Vars{"name": name, "mail": name + "@example.com", "old": u.Password}
		})},
	{name: "updateSettings, same email", cold: price{10, 9}, warm: price{10, 9}, query: `mutation($name: String!, $mail: String!, $n: Int!) {
		updateSettings(input: {username: $name, email: $mail, sessionPolicy: SINGLE_DEVICE}) {` + rig.ViewerPage + rig.UserErrors + `} }`,
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
			return apitest.Vars{"name": apitest.Unique("renamed"), "mail": u.Name + "@example.com"}
		})},
	{name: "followUser, user", cold: price{12, 15}, warm: price{10, 11}, query: rig.CostedFollow, prepare: asMember(otherMember)},
	{name: "followUser, viewer", cold: price{14, 21}, warm: price{9, 11}, query: rig.CostedFollowing, prepare: asMember(otherMember)},
	{name: "followUser, once more", cold: price{9, 15}, warm: price{7, 11}, query: rig.CostedFollow, prepare: asMember(followed)},
	{name: "unfollowUser, user", cold: price{10, 15}, warm: price{7, 9}, query: rig.CostedUnfollow, prepare: asMember(followed)},
	{name: "unfollowUser, viewer", cold: price{12, 21}, warm: price{7, 11}, query: rig.CostedUnfollowing, prepare: asMember(followed)},
	{name: "unfollowUser, not followed", cold: price{9, 15}, warm: price{6, 9}, query: rig.CostedUnfollow, prepare: asMember(otherMember)},
	{name: "createTweet", cold: price{3, 1}, warm: price{3, 1}, query: rig.CostedNewTweet, prepare: asMember(nil)},
	{name: "createTweet, whole payload", cold: price{8, 12}, warm: price{6, 8}, query: rig.CostedFullTweet, prepare: asMember(nil)},
	{name: "deleteTweet", cold: price{4, 2}, warm: price{4, 2}, query: rig.CostedDeletion, prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		return apitest.Vars{"id": u.Tweet(t, "soon gone")}
	})},
	{name: "deleteTweet, once more", cold: price{2, 0}, warm: price{2, 0}, query: rig.CostedDeletion, prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		id := u.Tweet(t, "soon gone")
		u.Delete(t, id)
		return apitest.Vars{"id": id}
	})},
	{name: "setReaction, a like", cold: price{6, 8}, warm: price{3, 2}, query: rig.CostedReaction, prepare: reacting("", "LIKE")},
	{name: "setReaction, switched", cold: price{6, 8}, warm: price{3, 2}, query: rig.CostedReaction, prepare: reacting("LIKE", "DISLIKE")},
	{name: "setReaction, undone", cold: price{6, 8}, warm: price{3, 2}, query: rig.CostedReaction, prepare: reacting("LIKE", "NONE")},
	{name: "setReaction, the same", cold: price{7, 12}, warm: price{4, 6}, query: rig.CostedReaction, prepare: reacting("LIKE", "LIKE")},
	{name: "two mutations", cold: price{6, 2}, warm: price{6, 2}, query: `mutation { a: createTweet(input: {text: "one"}) { tweet { id } } b: createTweet(input: {text: "two"}) { tweet { id } } }`,
		prepare: asMember(nil)},
}
