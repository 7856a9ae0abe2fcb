package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/parallel"
	"roost/internal/sqldb"
	"roost/loaders"
)

// plan reads a selection once and makes known, level by level, what its fields will ask the loaders
// for: one batch a question and level, however many objects there are. Resolvers work without it too,
// after the loaders' wait. Errors wait in the loaders for the fields that they concern.
type plan struct {
	set *loaders.Set
	oc  *graphql.OperationContext
	who *caller.Caller
}

func planOf(ctx context.Context) plan {
	return plan{set: loaders.From(ctx), oc: graphql.GetOperationContext(ctx), who: caller.From(ctx)}
}

// selection is what is asked of some objects: the selection sets of all fields that lead to them. They stay
// apart because gqlgen remembers the fields of a set by where it is in memory, until the operation ends:
// a set made anew for each event of a subscription would be remembered with each.
type selection []ast.SelectionSet

// of is the selection of one field.
func of(f graphql.CollectedField) selection { return selection{f.Selections} }

// selected is the selection of the field that is being resolved.
func selected(ctx context.Context) selection { return of(graphql.GetFieldContext(ctx).Field) }

// The types and interfaces that an object of each kind satisfies.
var (
	userTypes  = []string{"User", "Node"}
	tweetTypes = []string{"Tweet", "Node", "Reactable"}
)

func (p plan) fields(sel selection, types ...string) []graphql.CollectedField {
	if len(sel) == 1 {
		return graphql.CollectFields(p.oc, sel[0], types)
	}
	var out []graphql.CollectedField
	for _, set := range sel {
		out = append(out, graphql.CollectFields(p.oc, set, types)...)
	}
	return out
}

// under gathers the selections of the fields with a name, whatever their aliases.
func (p plan) under(sel selection, typ, name string) selection {
	var out selection
	for _, f := range p.fields(sel, typ) {
		if f.Name == name {
			out = append(out, f.Selections)
		}
	}
	return out
}

// nodes gathers what is selected of a connection's items, through `nodes` and `edges { node }`.
func (p plan) nodes(sel selection, connection, edge string) selection {
	return append(p.under(sel, connection, "nodes"), p.under(p.under(sel, connection, "edges"), edge, "node")...)
}

// level is what one depth of an operation asks: rows through the cache, in one round trip, and alongside them pages
// of lists from SQL. The next level is what follows from the answers.
type level struct {
	rows      *loaders.Level
	alongside []func()
	nextLevel []func(lv *level)
}

// run asks level by level, all that is known of a level at once.
func (p plan) run(ctx context.Context, first func(lv *level)) {
	for steps := []func(lv *level){first}; len(steps) > 0; {
		steps = p.level(ctx, steps)
	}
}

func (p plan) level(ctx context.Context, steps []func(lv *level)) (next []func(lv *level)) {
	lv := &level{rows: p.set.Level()}
	defer lv.rows.Abandon() // what a panic below leaves unanswered
	for _, step := range steps {
		step(lv)
	}
	asks := lv.alongside
	if !lv.rows.Empty() {
		asks = append(asks, func() { lv.rows.Fetch(ctx) })
	}
	parallel.Run(asks...)
	return lv.nextLevel
}

// tweets plans for tweets with the selection.
func (p plan) tweets(ctx context.Context, lv *level, sel selection, ids []int64) {
	if len(ids) == 0 || len(sel) == 0 {
		return
	}
	p.set.TweetByID.Want(lv.rows, ids)
	var author, summary selection
	summarized := false
	for _, f := range p.fields(sel, tweetTypes...) {
		switch f.Name {
		case "author":
			author = append(author, f.Selections)
		case "reactions":
			summary, summarized = append(summary, f.Selections), true
		}
	}
	if summarized {
		p.summaries(ctx, lv, summary, ids)
	}
	if len(author) > 0 {
		p.authors(ctx, lv, author, ids)
	}
}

// authors plans for the authors of tweets: in the same level if the process has them.
func (p plan) authors(ctx context.Context, lv *level, sel selection, ids []int64) {
	if authors, ok := p.set.Authors(ids); ok {
		p.users(ctx, lv, sel, authors)
		return
	}
	lv.nextLevel = append(lv.nextLevel, func(lv *level) {
		authors := make([]int64, 0, len(ids))
		for _, id := range ids {
			if t, err := p.set.TweetByID.Load(ctx, id); err == nil && t != nil {
				authors = append(authors, t.AuthorID)
			}
		}
		p.users(ctx, lv, sel, authors)
	})
}

// summaries plans for the reactions to tweets.
func (p plan) summaries(ctx context.Context, lv *level, sel selection, ids []int64) {
	p.set.ReactionCounts.Want(lv.rows, ids)
	var subject selection
	for _, f := range p.fields(sel, "ReactionSummary") {
		switch f.Name {
		case "viewerReaction":
			p.set.MyReaction.Want(lv.rows, ids)
		case "subject":
			subject = append(subject, f.Selections)
		}
	}
	p.tweets(ctx, lv, subject, ids)
}

// users plans for users with the selection.
func (p plan) users(ctx context.Context, lv *level, sel selection, ids []int64) {
	if len(ids) == 0 || len(sel) == 0 {
		return
	}
	p.set.AccountByID.Want(lv.rows, ids)
	for _, f := range p.fields(sel, userTypes...) {
		switch f.Name {
		case "tweetCount":
			p.set.UserCounts.Want(lv.rows, ids)
		case "viewerIsFollowing":
			p.set.FollowedByMe.Want(lv.rows, ids)
		case "isFollowingViewer":
			p.set.FollowsMe.Want(lv.rows, ids)
		case "followers":
			p.follows(ctx, lv, f, p.set.FollowersPage, cursors.Followers, ids)
		case "following":
			p.follows(ctx, lv, f, p.set.FollowingPage, cursors.Following, ids)
		case "timeline":
			p.timelines(ctx, lv, f, ids)
		}
	}
}

// follows plans for a page of followers, or followed users, of each user.
func (p plan) follows(ctx context.Context, lv *level, f graphql.CollectedField, pages *loaders.Pages, kind cursors.Kind, owners []int64) {
	w, err := pagingArgs(f.ArgumentMap(p.oc.Variables)).Window(kind)
	if err != nil {
		return // the field will say so
	}
	if p.has(of(f), "FollowConnection", "totalCount") {
		p.set.UserCounts.Want(lv.rows, owners)
	}
	if !p.readsPage(of(f), "FollowConnection", w) {
		return
	}
	var items []int64
	lv.alongside = append(lv.alongside, func() { items = p.pages(ctx, f, pages, w, "FollowConnection", owners) })
	lv.nextLevel = append(lv.nextLevel, func(lv *level) {
		p.users(ctx, lv, p.nodes(of(f), "FollowConnection", "FollowEdge"), items)
	})
}

// timelines plans for a page of each user's own timeline.
func (p plan) timelines(ctx context.Context, lv *level, f graphql.CollectedField, owners []int64) {
	args := f.ArgumentMap(p.oc.Variables)
	if include, given := args["include"].([]any); given && len(include) == 0 {
		return // nothing is asked for
	}
	w, err := pagingArgs(args).Window(cursors.Timeline)
	if err != nil {
		return // the field will say so
	}
	if !p.readsPage(of(f), "TimelineConnection", w) {
		return
	}
	var items []int64
	lv.alongside = append(lv.alongside, func() { items = p.pages(ctx, f, p.set.TimelinePage, w, "TimelineConnection", owners) })
	lv.nextLevel = append(lv.nextLevel, func(lv *level) {
		// The resolvers look at every tweet, whatever is selected of it.
		p.set.TweetByID.Want(lv.rows, items)
		p.tweets(ctx, lv, p.nodes(of(f), "TimelineConnection", "TimelineEdge"), items)
	})
}

// readsPage reports whether what is selected of a connection needs the rows of its page: `totalCount` and
// `eventCursor` do not, and a page of no rows only to find out whether the list goes on.
func (p plan) readsPage(sel selection, connection string, w cursors.Window) bool {
	return p.has(sel, connection, "pageInfo") || w.Size > 0 && (p.has(sel, connection, "edges") || p.has(sel, connection, "nodes"))
}

// pages reads a page of each owner's list, and what its page info needs, and returns the items of all of them.
func (p plan) pages(ctx context.Context, f graphql.CollectedField, pages *loaders.Pages, w cursors.Window, connection string,
	owners []int64) (items []int64) {
	keys := make([]sqldb.Key, len(owners))
	for i, o := range owners {
		keys[i] = sqldb.Key{Owner: o, Window: w}
	}
	pages.Prefetch(ctx, keys)
	var opposite []sqldb.Key
	asked := p.has(p.under(of(f), connection, "pageInfo"), "PageInfo", oppositeField(w))
	for _, k := range keys {
		page, err := pages.Load(ctx, k)
		if err != nil {
			continue
		}
		for _, r := range page.Items {
			items = append(items, r.Item)
		}
		if ow, needed := opposing(w, page); asked && needed {
			opposite = append(opposite, sqldb.Key{Owner: k.Owner, Window: ow})
		}
	}
	pages.Prefetch(ctx, opposite)
	return items
}

func (p plan) has(sel selection, typ, name string) bool {
	for _, f := range p.fields(sel, typ) {
		if f.Name == name {
			return true
		}
	}
	return false
}

// viewer plans for the private side of a user.
func (p plan) viewer(ctx context.Context, lv *level, sel selection, id int64) {
	for _, f := range p.fields(sel, "Viewer") {
		switch f.Name {
		case "user":
			p.users(ctx, lv, of(f), []int64{id})
		case "email", "sessionPolicy":
			p.set.AccountByID.Want(lv.rows, []int64{id})
		case "currentSession":
			p.set.SessionByID.Want(lv.rows, []int64{p.who.SessionID()})
		}
	}
}
