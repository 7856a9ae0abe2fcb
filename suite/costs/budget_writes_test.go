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

// retweeting is for a tweet of the viewer's, which is retweeted before or not.
func retweeting(before bool) preparation {
	return asMember(func(t *testing.T, c *crowd, u *apitest.User) apitest.Vars {
		vars := apitest.Vars{"id": ids.Encode(ids.KindTweet, c.tweets[0])}
		if before {
			u.Must(t, "mutation($id: ID!) { retweet(input: {tweetId: $id}) { userErrors { code } } }", vars)
		}
		return vars
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
// one for all. Whatever tries a password takes two more: one counts the try, one undoes that. Two trips, for events
// after which nothing old may be seen for a moment, or one are the write's; the others are those of what the payload
// reads: one a level, and two for each kind of row that is not in the cache.
var costedWrites = []costed{
	{name: "signUp",
		prepare: func(_ *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			name := apitest.Unique("signup")
			return c.Anonymous(), apitest.Vars{"i": apitest.Vars{"username": name, "email": name + "@example.com",
				"password": "correct horse", "tokenDelivery": "TOKEN", "device": apitest.Vars{"token": "phone", "name": "Phone"}}}
		}},
	{name: "logIn", prepare: logsIn(func(n int) int { return min(n, 49) }, nil, nil)},
	{name: "logIn, most sessions", prepare: logsIn(func(int) int { return 50 }, nil, nil)},
	{name: "logIn, same device", prepare: logsIn(func(n int) int { return min(n, 48) },
		func(t *testing.T, c *crowd, u *apitest.User) {
			c.Anonymous().Must(t, rig.LogInOnDevice, apitest.Vars{"i": apitest.Vars{"login": u.Name, "password": u.Password,
				"tokenDelivery": "TOKEN", "device": apitest.Vars{"token": "phone"}}})
		}, apitest.Vars{"token": "phone"})},
	{name: "logIn, SINGLE_DEVICE", prepare: logsIn(func(n int) int { return n },
		func(t *testing.T, _ *crowd, u *apitest.User) { u.Must(t, rig.MakeSingle, nil) }, nil)},
	{name: "logOut", prepare: asMember(nil)},
	{name: "revokeSession",
		prepare: asMember(func(t *testing.T, c *crowd, u *apitest.User) apitest.Vars {
			return apitest.Vars{"id": c.sessions(t, u, 1)}
		})},
	{name: "revokeOtherSessions", prepare: asMember(nil)},
	{name: "changePassword",
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars { return apitest.Vars{"old": u.Password} })},
	{name: "updateProfile", prepare: asMember(nil)},
	{name: "updateSettings",
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
			name := apitest.Unique("renamed")
			return apitest.Vars{"name": name, "mail": name + "@example.com", "old": u.Password}
		})},
	{name: "updateSettings-same-email",
		prepare: asMember(func(_ *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
			return apitest.Vars{"name": apitest.Unique("renamed"), "mail": u.Name + "@example.com"}
		})},
	{name: "followUser-user", prepare: asMember(otherMember)},
	{name: "followUser-viewer", prepare: asMember(otherMember)},
	{name: "followUser-user, once more", prepare: asMember(followed)},
	{name: "unfollowUser-user", prepare: asMember(followed)},
	{name: "unfollowUser-viewer", prepare: asMember(followed)},
	{name: "unfollowUser-user, not followed", prepare: asMember(otherMember)},
	{name: "createTweet", prepare: asMember(nil)},
	{name: "createTweet-whole-payload", prepare: asMember(nil)},
	{name: "createTweet-reply", prepare: asMember(func(_ *testing.T, c *crowd, _ *apitest.User) apitest.Vars {
		return apitest.Vars{"id": ids.TweetID(c.tweets[0]).String()}
	})},
	{name: "createTweet-reply, to a new tweet", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		return apitest.Vars{"id": u.Tweet(t, "who answers?")}
	})},
	{name: "createTweet-keyed", prepare: asMember(func(*testing.T, *crowd, *apitest.User) apitest.Vars {
		return apitest.Vars{"key": apitest.Unique("key")}
	})},
	{name: "createTweet-keyed, repeated", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		key := apitest.Vars{"key": apitest.Unique("key")}
		u.Must(t, `mutation($key: String!) { createTweet(input: {text: "hello"}) @idempotent(key: $key) { tweet { id } } }`, key)
		return key
	})},
	{name: "createTweet-hashtags", prepare: asMember(nil)},
	{name: "deleteTweet-hashtags", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		return apitest.Vars{"id": u.Tweet(t, "soon gone #soon #gone")}
	})},
	{name: "deleteTweet", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		return apitest.Vars{"id": u.Tweet(t, "soon gone")}
	})},
	{name: "deleteTweet, once more", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		id := u.Tweet(t, "soon gone")
		u.Delete(t, id)
		return apitest.Vars{"id": id}
	})},
	{name: "setReaction, a like", prepare: reacting("", "LIKE")},
	{name: "setReaction, switched", prepare: reacting("LIKE", "DISLIKE")},
	{name: "setReaction, undone", prepare: reacting("LIKE", "NONE")},
	{name: "setReaction, the same", prepare: reacting("LIKE", "LIKE")},
	{name: "retweet, a tweet", prepare: retweeting(false)},
	{name: "retweet, the same", prepare: retweeting(true)},
	{name: "retweet, an own tweet", prepare: asMember(func(t *testing.T, _ *crowd, u *apitest.User) apitest.Vars {
		return apitest.Vars{"id": u.Tweet(t, "mine")}
	})},
	{name: "unretweet, a tweet", prepare: retweeting(true)},
	{name: "unretweet, not retweeted", prepare: retweeting(false)},
	{name: "two-mutations", prepare: asMember(nil)},
}
