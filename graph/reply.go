package graph

import (
	"context"

	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/loaders"
)

func (t tweetFields) IsReply(_ context.Context, obj *model.Tweet) (bool, error) {
	return obj.InReplyTo != 0, nil
}

func (t tweetFields) InReplyTo(ctx context.Context, obj *model.Tweet) (*model.Tweet, error) {
	if obj.InReplyTo == 0 {
		return nil, nil
	}
	return loadTweet(ctx, obj.InReplyTo)
}

func (t tweetFields) Ancestors(ctx context.Context, obj *model.Tweet) ([]*model.Tweet, error) {
	above, err := load(ctx, loaders.Ancestors, int64(obj.ID))
	if err != nil {
		return nil, err
	}
	return visibleTweets(ctx, above)
}

func (t tweetFields) ReplyCount(ctx context.Context, obj *model.Tweet) (int32, error) {
	if obj.Counts != nil {
		return obj.Counts.ReplyCount, nil
	}
	return count(ctx, &model.ReactionSummary{TweetID: int64(obj.ID)}, func(c *reactions.Counts) int32 { return c.ReplyCount })
}

func (t tweetFields) Replies(_ context.Context, obj *model.Tweet, first *int32, after *string, orderBy *model.ReplyOrder,
) (*model.TweetConnection, error) {
	c, err := repliesTo(int64(obj.ID), cursors.Args{First: first, After: after}, orderBy)
	return &model.TweetConnection{Connection: c}, err
}

// repliesTo is the page of the replies to a tweet.
func repliesTo(tweetID int64, args cursors.Args, orderBy *model.ReplyOrder) (model.Connection, error) {
	kind, order := repliesIn(orderBy)
	c, err := connectionOf(kind, tweetID, args)
	c.Kinds = uint8(order)
	return c, err
}

// visibleTweets reads tweets, without those that were deleted meanwhile.
func visibleTweets(ctx context.Context, tweetIDs []int64) ([]*model.Tweet, error) {
	found, err := loadAll(ctx, loaders.TweetByID, tweetIDs)
	out := make([]*model.Tweet, 0, len(found))
	for _, t := range found {
		if t != nil {
			out = append(out, model.TweetOf(t))
		}
	}
	return out, err
}

// repliesIn returns the list that has the replies to a tweet in an order; nil is the default.
func repliesIn(order *model.ReplyOrder) (cursors.Kind, tweets.Order) {
	switch {
	case order != nil && *order == model.ReplyOrderNewest:
		return cursors.Newest, tweets.Newest
	case order != nil && *order == model.ReplyOrderOldest:
		return cursors.Oldest, tweets.Oldest
	default:
		return cursors.Relevant, tweets.Relevant
	}
}

type tweetConnections struct{ *Resolver }

// TweetConnection resolves a page of tweets.
func (r *Resolver) TweetConnection() generated.TweetConnectionResolver { return tweetConnections{r} }

func (tweetConnections) Edges(ctx context.Context, obj *model.TweetConnection) ([]*model.TweetEdge, error) {
	if obj.Found != nil {
		p, err := itemsFound(ctx, obj.Found.Size, *obj.Found)
		return p.tweetEdges(), err
	}
	edges, err := timelineEdges(ctx, obj.Connection)
	return tweetEdges(edges), err
}

func tweetEdges(edges []*model.TimelineEdge) []*model.TweetEdge {
	out := make([]*model.TweetEdge, len(edges))
	for i, e := range edges {
		out[i] = &model.TweetEdge{Cursor: e.Cursor, Node: e.Node}
	}
	return out
}

func (tweetConnections) Nodes(ctx context.Context, obj *model.TweetConnection) ([]*model.Tweet, error) {
	if obj.Found != nil {
		p, err := itemsFound(ctx, obj.Found.Size, *obj.Found)
		return p.tweets, err
	}
	return timelineNodes(ctx, obj.Connection)
}
