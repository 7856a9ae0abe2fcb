package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/internal/words"
	"roost/loaders"
)

type page = cursors.Page[sqldb.Row]

// HomeTimeline notes the position of the log before its page is read, so that the events after the position cover what happens
// while the page is read.
func (v viewers) HomeTimeline(ctx context.Context, obj *model.Viewer, first *int32, after *string, last *int32, before *string,
	matching *string) (*model.HomeTimelineConnection, error) {
	loaders.From(ctx).Position()
	c, err := searchedIn(cursors.Home, obj.UserID, cursors.Args{First: first, After: after, Last: last, Before: before}, matching)
	return &model.HomeTimelineConnection{Connection: c}, err
}

// Timeline asks for nothing if `include` names nothing that there is.
func (u users) Timeline(_ context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
	include []model.TimelineContent, matching *string) (*model.TimelineConnection, error) {
	args := cursors.Args{First: first, After: after, Last: last, Before: before}
	c, err := searchedIn(cursors.Timeline, int64(obj.ID), args, matching)
	return &model.TimelineConnection{Connection: showing(c, kindsOf(include))}, err
}

// showing returns the name of a page with entries of some kinds; with none of them if there are no such kinds.
func showing(c model.Connection, kinds uint8) model.Connection {
	c.Kinds, c.Nothing = kinds, kinds == 0
	return c
}

// kindsOf returns the kinds of entries that an argument asks for; null asks for tweets and retweets.
func kindsOf[S ~string](include []S) (kinds uint8) {
	if include == nil {
		return timelines.OwnTweets | timelines.Retweets
	}
	for _, c := range include {
		switch model.TimelineContent(c) {
		case model.TimelineContentTweets:
			kinds |= timelines.OwnTweets
		case model.TimelineContentReplies:
			kinds |= timelines.Replies
		case model.TimelineContentRetweets:
			kinds |= timelines.Retweets
		}
	}
	return kinds
}

// connectionOf returns the name of a page of an owner's list.
func connectionOf(list cursors.Kind, owner int64, args cursors.Args) (model.Connection, error) {
	w, err := args.Window(list)
	return model.Connection{List: list, Owner: owner, Window: w}, err
}

// searchedIn is connectionOf for the entries that match a search; nil is no search. It refuses what searchTweets refuses.
func searchedIn(list cursors.Kind, owner int64, args cursors.Args, matching *string) (model.Connection, error) {
	c, err := connectionOf(list, owner, args)
	if err == nil && matching != nil {
		c.Matching = *matching
		_, err = words.Parse(*matching)
	}
	return c, err
}

type timelineConnections struct{ *Resolver }

// TimelineConnection resolves a page of a user's own timeline.
func (r *Resolver) TimelineConnection() generated.TimelineConnectionResolver {
	return timelineConnections{r}
}

func (timelineConnections) Edges(ctx context.Context, obj *model.TimelineConnection) ([]*model.TimelineEdge, error) {
	return timelineEdges(ctx, obj.Connection)
}

func (timelineConnections) Nodes(ctx context.Context, obj *model.TimelineConnection) ([]*model.Tweet, error) {
	return timelineNodes(ctx, obj.Connection)
}

type homeConnections struct{ *Resolver }

// HomeTimelineConnection resolves a page of the home timeline.
func (r *Resolver) HomeTimelineConnection() generated.HomeTimelineConnectionResolver {
	return homeConnections{r}
}

func (homeConnections) Edges(ctx context.Context, obj *model.HomeTimelineConnection) ([]*model.TimelineEdge, error) {
	return timelineEdges(ctx, obj.Connection)
}

func (homeConnections) Nodes(ctx context.Context, obj *model.HomeTimelineConnection) ([]*model.Tweet, error) {
	return timelineNodes(ctx, obj.Connection)
}

// EventCursor is the cursor of a position in the log that was noted before the page was read.
func (homeConnections) EventCursor(ctx context.Context, _ *model.HomeTimelineConnection) (string, error) {
	return eventCursor(loaders.From(ctx).Position()), nil
}

func timelineEdges(ctx context.Context, c model.Connection) ([]*model.TimelineEdge, error) {
	items, err := itemsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	nodes, err := loadAll(ctx, loaders.TweetByID, itemIDs(items))
	out := make([]*model.TimelineEdge, len(nodes))
	for i, t := range nodes {
		out[i] = timelineEdge(c.List, items[i], model.TweetOf(t))
	}
	return out, err
}

func timelineNodes(ctx context.Context, c model.Connection) ([]*model.Tweet, error) {
	items, err := itemsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := loadAll(ctx, loaders.TweetByID, itemIDs(items))
	out := make([]*model.Tweet, len(found))
	for i, t := range found {
		out[i] = model.TweetOf(t)
	}
	return out, err
}

func itemIDs(items []sqldb.Row) []int64 {
	out := make([]int64, len(items))
	for i, e := range items {
		out[i] = e.Item
	}
	return out
}

// visiblePage reads a page of tweets and leaves those out that are not visible any more.
func visiblePage(ctx context.Context, c model.Connection) (page, error) {
	first, err := storedPage(ctx, c)
	if err != nil {
		return page{}, err
	}
	read := func(w cursors.Window) (page, error) {
		c.Window = w
		return storedPage(ctx, c)
	}
	find := func(ids []int64) ([]*tweets.Tweet, error) { return loadAll(ctx, loaders.TweetByID, ids) }
	return fillUp(c.Window, first, read, find)
}

// fillUp removes tweets that were deleted since the page was read, and reads further pages until the page is full or the list ends.
// find returns tweets by id, nil for one that is not visible.
func fillUp(w cursors.Window, next page, read func(cursors.Window) (page, error), find func(ids []int64) ([]*tweets.Tweet, error),
) (page, error) {
	full := page{More: next.More}
	for rest := w; ; {
		visible, err := find(itemIDs(next.Items))
		if err != nil {
			return full, err
		}
		var found []sqldb.Row
		for i, e := range next.Items {
			if visible[i] != nil {
				found = append(found, e)
			}
		}
		full.More = next.More
		if w.Backward {
			full.Items = append(found, full.Items...)
		} else {
			full.Items = append(full.Items, found...)
		}
		if len(full.Items) == w.Size || !next.More {
			return full, nil
		}
		rest.Size = w.Size - len(full.Items)
		if w.Backward {
			rest.Below = next.Items[0].SortKey
		} else {
			rest.Above = next.Items[len(next.Items)-1].SortKey
		}
		if next, err = read(rest); err != nil {
			return full, err
		}
	}
}
