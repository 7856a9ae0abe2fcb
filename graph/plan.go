package graph

import (
	"context"
	"runtime/debug"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/internal/caller"
	"roost/internal/cursors"
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
// apart because gqlgen remembers the fields of a set by where it lies in memory, until the operation ends:
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

// panicked is a panic of another goroutine with the stack of that.
type panicked struct {
	value any
	stack []byte
}

// together runs the steps of one level at once. A panic of a step is raised again here, as panicked.
func together(steps ...func()) {
	if len(steps) == 1 {
		steps[0]()
		return
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var raised *panicked
	for _, step := range steps {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					mu.Lock()
					defer mu.Unlock()
					raised = &panicked{p, debug.Stack()}
				}
			}()
			step()
		})
	}
	all.Wait()
	if raised != nil {
		panic(raised)
	}
}

// tweets plans for tweets with the selection.
func (p plan) tweets(ctx context.Context, sel selection, ids []int64) {
	if len(ids) == 0 || len(sel) == 0 {
		return
	}
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
	steps := []func(){p.set.TweetByID.Promise(ctx, ids)}
	if summarized {
		steps = append(steps, func() { p.summaries(ctx, summary, ids) })
	}
	together(steps...)
	if len(author) == 0 {
		return
	}
	authors := make([]int64, 0, len(ids))
	for _, id := range ids {
		if t, err := p.set.TweetByID.Load(ctx, id); err == nil && t != nil {
			authors = append(authors, t.AuthorID)
		}
	}
	p.users(ctx, author, authors)
}

// summaries plans for the reactions to tweets.
func (p plan) summaries(ctx context.Context, sel selection, ids []int64) {
	steps := []func(){func() { p.set.ReactionCounts.Prefetch(ctx, ids) }}
	var subject selection
	for _, f := range p.fields(sel, "ReactionSummary") {
		switch f.Name {
		case "viewerReaction":
			steps = append(steps, func() { p.set.MyReaction.Prefetch(ctx, ids) })
		case "subject":
			subject = append(subject, f.Selections)
		}
	}
	together(steps...)
	p.tweets(ctx, subject, ids)
}

// users plans for users with the selection.
func (p plan) users(ctx context.Context, sel selection, ids []int64) {
	if len(ids) == 0 || len(sel) == 0 {
		return
	}
	// Promised first: what lists of these users hold does not include them again.
	steps := []func(){p.set.UserByID.Promise(ctx, ids)}
	for _, f := range p.fields(sel, userTypes...) {
		switch f.Name {
		case "tweetCount":
			steps = append(steps, func() { p.set.UserCounts.Prefetch(ctx, ids) })
		case "viewerIsFollowing":
			steps = append(steps, func() { p.set.FollowedByMe.Prefetch(ctx, ids) })
		case "isFollowingViewer":
			steps = append(steps, func() { p.set.FollowsMe.Prefetch(ctx, ids) })
		case "followers":
			steps = append(steps, func() { p.follows(ctx, f, p.set.FollowersPage, cursors.Followers, ids) })
		case "following":
			steps = append(steps, func() { p.follows(ctx, f, p.set.FollowingPage, cursors.Following, ids) })
		case "timeline":
			steps = append(steps, func() { p.timelines(ctx, f, ids) })
		}
	}
	together(steps...)
}

// follows plans for a page of followers, or followed users, of each user.
func (p plan) follows(ctx context.Context, f graphql.CollectedField, pages *loaders.Pages, kind cursors.Kind, owners []int64) {
	items, ok := p.pages(ctx, f, pages, kind, "FollowConnection", owners)
	if !ok {
		return
	}
	if p.has(of(f), "FollowConnection", "totalCount") {
		p.set.UserCounts.Prefetch(ctx, owners)
	}
	p.users(ctx, p.nodes(of(f), "FollowConnection", "FollowEdge"), items)
}

// timelines plans for a page of each user's own timeline.
func (p plan) timelines(ctx context.Context, f graphql.CollectedField, owners []int64) {
	if include, given := f.ArgumentMap(p.oc.Variables)["include"].([]any); given && len(include) == 0 {
		return // nothing is asked for
	}
	items, ok := p.pages(ctx, f, p.set.TimelinePage, cursors.Timeline, "TimelineConnection", owners)
	if ok {
		// The resolvers look at every tweet, whatever is selected of it.
		p.set.TweetByID.Prefetch(ctx, items)
		p.tweets(ctx, p.nodes(of(f), "TimelineConnection", "TimelineEdge"), items)
	}
}

// pages plans for a page of each owner's list and gives the items of all of them. It reports false when
// the arguments are wrong; the field will say so.
func (p plan) pages(ctx context.Context, f graphql.CollectedField, pages *loaders.Pages, kind cursors.Kind, connection string, owners []int64) (items []int64, ok bool) {
	w, err := pagingArgs(f.ArgumentMap(p.oc.Variables)).Window(kind)
	if err != nil {
		return nil, false
	}
	keys := make([]sqldb.Key, len(owners))
	for i, o := range owners {
		keys[i] = sqldb.Key{Owner: o, Window: w}
	}
	pages.Prefetch(ctx, keys)
	other := oppositeField(w)
	var opposite []sqldb.Key
	asked := p.has(p.under(of(f), connection, "pageInfo"), "PageInfo", other)
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
	return items, true
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
func (p plan) viewer(ctx context.Context, sel selection, id int64) {
	var steps []func()
	for _, f := range p.fields(sel, "Viewer") {
		switch f.Name {
		case "user":
			steps = append(steps, func() { p.users(ctx, of(f), []int64{id}) })
		case "email", "sessionPolicy":
			steps = append(steps, func() { p.set.AccountByID.Prefetch(ctx, []int64{id}) })
		case "currentSession":
			steps = append(steps, func() { p.set.SessionByID.Prefetch(ctx, []int64{p.who.SessionID()}) })
		}
	}
	if len(steps) > 0 {
		together(steps...)
	}
}
