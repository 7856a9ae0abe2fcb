package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/loaders"
)

type users struct{ *Resolver }

// User resolves what a user's row does not hold.
func (r *Resolver) User() generated.UserResolver { return users{r} }

func (u users) URL(_ context.Context, obj *accounts.User) (string, error) {
	return u.PublicURL + "/@" + obj.Username, nil
}

func (u users) TweetCount(ctx context.Context, obj *accounts.User) (int32, error) {
	c, err := load(ctx, loaders.From(ctx).UserCounts, int64(obj.ID))
	return c.Tweets, err
}

func (u users) IsViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return caller.From(ctx).UserID() == int64(obj.ID), nil
}

func (u users) ViewerIsFollowing(ctx context.Context, obj *accounts.User) (bool, error) {
	return load(ctx, loaders.From(ctx).FollowedByMe, int64(obj.ID))
}

func (u users) IsFollowingViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return load(ctx, loaders.From(ctx).FollowsMe, int64(obj.ID))
}

func (u users) Followers(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string) (*model.FollowConnection, error) {
	set := loaders.From(ctx)
	total := func(ctx context.Context) (int32, error) {
		c, err := load(ctx, set.UserCounts, int64(obj.ID))
		return c.Followers, err
	}
	return follow(ctx, set.FollowersPage, cursors.Followers, int64(obj.ID), cursors.Args{First: first, After: after, Last: last, Before: before}, total)
}

func (u users) Following(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string) (*model.FollowConnection, error) {
	set := loaders.From(ctx)
	total := func(ctx context.Context) (int32, error) {
		c, err := load(ctx, set.UserCounts, int64(obj.ID))
		return c.Following, err
	}
	return follow(ctx, set.FollowingPage, cursors.Following, int64(obj.ID), cursors.Args{First: first, After: after, Last: last, Before: before}, total)
}

// follow makes a connection of a page of follows.
func follow(ctx context.Context, pages *loaders.Pages, kind cursors.Kind, owner int64, args cursors.Args,
	total func(ctx context.Context) (int32, error)) (*model.FollowConnection, error) {
	w, err := args.Window(kind)
	if err != nil {
		return nil, err
	}
	page, read, err := readPage(ctx, pages, owner, "FollowConnection", w)
	if err != nil {
		return nil, err
	}
	c := &model.FollowConnection{PageInfo: pageInfo(kind, w, page, read), Total: total,
		Edges: make([]*model.FollowEdge, len(page.Items))}
	userIDs := make([]int64, len(page.Items))
	for i, e := range page.Items {
		userIDs[i] = e.Item
		c.Edges[i] = &model.FollowEdge{Cursor: cursors.Encode(kind, e.Place), UserID: e.Item, FollowedAt: follows.Since(e.Place)}
	}
	p := planOf(ctx)
	nodes := p.nodes(selected(ctx), "FollowConnection", "FollowEdge")
	p.run(ctx, func(lv *level) { p.users(ctx, lv, nodes, userIDs) })
	return c, nil
}

// readPage reads a page of an owner's list through a loader, if the connection that is being resolved needs it, and
// returns the means to read others.
func readPage(ctx context.Context, pages *loaders.Pages, owner int64, connection string, w cursors.Window) (cursors.Page[sqldb.Row], pager, error) {
	read := func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error) {
		return load(ctx, pages, sqldb.Key{Owner: owner, Window: w})
	}
	if !planOf(ctx).readsPage(selected(ctx), connection, w) {
		return cursors.Page[sqldb.Row]{}, read, nil
	}
	page, err := read(ctx, w)
	return page, read, err
}

func (u users) Timeline(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
	include []model.TimelineContent) (*model.TimelineConnection, error) {
	w, err := cursors.Args{First: first, After: after, Last: last, Before: before}.Window(cursors.Timeline)
	if err != nil {
		return nil, err
	}
	if include != nil && len(include) == 0 {
		return emptyTimeline(), nil // nothing is asked for
	}
	page, read, err := readPage(ctx, loaders.From(ctx).TimelinePage, int64(obj.ID), "TimelineConnection", w)
	if err != nil {
		return nil, err
	}
	return timeline(ctx, cursors.Timeline, "TimelineConnection", w, page, read)
}

type followConnections struct{ *Resolver }

// FollowConnection resolves what costs something only when asked.
func (r *Resolver) FollowConnection() generated.FollowConnectionResolver { return followConnections{r} }

func (followConnections) TotalCount(ctx context.Context, obj *model.FollowConnection) (int32, error) {
	return obj.Total(ctx)
}

func (followConnections) Nodes(ctx context.Context, obj *model.FollowConnection) ([]*accounts.User, error) {
	set := loaders.From(ctx)
	out := make([]*accounts.User, len(obj.Edges))
	for i, e := range obj.Edges {
		a, err := set.AccountByID.Load(ctx, e.UserID)
		if err != nil {
			return nil, err
		}
		out[i] = a.Public()
	}
	return out, nil
}

type followEdges struct{ *Resolver }

// FollowEdge resolves the user at the other end.
func (r *Resolver) FollowEdge() generated.FollowEdgeResolver { return followEdges{r} }

func (followEdges) Node(ctx context.Context, obj *model.FollowEdge) (*accounts.User, error) {
	a, err := loaders.From(ctx).AccountByID.Load(ctx, obj.UserID)
	return a.Public(), err
}
