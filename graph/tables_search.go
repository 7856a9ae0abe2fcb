package graph

import (
	"roost/domain/search"
	"roost/domain/tweets"
	"roost/graph/plan"
)

// tweetFound is a tweet in the results of a search.
type tweetFound struct {
	order search.Order
	search.Place
}

// userFound is a user in the results of a search.
type userFound struct {
	query string
	search.UserPlace
}

func tweetsFoundType() *plan.Type[search.Key]    { return tweetsFoundTable }
func usersFoundType() *plan.Type[search.UserKey] { return usersFoundTable }
func tweetFoundEdgeType() *plan.Type[tweetFound] { return tweetFoundEdge }
func userFoundEdgeType() *plan.Type[userFound]   { return userFoundEdge }

var (
	tweetsFoundTable *plan.Type[search.Key]
	usersFoundTable  *plan.Type[search.UserKey]
	tweetFoundEdge   *plan.Type[tweetFound]
	userFoundEdge    *plan.Type[userFound]
)

// given returns the arguments of a field, with defaults, that were given.
func given(r *plan.Run, a plan.Args, names ...string) map[string]any {
	raw := map[string]any{}
	for _, name := range names {
		if v, ok := a.Get(r, name); ok {
			raw[name] = v
		}
	}
	return raw
}

// tweetSearchLink reads the arguments of searchTweets.
func tweetSearchLink(r *plan.Run, a plan.Args) func(root) (search.Key, bool) {
	t, ok := rawTweetSearch(given(r, a, "query", "filter", "orderBy", "first", "after"))
	if !ok {
		return nil
	}
	k, err := t.key(envOf(r).who.UserID())
	if err != nil {
		return nil
	}
	return func(root) (search.Key, bool) { return k, true }
}

// userSearchLink reads the arguments of searchUsers.
func userSearchLink(r *plan.Run, a plan.Args) func(root) (search.UserKey, bool) {
	raw := given(r, a, "query", "first", "after")
	query, ok := raw["query"].(string)
	if !ok {
		return nil
	}
	k, err := userKey(query, pagingArgs(raw))
	if err != nil {
		return nil
	}
	return func(root) (search.UserKey, bool) { return k, true }
}

func init() {
	tweetFoundEdge = &plan.Type[tweetFound]{Name: "TweetEdge", Is: []string{"TweetEdge"},
		Exists: plan.ExistsThrough(tweetRow, func(f tweetFound) int64 { return f.ID }, exists[tweets.Tweet]),
		Fields: map[string]plan.Field[tweetFound]{
			"cursor": plan.Key(func(_ *plan.Run, b []byte, f tweetFound) []byte {
				return plan.AppendString(b, placeCursor(f.order, f.Place))
			}),
			"node": plan.Shared(tweetType, func(f tweetFound) int64 { return f.ID }),
		}}
	userFoundEdge = &plan.Type[userFound]{Name: "UserEdge", Is: []string{"UserEdge"}, Fields: map[string]plan.Field[userFound]{
		"cursor": plan.Key(func(_ *plan.Run, b []byte, f userFound) []byte {
			return plan.AppendString(b, userCursor(f.query, f.UserPlace))
		}),
		"node": plan.Shared(userType, func(f userFound) int64 { return f.ID }),
	}}

	noTweets := func(k search.Key) bool { return k.Size == 0 }
	nodes := plan.ManyUnless(noTweets, tweetsFound, tweetType, func(p search.Page, to []int64) []int64 {
		for _, place := range p.Items {
			to = append(to, place.ID)
		}
		return to
	})
	info := foundInfo(tweetsFound, func(k search.Key) bool { return k.After != search.Place{} },
		func(p search.Page) (int, bool) { return len(p.Items), p.More },
		func(k search.Key, p search.Page, i int) string { return placeCursor(k.Order, p.Items[i]) })
	edges := plan.ManyOf(noTweets, tweetsFound, tweetFoundEdgeType, func(k search.Key, p search.Page, to []tweetFound) []tweetFound {
		for _, place := range p.Items {
			to = append(to, tweetFound{k.Order, place})
		}
		return to
	})
	tweetsFoundTable = &plan.Type[search.Key]{Name: "TweetConnection", Is: []string{"TweetConnection"}}
	tweetsFoundTable.Fields = map[string]plan.Field[search.Key]{
		"edges":    edges,
		"nodes":    nodes,
		"pageInfo": plan.Guarded(plan.Same(func() *plan.Type[search.Key] { return info }), nodes),
	}

	noUsers := func(k search.UserKey) bool { return k.Size == 0 }
	userInfo := foundInfo(usersFound, func(k search.UserKey) bool { return k.After != search.UserPlace{} },
		func(p search.UserPage) (int, bool) { return len(p.Items), p.More },
		func(k search.UserKey, p search.UserPage, i int) string { return userCursor(k.Query, p.Items[i]) })
	found := func(k search.UserKey, p search.UserPage, to []userFound) []userFound {
		for _, place := range p.Items {
			to = append(to, userFound{k.Query, place})
		}
		return to
	}
	userEdges := plan.ManyOf(noUsers, usersFound, userFoundEdgeType, found)
	users := plan.ManyUnless(noUsers, usersFound, userType, func(p search.UserPage, to []int64) []int64 {
		for _, place := range p.Items {
			to = append(to, place.ID)
		}
		return to
	})
	usersFoundTable = &plan.Type[search.UserKey]{Name: "UserConnection", Is: []string{"UserConnection"}}
	usersFoundTable.Fields = map[string]plan.Field[search.UserKey]{
		"edges":    userEdges,
		"nodes":    users,
		"pageInfo": plan.Same(func() *plan.Type[search.UserKey] { return userInfo }),
	}
}

// foundInfo is the position of a page in the results of a search. shape returns how many items a page has, and whether there is more;
// cursor is that of an item.
func foundInfo[K comparable, P any](col *plan.Column[K, P], continues func(k K) bool, shape func(p P) (int, bool),
	cursor func(k K, p P, i int) string) *plan.Type[K] {
	none := func(k K, _ P) (K, bool) { return k, false } // no other page is read
	at := func(of func(n int) int) plan.Field[K] {
		return plan.Further(col, func(K) bool { return false }, none, func(b []byte, k K, p P, _ *P) []byte {
			n, _ := shape(p)
			if n == 0 {
				return append(b, "null"...)
			}
			return plan.AppendString(b, cursor(k, p, of(n)))
		})
	}
	return &plan.Type[K]{Name: "PageInfo", Is: []string{"PageInfo"}, Fields: map[string]plan.Field[K]{
		"hasNextPage": plan.Leaf(col, func(b []byte, p P) []byte {
			_, more := shape(p)
			return plan.AppendBool(b, more)
		}),
		"hasPreviousPage": plan.Key(func(_ *plan.Run, b []byte, k K) []byte { return plan.AppendBool(b, continues(k)) }),
		"startCursor":     at(func(int) int { return 0 }),
		"endCursor":       at(func(n int) int { return n - 1 }),
	}}
}
