package graph

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"roost/domain/accounts"
	"roost/domain/timelines"
	"roost/events"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/internal/sqldb"
	"roost/live"
	"roost/loaders"
)

// HomeTimeline has its steps in one place because their order matters: it notes the position of the log before it reads the page,
// so that the events after the position cover what happens while the page is read.
func (v viewers) HomeTimeline(ctx context.Context, obj *model.Viewer, first *int32, after *string, last *int32, before *string,
) (*model.HomeTimelineConnection, error) {
	w, err := cursors.Args{First: first, After: after, Last: last, Before: before}.Window(cursors.Home)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error) {
		authors, err := load(ctx, loaders.From(ctx).HomeAuthors, obj.UserID)
		if err != nil {
			return cursors.Page[sqldb.Row]{}, err
		}
		return v.timelines().Home(ctx, authors, w)
	}
	position := loaders.From(ctx).Position()
	var page cursors.Page[sqldb.Row]
	if planOf(ctx).readsPage(selected(ctx), "HomeTimelineConnection", w) {
		if page, err = read(ctx, w); err != nil {
			return nil, err
		}
	}
	c, err := timeline(ctx, cursors.Home, "HomeTimelineConnection", w, page, read)
	if err != nil {
		return nil, err
	}
	return &model.HomeTimelineConnection{TimelineConnection: c, EventCursor: eventCursor(position)}, nil
}

// Timeline reads the page only if the selection needs it; an empty `include` asks for nothing.
func (u users) Timeline(ctx context.Context, obj *accounts.User, first *int32, after *string, last *int32, before *string,
	include []model.TimelineContent) (*model.TimelineConnection, error) {
	w, err := cursors.Args{First: first, After: after, Last: last, Before: before}.Window(cursors.Timeline)
	if err != nil {
		return nil, err
	}
	return ownTimeline(ctx, int64(obj.ID), w, include)
}

// ownTimeline returns a page of a user's own timeline.
func ownTimeline(ctx context.Context, userID int64, w cursors.Window, include []model.TimelineContent) (*model.TimelineConnection, error) {
	if include != nil && len(include) == 0 {
		return emptyTimeline(), nil
	}
	page, read, err := readPage(ctx, loaders.From(ctx).TimelinePage, userID, "TimelineConnection", w)
	if err != nil {
		return nil, err
	}
	return timeline(ctx, cursors.Timeline, "TimelineConnection", w, page, read)
}

// timeline returns the connection of a page of tweets. read reads other pages of the same timeline.
func timeline(ctx context.Context, kind cursors.Kind, connection string, w cursors.Window, page cursors.Page[sqldb.Row], read pager,
) (*model.TimelineConnection, error) {
	p := planOf(ctx)
	nodes := p.nodes(selected(ctx), connection, "TimelineEdge")
	page, err := p.fillUp(ctx, w, page, read, func(ids []int64) {
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
		c.Edges[i] = &model.TimelineEdge{Cursor: cursors.Encode(kind, e.SortKey), Node: c.Nodes[i]}
	}
	return c, nil
}

// fillUp removes tweets that were deleted since the page was read, and reads further pages until the page is full or the list ends.
// ask fetches the selected fields of tweets.
func (p plan) fillUp(ctx context.Context, w cursors.Window, page cursors.Page[sqldb.Row], read pager, ask func(ids []int64),
) (cursors.Page[sqldb.Row], error) {
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
			rest.Below = page.Items[0].SortKey
		} else {
			rest.Above = page.Items[len(page.Items)-1].SortKey
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
	return &model.TimelineConnection{PageInfo: &model.PageInfo{Next: no, Previous: no},
		Edges: []*model.TimelineEdge{}, Nodes: []*model.Tweet{}}
}

func tweetIDs(page []sqldb.Row) []int64 {
	out := make([]int64, len(page))
	for i, e := range page {
		out[i] = e.Item
	}
	return out
}

// homeEdge is a tweet's entry in a home timeline; nil stays nil.
func homeEdge(t *model.Tweet) *model.TimelineEdge {
	if t == nil {
		return nil
	}
	return &model.TimelineEdge{Cursor: cursors.Encode(cursors.Home, int64(t.ID)), Node: t}
}

// HomeTimelineEvents first sends the changes since `after`, then those that follow. It has its steps in one place because their
// order matters: it subscribes before it catches up, so no change falls between the two.
func (s subscriptions) HomeTimelineEvents(ctx context.Context, after *string) (<-chan model.TimelineEvent, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	home := &homeEvents{subscriptions: s, viewer: who.UserID(), sub: s.Hub.SubscribeHome(who.UserID())}
	home.position = home.sub.From
	if after != nil {
		if home.position, err = positionOf(*after); err == nil {
			if home.position.Epoch() == 0 { // from a release whose positions had no epochs
				home.position = events.At(home.sub.From.Epoch(), home.position.Seq())
			}
			home.changes, err = s.catchUp(ctx, home.viewer, home.position, home.sub.From)
		}
		if len(home.changes) > 0 && home.changes[0].Reset == live.Expired {
			home.position = home.changes[0].At // it may be before a cursor that is ahead of the log
		}
	}
	if err != nil {
		home.sub.Close()
		return nil, err
	}
	return stream(ctx, "homeTimelineEvents",
		pullstream.Source[model.TimelineEvent]{Next: home.next, Lost: home.lost, End: home.sub.Close}), nil
}

// catchUp returns what happened to a viewer's home timeline between two positions.
func (s subscriptions) catchUp(ctx context.Context, viewer int64, after, upTo events.Position) ([]live.Change, error) {
	authors := func(ctx context.Context) ([]int64, error) {
		followed, err := s.Sources.Rows.Followed.Load(ctx, []int64{viewer})
		return timelines.HomeAuthors(viewer, followed[viewer]), err
	}
	return live.CatchUp(ctx, s.Log, viewer, authors, after, upTo)
}

// homeEvents are the events of one viewer's home timeline.
type homeEvents struct {
	subscriptions
	viewer int64
	sub    *live.HomeSubscription
	// position is the position up to which the client had seen changes when it subscribed. It may have seen them on a node that
	// is ahead of this one.
	position events.Position
	// changes are still to be sent, oldest first. decided holds the events of the first changes, as of the time at; nil where
	// the viewer may not see the tweet.
	changes []live.Change
	decided []model.TimelineEvent
	at      time.Time
	// last is the position of the event that next returned last.
	last events.Position
}

// next returns the next event that the viewer may see.
func (h *homeEvents) next(ctx context.Context) (model.TimelineEvent, error) {
	for {
		for len(h.changes) == 0 {
			changes, err := h.sub.Next(ctx)
			if err != nil {
				return nil, err
			}
			h.changes = slices.DeleteFunc(changes, func(c live.Change) bool { return h.position.Covers(c.At) })
		}
		if len(h.decided) == 0 || time.Since(h.at) > checkedFor {
			h.decide(ctx)
		}
		// The first change is sent however long the decision took, so that the subscription always advances.
		event := h.decided[0]
		h.last = h.changes[0].At
		h.changes, h.decided = h.changes[1:], h.decided[1:]
		if len(h.changes) == 0 {
			h.changes, h.decided = nil, nil // frees the memory: the next change may come much later
		}
		if event != nil {
			return event, nil
		}
	}
}

// lost returns the reset that covers an event which cannot be delivered.
func (h *homeEvents) lost(model.TimelineEvent) model.TimelineEvent {
	h.Hub.EventLost()
	return coverUpTo(h.last)
}

// coverUpTo returns the reset that covers all changes up to a position, because one of them could not be delivered.
func coverUpTo(position events.Position) *model.TimelineReset {
	return &model.TimelineReset{Cursor: eventCursor(position), Reason: model.TimelineResetReasonEventLost}
}

const (
	// checkedFor is how long a decision about visibility is valid while its events wait for the client.
	checkedFor = 100 * time.Millisecond
	// maxChecked is the most changes whose visibility is decided at once.
	maxChecked = 200
)

// decide makes the events of the next changes for the viewer. Visibility is decided when a change is sent. While a client is
// slow, the decision is repeated.
func (h *homeEvents) decide(ctx context.Context) {
	var events []model.TimelineEvent
	err := pullstream.Retry(ctx, func() (err error) {
		h.at = time.Now()
		events, err = h.timelineEvents(ctx, h.viewer, h.changes[:min(len(h.changes), maxChecked)])
		return err
	})
	if err != nil { // a change that could not be checked is not left out silently
		if ctx.Err() == nil {
			h.Hub.EventLost()
			slog.WarnContext(ctx, "a home timeline is reset: what its viewer may see could not be read", "error", err)
		}
		last := h.changes[len(h.changes)-1]
		h.changes = []live.Change{last}
		events = []model.TimelineEvent{coverUpTo(last.At)}
	}
	h.decided = events
}

// timelineEvents returns one event for each change, nil for a change that the viewer may not see now.
func (s subscriptions) timelineEvents(ctx context.Context, viewer int64, changes []live.Change) ([]model.TimelineEvent, error) {
	var added []timelines.Post
	for _, c := range changes {
		if c.Reset == live.NoReset && !c.Deleted {
			added = append(added, timelines.Post{TweetID: c.TweetID, AuthorID: c.AuthorID})
		}
	}
	shown, err := s.Sources.Rows.HomeTweets(ctx, viewer, added)
	if err != nil {
		return nil, err
	}
	out := make([]model.TimelineEvent, len(changes))
	for i, c := range changes {
		cursor := eventCursor(c.At)
		switch {
		case c.Reset != live.NoReset:
			out[i] = &model.TimelineReset{Cursor: cursor, Reason: model.TimelineResetReason(c.Reset)}
		case c.Deleted:
			out[i] = &model.TimelineEntryRemoved{Cursor: cursor, TweetID: ids.TweetID(c.TweetID).String()}
		case shown[c.TweetID] != nil:
			out[i] = &model.TimelineEntryAdded{Cursor: cursor, Edge: homeEdge(model.TweetOf(shown[c.TweetID]))}
		}
	}
	return out, nil
}

type entriesAdded struct{ *Resolver }

// TimelineEntryAdded resolves the entry that came in.
func (r *Resolver) TimelineEntryAdded() generated.TimelineEntryAddedResolver { return entriesAdded{r} }

// Edge returns the edge of the event, whose tweet need not be read again.
func (entriesAdded) Edge(ctx context.Context, obj *model.TimelineEntryAdded) (*model.TimelineEdge, error) {
	planOf(ctx).edge(ctx, obj.Edge)
	return obj.Edge, nil
}

// edge fetches what the selection of an edge needs of its tweet.
func (p plan) edge(ctx context.Context, e *model.TimelineEdge) {
	id := int64(e.Node.ID)
	p.set.TweetByID.Prime(ctx, id, e.Node.Tweet)
	node := p.under(selected(ctx), "TimelineEdge", "node")
	p.run(ctx, func(lv *level) { p.tweets(ctx, lv, node, []int64{id}) })
}
