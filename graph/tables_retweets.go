package graph

import (
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

func retweetType() *plan.Type[retweets.Retweet] { return retweet }

func retweetEdgeType() *plan.Type[retweets.Retweet] { return retweetEdge }

func retweetConnectionType() *plan.Type[sqldb.Key] { return retweetConnection }

var (
	// retweet is a retweet that is active. It exists as long as its tweet is visible.
	retweet, retweetEdge *plan.Type[retweets.Retweet]
	retweetConnection    *plan.Type[sqldb.Key]
)

func init() {
	tweetOf := func(r retweets.Retweet) int64 { return r.TweetID }
	leaf := func(write func(b []byte, r retweets.Retweet) []byte) plan.Field[retweets.Retweet] {
		return plan.Key(func(_ *plan.Run, b []byte, r retweets.Retweet) []byte { return write(b, r) })
	}
	retweet = &plan.Type[retweets.Retweet]{Name: "Retweet", Is: []string{"Retweet", "Node"},
		Exists: plan.ExistsThrough(tweetRow, tweetOf, exists[tweets.Tweet]), Fields: map[string]plan.Field[retweets.Retweet]{
			"id":        leaf(func(b []byte, r retweets.Retweet) []byte { return plan.AppendString(b, r.ID().String()) }),
			"tweet":     plan.Shared(tweetType, tweetOf),
			"user":      plan.Shared(userType, func(r retweets.Retweet) int64 { return r.UserID }),
			"createdAt": leaf(func(b []byte, r retweets.Retweet) []byte { return plan.AppendTime(b, r.At()) }),
		}}
	retweetEdge = &plan.Type[retweets.Retweet]{Name: "RetweetEdge", Is: []string{"RetweetEdge"}}
	retweetEdge.Fields = map[string]plan.Field[retweets.Retweet]{
		"cursor": leaf(func(b []byte, r retweets.Retweet) []byte { return appendCursor(b, cursors.Retweets, r.SortKey) }),
		"node":   plan.Same(retweetType),
	}
	info := pageInfoTable(cursors.Retweets, retweetsPage)
	list := func(typ func() *plan.Type[retweets.Retweet]) plan.Field[sqldb.Key] {
		return plan.ManyOf(isEmpty, retweetsPage, typ, func(k sqldb.Key, p page, to []retweets.Retweet) []retweets.Retweet {
			for _, e := range p.Items {
				to = append(to, entryOf(k.Owner, e))
			}
			return to
		})
	}
	retweetConnection = &plan.Type[sqldb.Key]{Name: "RetweetConnection", Is: []string{"RetweetConnection"}}
	retweetConnection.Fields = map[string]plan.Field[sqldb.Key]{
		"edges":    list(retweetEdgeType),
		"nodes":    list(retweetType),
		"pageInfo": plan.Same(func() *plan.Type[sqldb.Key] { return info }),
	}
}
