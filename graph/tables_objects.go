package graph

import (
	"time"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/loaders"
)

func limitsTable() *plan.Type[root] {
	limit := func(of func(l *model.Limits) int32) plan.Field[root] {
		return plan.Key(func(r *plan.Run, b []byte, _ root) []byte { return plan.AppendInt(b, of(envOf(r).limits())) })
	}
	return &plan.Type[root]{Name: "Limits", Is: []string{"Limits"}, Fields: map[string]plan.Field[root]{
		"tweetLength":       limit(func(l *model.Limits) int32 { return l.TweetLength }),
		"pageSize":          limit(func(l *model.Limits) int32 { return l.PageSize }),
		"batchSize":         limit(func(l *model.Limits) int32 { return l.BatchSize }),
		"usernameLength":    limit(func(l *model.Limits) int32 { return l.UsernameLength }),
		"nameLength":        limit(func(l *model.Limits) int32 { return l.NameLength }),
		"bioLength":         limit(func(l *model.Limits) int32 { return l.BioLength }),
		"passwordMinLength": limit(func(l *model.Limits) int32 { return l.PasswordMinLength }),
		"searchLength":      limit(func(l *model.Limits) int32 { return l.SearchLength }),
		"documentBytes":     limit(func(l *model.Limits) int32 { return l.DocumentBytes }),
	}}
}

func userTable() *plan.Type[int64] {
	text := func(of func(u *accounts.User) string) plan.Field[int64] {
		return plan.Leaf(accountRow, func(b []byte, a *accounts.Account) []byte { return plan.AppendString(b, of(&a.User)) })
	}
	return &plan.Type[int64]{Name: "User", Is: []string{"User", "Node"},
		Exists: plan.Exists(accountRow, exists), Fields: map[string]plan.Field[int64]{
			"id":       globalID(ids.KindUser),
			"username": text(func(u *accounts.User) string { return u.Username }),
			"name":     text(func(u *accounts.User) string { return u.Name }),
			"bio":      text(func(u *accounts.User) string { return u.Bio }),
			"websiteUrl": plan.Leaf(accountRow, func(b []byte, a *accounts.Account) []byte {
				return plan.AppendOptional(b, a.User.WebsiteURL)
			}),
			"createdAt": plan.Leaf(accountRow, func(b []byte, a *accounts.Account) []byte { return plan.AppendTime(b, a.User.CreatedAt) }),
			"url": plan.KeyedLeaf(accountRow, func(r *plan.Run, b []byte, _ int64, a *accounts.Account) []byte {
				return plan.AppendString(b, envOf(r).userURL(&a.User))
			}),
			"tweetCount": plan.Leaf(userCounts, func(b []byte, c counts.UserCounts) []byte { return plan.AppendInt(b, c.Tweets) }),
			"isViewer": plan.Key(func(r *plan.Run, b []byte, id int64) []byte {
				return plan.AppendBool(b, envOf(r).who.UserID() == id)
			}),
			"viewerIsFollowing": plan.Leaf(followedByMe, plan.AppendBool),
			"isFollowingViewer": plan.Leaf(followsMe, plan.AppendBool),
			"followers":         pageLink(followersConnectionType, cursors.Followers),
			"following":         pageLink(followingConnectionType, cursors.Following),
			"timeline":          pageLink(timelineConnectionType, cursors.Timeline),
		}}
}

func globalID(kind ids.Kind) plan.Field[int64] {
	return plan.Key(func(_ *plan.Run, b []byte, id int64) []byte { return appendGlobal(b, byte(kind), id) })
}

func tweetTable() *plan.Type[int64] {
	return &plan.Type[int64]{Name: "Tweet", Is: []string{"Tweet", "Node", "Reactable"},
		Exists: plan.Exists(tweetRow, exists), Fields: map[string]plan.Field[int64]{
			"id":        globalID(ids.KindTweet),
			"text":      plan.Leaf(tweetRow, func(b []byte, t *tweets.Tweet) []byte { return plan.AppendString(b, t.Text) }),
			"entities":  entitiesField(),
			"createdAt": plan.Leaf(tweetRow, func(b []byte, t *tweets.Tweet) []byte { return plan.AppendTime(b, t.CreatedAt) }),
			"url": plan.Key(func(r *plan.Run, b []byte, id int64) []byte {
				return plan.AppendString(b, envOf(r).tweetURL(ids.TweetID(id)))
			}),
			"author": plan.One(tweetRow, userType, func(t *tweets.Tweet) (int64, bool) {
				if t == nil {
					return 0, false
				}
				return t.AuthorID, true
			}, knownAuthors),
			"isReply": plan.Leaf(tweetRow, func(b []byte, t *tweets.Tweet) []byte { return plan.AppendBool(b, t.InReplyTo != 0) }),
			"inReplyTo": plan.One(tweetRow, tweetType, func(t *tweets.Tweet) (int64, bool) {
				if t == nil || t.InReplyTo == 0 {
					return 0, false
				}
				return t.InReplyTo, true
			}, nil),
			"ancestors":          plan.Many(ancestorsOf, tweetType, func(above, to []int64) []int64 { return append(to, above...) }),
			"replies":            repliesLink(),
			"replyCount":         plan.Leaf(reactionCounts, func(b []byte, c *reactions.Counts) []byte { return plan.AppendInt(b, c.ReplyCount) }),
			"retweets":           pageLink(retweetConnectionType, cursors.Retweets),
			"retweetCount":       plan.Leaf(reactionCounts, func(b []byte, c *reactions.Counts) []byte { return plan.AppendInt(b, c.RetweetCount) }),
			"reactions":          plan.Same(summaryType),
			"viewerHasRetweeted": plan.Leaf(myRetweet, plan.AppendBool),
			"viewerCanDelete": plan.KeyedLeaf(tweetRow, func(r *plan.Run, b []byte, _ int64, t *tweets.Tweet) []byte {
				return plan.AppendBool(b, envOf(r).who.UserID() == t.AuthorID)
			}),
		}}
}

// knownAuthors appends the authors of tweets that the process keeps: the author of a tweet never changes.
func knownAuthors(r *plan.Run, keys []int64, to []int64) ([]int64, bool) {
	return envOf(r).set.AppendAuthors(keys, to)
}

func summaryTable() *plan.Type[int64] {
	count := func(of func(c *reactions.Counts) int32) plan.Field[int64] {
		return plan.Leaf(reactionCounts, func(b []byte, c *reactions.Counts) []byte { return plan.AppendInt(b, of(c)) })
	}
	return &plan.Type[int64]{Name: "ReactionSummary", Is: []string{"ReactionSummary"}, Fields: map[string]plan.Field[int64]{
		"likeCount":      count(func(c *reactions.Counts) int32 { return c.LikeCount }),
		"dislikeCount":   count(func(c *reactions.Counts) int32 { return c.DislikeCount }),
		"revision":       count(func(c *reactions.Counts) int32 { return c.Revision }),
		"viewerReaction": plan.Leaf(myReaction, func(b []byte, k reactions.Kind) []byte { return plan.AppendString(b, k.String()) }),
		"subject":        plan.Same(tweetType),
	}}
}

func sessionTable() *plan.Type[*accounts.Session] {
	instant := func(of func(s *accounts.Session) *time.Time) plan.Field[*accounts.Session] {
		return plan.Key(func(_ *plan.Run, b []byte, s *accounts.Session) []byte {
			if of(s) == nil {
				return append(b, "null"...)
			}
			return plan.AppendTime(b, *of(s))
		})
	}
	text := func(of func(s *accounts.Session) *string) plan.Field[*accounts.Session] {
		return plan.Key(func(_ *plan.Run, b []byte, s *accounts.Session) []byte { return plan.AppendOptional(b, of(s)) })
	}
	return &plan.Type[*accounts.Session]{Name: "Session", Is: []string{"Session", "Node"}, Fields: map[string]plan.Field[*accounts.Session]{
		"id":         plan.Key(func(_ *plan.Run, b []byte, s *accounts.Session) []byte { return plan.AppendString(b, s.ID.String()) }),
		"createdAt":  instant(func(s *accounts.Session) *time.Time { return &s.CreatedAt }),
		"expiresAt":  instant(func(s *accounts.Session) *time.Time { return &s.ExpiresAt }),
		"lastUsedAt": instant(func(s *accounts.Session) *time.Time { return &s.LastUsedAt }),
		"endedAt":    instant(func(s *accounts.Session) *time.Time { return s.EndedAt }),
		"endReason":  text(func(s *accounts.Session) *string { return (*string)(s.EndReason) }),
		"deviceName": text(func(s *accounts.Session) *string { return s.DeviceName }),
		"userAgent":  text(func(s *accounts.Session) *string { return s.UserAgent }),
		"isCurrent": plan.Key(func(r *plan.Run, b []byte, s *accounts.Session) []byte {
			return plan.AppendBool(b, envOf(r).who.MadeBy(s.ID.ID))
		}),
	}}
}

// sessionsField is the list of the viewer's sessions.
func sessionsField() plan.Field[int64] {
	return plan.ManyFrom(sessionList, sessionType, func(r *plan.Run, a plan.Args) func(viewer int64) loaders.SessionList {
		ended, _ := a.Get(r, "includeEnded")
		include, _ := ended.(bool)
		return func(viewer int64) loaders.SessionList { return loaders.SessionList{UserID: viewer, Ended: include} }
	}, func(list, to []*accounts.Session) []*accounts.Session { return append(to, list...) })
}
