package graph

import (
	"math"

	"roost/domain/tweets"
	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// reply is an entry of a page of replies.
type reply struct {
	order tweets.Order
	entry sqldb.Row
}

// replyAfter is the entry of a reply in the order OLDEST.
func replyAfter(id int64) reply {
	return reply{tweets.Oldest, sqldb.Row{SortKey: math.MaxInt64 - id, Item: id}}
}

func replyEdgeType() *plan.Type[reply]           { return replyEdge }
func tweetConnectionType() *plan.Type[sqldb.Key] { return tweetConnection }

var (
	replyEdge       *plan.Type[reply]
	tweetConnection *plan.Type[sqldb.Key]
)

// cursorsIn are the kinds of the cursors of replies in each order.
var cursorsIn = [...]cursors.Kind{tweets.Newest: cursors.Newest, tweets.Oldest: cursors.Oldest, tweets.Relevant: cursors.Relevant}

func init() {
	replyEdge = &plan.Type[reply]{Name: "TweetEdge", Is: []string{"TweetEdge"},
		Exists: plan.ExistsThrough(tweetRow, func(e reply) int64 { return e.entry.Item }, exists[tweets.Tweet]),
		Fields: map[string]plan.Field[reply]{
			"cursor": plan.Key(func(_ *plan.Run, b []byte, e reply) []byte {
				return appendCursor(b, cursorsIn[e.order], e.entry.SortKey)
			}),
			"node": plan.Link(tweetType, func(*plan.Run, plan.Args) func(reply) (int64, bool) {
				return func(e reply) (int64, bool) { return e.entry.Item, true }
			}),
		}}
	info := pageInfoOf(func(k sqldb.Key) cursors.Kind { return cursorsIn[k.Kinds] }, repliesPage)
	nodes := plan.ManyUnless(isEmpty, repliesPage, tweetType, pageItems)
	tweetConnection = &plan.Type[sqldb.Key]{Name: "TweetConnection", Is: []string{"TweetConnection"}, Fields: map[string]plan.Field[sqldb.Key]{
		"edges": plan.ManyOf(isEmpty, repliesPage, replyEdgeType, func(k sqldb.Key, p page, to []reply) []reply {
			for _, e := range p.Items {
				to = append(to, reply{tweets.Order(k.Kinds), e})
			}
			return to
		}),
		"nodes":    nodes,
		"pageInfo": plan.Guarded(plan.Same(func() *plan.Type[sqldb.Key] { return info }), nodes),
	}}
}

// repliesLink is the page of the replies to a tweet.
func repliesLink() plan.Field[int64] {
	return plan.Link(tweetConnectionType, func(r *plan.Run, a plan.Args) func(int64) (sqldb.Key, bool) {
		var by *model.ReplyOrder
		switch name, given := a.Get(r, "orderBy"); name := name.(type) {
		case string:
			by = (*model.ReplyOrder)(&name)
		default:
			if given && name != nil {
				return nil
			}
		}
		kind, order := repliesIn(by)
		w, ok := windowOf(r, a, kind)
		if !ok {
			return nil
		}
		return func(tweet int64) (sqldb.Key, bool) {
			return sqldb.Key{Owner: tweet, Window: w, Kinds: uint8(order)}, true
		}
	})
}
