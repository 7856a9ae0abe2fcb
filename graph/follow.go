package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/loaders"
)

func (u users) ViewerIsFollowing(ctx context.Context, obj *accounts.User) (bool, error) {
	return load(ctx, loaders.From(ctx).FollowedByMe, int64(obj.ID))
}

func (u users) IsFollowingViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return load(ctx, loaders.From(ctx).FollowsMe, int64(obj.ID))
}

func (u users) Followers(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
) (*model.FollowConnection, error) {
	args := cursors.Args{First: first, After: after, Last: last, Before: before}
	total := func(c counts.UserCounts) int32 { return c.Followers }
	return follow(ctx, loaders.From(ctx).FollowersPage, cursors.Followers, int64(obj.ID), args, total)
}

func (u users) Following(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
) (*model.FollowConnection, error) {
	args := cursors.Args{First: first, After: after, Last: last, Before: before}
	total := func(c counts.UserCounts) int32 { return c.Following }
	return follow(ctx, loaders.From(ctx).FollowingPage, cursors.Following, int64(obj.ID), args, total)
}

// follow returns a page of an owner's followers or followed users. total picks the length of the whole list from the counts.
func follow(ctx context.Context, pages *loaders.Pages, kind cursors.Kind, owner int64, args cursors.Args,
	total func(c counts.UserCounts) int32) (*model.FollowConnection, error) {
	w, err := args.Window(kind)
	if err != nil {
		return nil, err
	}
	page, read, err := readPage(ctx, pages, owner, "FollowConnection", w)
	if err != nil {
		return nil, err
	}
	c := &model.FollowConnection{PageInfo: pageInfo(kind, w, page, read), Edges: make([]*model.FollowEdge, len(page.Items)),
		Total: func(ctx context.Context) (int32, error) {
			c, err := load(ctx, loaders.From(ctx).UserCounts, owner)
			return total(c), err
		}}
	userIDs := make([]int64, len(page.Items))
	for i, e := range page.Items {
		userIDs[i] = e.Item
		c.Edges[i] = &model.FollowEdge{Cursor: cursors.Encode(kind, e.SortKey), UserID: e.Item, FollowedAt: follows.Since(e.SortKey)}
	}
	p := planOf(ctx)
	nodes := p.nodes(selected(ctx), "FollowConnection", "FollowEdge")
	p.run(ctx, func(lv *level) { p.users(ctx, lv, nodes, userIDs) })
	return c, nil
}

type followConnections struct{ *Resolver }

// FollowConnection resolves the fields that cost a lookup.
func (r *Resolver) FollowConnection() generated.FollowConnectionResolver { return followConnections{r} }

func (followConnections) TotalCount(ctx context.Context, obj *model.FollowConnection) (int32, error) {
	return obj.Total(ctx)
}

// Nodes loads the user of each edge.
func (followConnections) Nodes(ctx context.Context, obj *model.FollowConnection) ([]*accounts.User, error) {
	out := make([]*accounts.User, len(obj.Edges))
	for i, e := range obj.Edges {
		a, err := loaders.From(ctx).AccountByID.Load(ctx, e.UserID)
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

func (m mutations) FollowUser(ctx context.Context, input model.FollowUserInput) (*model.FollowUserPayload, error) {
	p, err := changeFollow(ctx, input.UserID, m.follows().Follow)
	return &model.FollowUserPayload{User: p.user, Viewer: p.viewer, UserErrors: p.userErrors}, err
}

func (m mutations) UnfollowUser(ctx context.Context, input model.UnfollowUserInput) (*model.UnfollowUserPayload, error) {
	p, err := changeFollow(ctx, input.UserID, m.follows().Unfollow)
	return &model.UnfollowUserPayload{User: p.user, Viewer: p.viewer, UserErrors: p.userErrors}, err
}

// changeFollow makes the caller follow, or no longer follow, a user. The payload contains both.
func changeFollow(ctx context.Context, global string, change func(ctx context.Context, followerID, followeeID int64) error,
) (payload, error) {
	return asUser(ctx, func(who *caller.Caller) (result, error) {
		userID, ok := ids.User(global)
		if !ok {
			return result{}, follows.NoSuchUser()
		}
		return result{userID: userID, viewerID: who.UserID()}, change(ctx, who.UserID(), userID)
	})
}
