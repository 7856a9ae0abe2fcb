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
	return load(ctx, loaders.FollowedByMe, int64(obj.ID))
}

func (u users) IsFollowingViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return load(ctx, loaders.FollowsMe, int64(obj.ID))
}

func (u users) Followers(_ context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
) (*model.FollowConnection, error) {
	c, err := connectionOf(cursors.Followers, int64(obj.ID), cursors.Args{First: first, After: after, Last: last, Before: before})
	return &model.FollowConnection{Connection: c}, err
}

func (u users) Following(_ context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
) (*model.FollowConnection, error) {
	c, err := connectionOf(cursors.Following, int64(obj.ID), cursors.Args{First: first, After: after, Last: last, Before: before})
	return &model.FollowConnection{Connection: c}, err
}

type followConnections struct{ *Resolver }

// FollowConnection resolves a page of followers or followed users.
func (r *Resolver) FollowConnection() generated.FollowConnectionResolver { return followConnections{r} }

func (followConnections) TotalCount(ctx context.Context, obj *model.FollowConnection) (int32, error) {
	c, err := load(ctx, loaders.UserCounts, obj.Owner)
	return lengthOf(obj.List, c), err
}

// lengthOf returns the length of a list of follows.
func lengthOf(list cursors.Kind, c counts.UserCounts) int32 {
	if list == cursors.Followers {
		return c.Followers
	}
	return c.Following
}

func (followConnections) Edges(ctx context.Context, obj *model.FollowConnection) ([]*model.FollowEdge, error) {
	return followEdgesOf(ctx, obj.Connection)
}

func followEdgesOf(ctx context.Context, c model.Connection) ([]*model.FollowEdge, error) {
	items, err := itemsOf(ctx, c)
	out := make([]*model.FollowEdge, len(items))
	for i, e := range items {
		out[i] = &model.FollowEdge{Cursor: cursors.Encode(c.List, e.SortKey), UserID: e.Item, FollowedAt: follows.Since(e.SortKey)}
	}
	return out, err
}

func (followConnections) Nodes(ctx context.Context, obj *model.FollowConnection) ([]*accounts.User, error) {
	return followNodesOf(ctx, obj.Connection)
}

func followNodesOf(ctx context.Context, c model.Connection) ([]*accounts.User, error) {
	items, err := itemsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := loadAll(ctx, loaders.AccountByID, itemIDs(items))
	out := make([]*accounts.User, len(found))
	for i, a := range found {
		out[i] = a.Public()
	}
	return out, err
}

type followEdges struct{ *Resolver }

// FollowEdge resolves the user at the other end.
func (r *Resolver) FollowEdge() generated.FollowEdgeResolver { return followEdges{r} }

func (followEdges) Node(ctx context.Context, obj *model.FollowEdge) (*accounts.User, error) {
	return loadUser(ctx, obj.UserID)
}

func (m mutations) FollowUser(ctx context.Context, input model.FollowUserInput) (*model.FollowUserPayload, error) {
	p, err := changeFollow(ctx, input.UserID, m.follows().Follow)
	return &model.FollowUserPayload{Payload: p}, err
}

func (m mutations) UnfollowUser(ctx context.Context, input model.UnfollowUserInput) (*model.UnfollowUserPayload, error) {
	p, err := changeFollow(ctx, input.UserID, m.follows().Unfollow)
	return &model.UnfollowUserPayload{Payload: p}, err
}

// changeFollow makes the caller follow, or no longer follow, a user. The payload contains both.
func changeFollow(ctx context.Context, global string, change func(ctx context.Context, followerID, followeeID int64) error,
) (model.Payload, error) {
	return asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		userID, ok := ids.User(global)
		if !ok {
			return model.Payload{}, follows.NoSuchUser()
		}
		return model.Payload{UserID: userID, ViewerID: who.UserID()}, change(ctx, who.UserID(), userID)
	})
}
