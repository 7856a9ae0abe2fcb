package graph

import (
	"context"

	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// timeline makes a connection of a page of tweets; read gives other pages of the same timeline.
func timeline(ctx context.Context, kind cursors.Kind, connection string, w cursors.Window, page cursors.Page[sqldb.Row], read pager) (*model.TimelineConnection, error) {
	p := planOf(ctx)
	nodes := p.nodes(selected(ctx), connection, "TimelineEdge")
	page, err := p.live(ctx, w, page, read, func(ids []int64) {
		p.run(ctx, func(lv *level) {
			p.set.TweetByID.Want(lv.rows, ids)
			p.tweets(ctx, lv, nodes, ids)
		})
	})
	if err != nil {
		return nil, err
	}
	c := &model.TimelineConnection{PageInfo: pageInfo(kind, w, page, read),
		Edges: make([]*model.TimelineEdge, len(page.Items)), Nodes: make([]*model.Tweet, len(page.Items))}
	for i, e := range page.Items {
		t, err := p.set.TweetByID.Load(ctx, e.Item)
		if err != nil {
			return nil, err
		}
		c.Nodes[i] = model.TweetOf(t)
		c.Edges[i] = &model.TimelineEdge{Cursor: cursors.Encode(kind, e.Place), Node: c.Nodes[i]}
	}
	return c, nil
}

// live leaves out the tweets that were deleted since the page was read and fills it up with those that
// follow, until it has the size asked for or the list ends. Ask fetches what is selected of tweets.
func (p plan) live(ctx context.Context, w cursors.Window, page cursors.Page[sqldb.Row], read pager, ask func(ids []int64)) (cursors.Page[sqldb.Row], error) {
	full := cursors.Page[sqldb.Row]{More: page.More}
	for rest := w; ; {
		ask(tweetIDs(page.Items))
		var found []sqldb.Row
		for _, e := range page.Items {
			t, err := p.set.TweetByID.Load(ctx, e.Item)
			if err != nil {
				return full, err
			}
			if t != nil {
				found = append(found, e)
			}
		}
		full.More = page.More
		if w.Backward {
			full.Items = append(found, full.Items...)
		} else {
			full.Items = append(full.Items, found...)
		}
		if len(full.Items) == w.Size || !page.More {
			return full, nil
		}
		rest.Size = w.Size - len(full.Items)
		if w.Backward {
			rest.Below = page.Items[0].Place
		} else {
			rest.Above = page.Items[len(page.Items)-1].Place
		}
		var err error
		if page, err = read(ctx, rest); err != nil {
			return full, err
		}
	}
}

// emptyTimeline is the page of a timeline that holds nothing.
func emptyTimeline() *model.TimelineConnection {
	no := func(context.Context) (bool, error) { return false, nil }
	return &model.TimelineConnection{PageInfo: &model.PageInfo{Next: no, Previous: no}, Edges: []*model.TimelineEdge{}, Nodes: []*model.Tweet{}}
}

func tweetIDs(page []sqldb.Row) []int64 {
	out := make([]int64, len(page))
	for i, e := range page {
		out[i] = e.Item
	}
	return out
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
