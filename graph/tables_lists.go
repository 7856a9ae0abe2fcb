package graph

import (
	"github.com/99designs/gqlgen/graphql"

	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// pageLink is a connection, which is named by its owner and the window of its page.
func pageLink(typ func() *plan.Type[sqldb.Key], kind cursors.Kind) plan.Field[int64] {
	return plan.Link(typ, func(r *plan.Run, a plan.Args) func(int64) (sqldb.Key, bool) {
		w, ok := windowOf(r, a, kind)
		if !ok {
			return nil
		}
		kinds := uint8(0)
		if kind == cursors.Timeline {
			if kinds, ok = includedKinds(r, a); !ok {
				return nil
			}
		}
		matching := ""
		if given, ok := a.Get(r, "matching"); ok {
			var err error
			if matching, err = matchingOf(given); err != nil || matching == "" && given != nil {
				return nil
			}
		}
		return func(owner int64) (sqldb.Key, bool) {
			return sqldb.Key{Owner: owner, Window: w, Kinds: kinds, Matching: matching}, true
		}
	})
}

// includedKinds reads the argument `include`. ok is false for one that asks for nothing, and for one that is not a list of names.
func includedKinds(r *plan.Run, a plan.Args) (kinds uint8, ok bool) {
	var names []string
	if include, given := a.Get(r, "include"); given && include != nil {
		list := graphql.CoerceList(include)
		names = make([]string, len(list))
		for i, v := range list {
			if names[i], ok = v.(string); !ok {
				return 0, false
			}
		}
	}
	kinds = kindsOf(names)
	return kinds, kinds != 0
}

// windowOf reads the paging arguments of a field. ok is false for arguments that the field refuses.
func windowOf(r *plan.Run, a plan.Args, kind cursors.Kind) (w cursors.Window, ok bool) {
	raw := map[string]any{}
	for _, name := range []string{"first", "after", "last", "before"} {
		if v, given := a.Get(r, name); given {
			raw[name] = v
		}
	}
	w, err := pagingArgs(raw).Window(kind)
	return w, err == nil
}

// pagingArgs reads paging arguments that gqlgen has validated but not decoded. It leaves out a value of a wrong type, which
// the field itself refuses.
func pagingArgs(raw map[string]any) cursors.Args {
	number := func(name string) *int32 {
		if raw[name] == nil {
			return nil
		}
		n, err := model.UnmarshalInt(raw[name])
		if err != nil {
			n = -1 // refused like -1
		}
		return &n
	}
	text := func(name string) *string {
		s, ok := raw[name].(string)
		if !ok {
			return nil
		}
		return &s
	}
	return cursors.Args{First: number("first"), After: text("after"), Last: number("last"), Before: text("before")}
}

// isEmpty reports that a page has no items, whatever the list holds.
func isEmpty(k sqldb.Key) bool { return k.Window.Size == 0 }

func pageRows(p page, to []sqldb.Row) []sqldb.Row { return append(to, p.Items...) }

func pageItems(p page, to []int64) []int64 {
	for _, e := range p.Items {
		to = append(to, e.Item)
	}
	return to
}

// pageInfoTable is the position of a page in its list.
func pageInfoTable(kind cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	return pageInfoOf(func(sqldb.Key) cursors.Kind { return kind }, col)
}

// pageInfoOf is pageInfoTable for lists of several kinds.
func pageInfoOf(kind func(k sqldb.Key) cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	cursor := func(of func(items []sqldb.Row) sqldb.Row) plan.Field[sqldb.Key] {
		return plan.KeyedLeaf(col, func(_ *plan.Run, b []byte, k sqldb.Key, p page) []byte {
			if len(p.Items) == 0 {
				return append(b, "null"...)
			}
			return appendCursor(b, kind(k), of(p.Items).SortKey)
		})
	}
	// Against the direction of reading another page may have to be read.
	more := func(backward bool) plan.Field[sqldb.Key] {
		none := func(k sqldb.Key) bool { return k.Window.Backward != backward && atEnd(k.Window) }
		return plan.Further(col, none, func(k sqldb.Key, p page) (sqldb.Key, bool) {
			if k.Window.Backward == backward {
				return k, false
			}
			k.Window = opposing(k.Window, p)
			return k, true
		}, func(b []byte, k sqldb.Key, p page, other *page) []byte {
			if k.Window.Backward == backward {
				return plan.AppendBool(b, p.More)
			}
			return plan.AppendBool(b, other != nil && len(other.Items) > 0)
		})
	}
	return &plan.Type[sqldb.Key]{Name: "PageInfo", Is: []string{"PageInfo"}, Fields: map[string]plan.Field[sqldb.Key]{
		"hasNextPage":     more(false),
		"hasPreviousPage": more(true),
		"startCursor":     cursor(func(items []sqldb.Row) sqldb.Row { return items[0] }),
		"endCursor":       cursor(func(items []sqldb.Row) sqldb.Row { return items[len(items)-1] }),
	}}
}

// timelineTable is a page of tweets. A page with a tweet that is not visible any more is left to the resolvers, which fill it up.
func timelineTable(name string, kind cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	return listTable(name, timelineEdgeTable(kind), kind, col)
}

// listTable is timelineTable with the entries of a list.
func listTable(name string, edge *plan.Type[sqldb.Row], kind cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	info := pageInfoTable(kind, col)
	nodes := plan.ManyUnless(isEmpty, col, tweetType, pageItems)
	return &plan.Type[sqldb.Key]{Name: name, Is: []string{name}, Fields: map[string]plan.Field[sqldb.Key]{
		"edges":    plan.ManyUnless(isEmpty, col, func() *plan.Type[sqldb.Row] { return edge }, pageRows),
		"nodes":    nodes,
		"pageInfo": plan.Guarded(plan.Same(func() *plan.Type[sqldb.Key] { return info }), nodes),
	}}
}

// timelineEdgeTable is an entry of a timeline.
func timelineEdgeTable(kind cursors.Kind) *plan.Type[sqldb.Row] {
	return &plan.Type[sqldb.Row]{Name: "TimelineEdge", Is: []string{"TimelineEdge"},
		Exists: plan.ExistsThrough(tweetRow, func(e sqldb.Row) int64 { return e.Item }, exists[tweets.Tweet]),
		Fields: map[string]plan.Field[sqldb.Row]{
			"cursor": plan.Key(func(_ *plan.Run, b []byte, e sqldb.Row) []byte { return appendCursor(b, kind, e.SortKey) }),
			"node":   itemOf(tweetType),
			"retweet": plan.Link(retweetType, func(*plan.Run, plan.Args) func(sqldb.Row) (retweets.Retweet, bool) {
				return func(e sqldb.Row) (retweets.Retweet, bool) { return retweetOf(e), e.By != 0 }
			}),
		}}
}

// followEdgeTable is an entry of a list of follows.
func followEdgeTable(kind cursors.Kind) *plan.Type[sqldb.Row] {
	return &plan.Type[sqldb.Row]{Name: "FollowEdge", Is: []string{"FollowEdge"}, Fields: map[string]plan.Field[sqldb.Row]{
		"cursor": plan.Key(func(_ *plan.Run, b []byte, e sqldb.Row) []byte { return appendCursor(b, kind, e.SortKey) }),
		"node":   itemOf(userType),
		"followedAt": plan.Key(func(_ *plan.Run, b []byte, e sqldb.Row) []byte {
			return plan.AppendTime(b, follows.Since(e.SortKey))
		}),
	}}
}

// itemOf is the object of an entry of a list.
func itemOf(typ func() *plan.Type[int64]) plan.Field[sqldb.Row] {
	return plan.Link(typ, func(*plan.Run, plan.Args) func(sqldb.Row) (int64, bool) {
		return func(e sqldb.Row) (int64, bool) { return e.Item, true }
	})
}

// followTable is a page of followers or followed users.
func followTable(kind cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	edge := followEdgeTable(kind)
	info := pageInfoTable(kind, col)
	return &plan.Type[sqldb.Key]{Name: "FollowConnection", Is: []string{"FollowConnection"}, Fields: map[string]plan.Field[sqldb.Key]{
		"edges":    plan.ManyUnless(isEmpty, col, func() *plan.Type[sqldb.Row] { return edge }, pageRows),
		"nodes":    plan.ManyUnless(isEmpty, col, userType, pageItems),
		"pageInfo": plan.Same(func() *plan.Type[sqldb.Key] { return info }),
		"totalCount": plan.Through(userCounts, func(k sqldb.Key) int64 { return k.Owner },
			func(b []byte, c counts.UserCounts) []byte { return plan.AppendInt(b, lengthOf(kind, c)) }),
	}}
}

func homeConnectionType() *plan.Type[sqldb.Key]      { return homeConnection }
func timelineConnectionType() *plan.Type[sqldb.Key]  { return timelineConnection }
func followersConnectionType() *plan.Type[sqldb.Key] { return followersConnection }
func followingConnectionType() *plan.Type[sqldb.Key] { return followingConnection }

var homeConnection, timelineConnection, followersConnection, followingConnection *plan.Type[sqldb.Key]

func init() {
	homeConnection = timelineTable("HomeTimelineConnection", cursors.Home, homePage)
	homeConnection.Fields["eventCursor"] = plan.Key(func(r *plan.Run, b []byte, _ sqldb.Key) []byte {
		return plan.AppendString(b, eventCursor(envOf(r).set.Position()))
	})
	timelineConnection = timelineTable("TimelineConnection", cursors.Timeline, timelinePage)
	followersConnection = followTable(cursors.Followers, followersPage)
	followingConnection = followTable(cursors.Following, followingPage)
}
