package graph

import (
	"context"

	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// timeline makes a connection of a page of tweets; read gives other pages of the same timeline. A tweet
// that was deleted since the page was read is left out.
func timeline(ctx context.Context, kind cursors.Kind, connection string, w cursors.Window, page cursors.Page[sqldb.Row],
	read func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error)) (*model.TimelineConnection, error) {
	p := planOf(ctx)
	tweetIDs := make([]int64, len(page.Items))
	for i, e := range page.Items {
		tweetIDs[i] = e.Item
	}
	p.set.TweetByID.Prefetch(ctx, tweetIDs)
	p.tweets(ctx, p.nodes(selected(ctx), connection, "TimelineEdge"), tweetIDs)
	c := &model.TimelineConnection{PageInfo: pageInfo(kind, w, page, read),
		Edges: make([]*model.TimelineEdge, 0, len(page.Items)), Nodes: make([]*model.Tweet, 0, len(page.Items))}
	for _, e := range page.Items {
		t, err := p.set.TweetByID.Load(ctx, e.Item)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		node := model.TweetOf(t)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &model.TimelineEdge{Cursor: cursors.Encode(kind, e.Place), Node: node})
	}
	return c, nil
}

type pageInfos struct{ *Resolver }

// PageInfo resolves where a page lies.
func (r *Resolver) PageInfo() generated.PageInfoResolver { return pageInfos{r} }

func (pageInfos) HasNextPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	return obj.Next(ctx)
}

func (pageInfos) HasPreviousPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	return obj.Previous(ctx)
}
