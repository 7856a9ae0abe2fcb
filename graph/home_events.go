package graph

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"roost/domain/follows"
	"roost/domain/tweets"
	"roost/events"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/live"
	"roost/rows"
)

// HomeTimelineEvents first gives what was missed since `after`, then what happens. Subscribing comes before
// looking, so nothing falls between the two.
func (s subscriptions) HomeTimelineEvents(ctx context.Context, after *string) (<-chan model.TimelineEvent, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	home := &homeEvents{subscriptions: s, viewer: who.UserID(), sub: s.Hub.SubscribeHome(who.UserID())}
	home.position = home.sub.From
	if after != nil {
		if home.position, err = positionOf(*after); err == nil {
			if home.position.Epoch() == 0 { // of a release whose positions had no epochs
				home.position = events.At(home.sub.From.Epoch(), home.position.Seq())
			}
			home.changes, err = s.missed(ctx, home.viewer, home.position, home.sub.From)
		}
		if len(home.changes) > 0 && home.changes[0].Reset == live.Expired {
			home.position = home.changes[0].At // it may lie before a cursor that is ahead of the log
		}
	}
	if err != nil {
		home.sub.Close()
		return nil, err
	}
	return stream(ctx, "homeTimelineEvents",
		pullstream.Source[model.TimelineEvent]{Next: home.next, Lost: home.lost, End: home.sub.Close}), nil
}

// homeEvents are the events of one viewer's home timeline.
type homeEvents struct {
	subscriptions
	viewer int64
	sub    *live.Home
	// position is up to where the client has seen changes when it came, perhaps on a node ahead of this one.
	position events.Position
	// changes are still to be sent, oldest first. decided is what the first of them are for the viewer, nil
	// for what is not to be seen, as it was at a time.
	changes []live.Change
	decided []model.TimelineEvent
	at      time.Time
	// last is the position of the event that next returned last.
	last events.Position
}

// next gives the next event that the viewer may see.
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
		// However long that took, one gets on.
		event := h.decided[0]
		h.last = h.changes[0].At
		h.changes, h.decided = h.changes[1:], h.decided[1:]
		if len(h.changes) == 0 {
			h.changes, h.decided = nil, nil // it may be long until the next one
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

// coverUpTo is the reset that covers what could not be delivered, up to a position.
func coverUpTo(position events.Position) *model.TimelineReset {
	return &model.TimelineReset{Cursor: eventCursor(position), Reason: model.TimelineResetReasonEventLost}
}

// checkedFor is how long what was decided about the visibility of entries holds while the client has not
// taken them; checkedAtOnce is how many entries are decided about at once.
const (
	checkedFor    = 100 * time.Millisecond
	checkedAtOnce = 200
)

// decide says what the next changes are for the viewer. Visibility is decided when they are sent: for those
// that a slow client lets wait, again and again.
func (h *homeEvents) decide(ctx context.Context) {
	var events []model.TimelineEvent
	err := pullstream.Retry(ctx, func() (err error) {
		h.at = time.Now()
		events, err = h.timelineEvents(ctx, h.viewer, h.changes[:min(len(h.changes), checkedAtOnce)])
		return err
	})
	if err != nil { // what could not be checked is not left out silently
		if ctx.Err() == nil {
			h.Hub.EventLost()
			slog.WarnContext(ctx, "a home timeline is reset: it is unknown what its viewer may see", "error", err)
		}
		last := h.changes[len(h.changes)-1]
		h.changes = []live.Change{last}
		events = []model.TimelineEvent{coverUpTo(last.At)}
	}
	h.decided = events
}

// timelineEvents decides what of the changes the viewer may see now: one event a change, nil for one that
// is not to be seen.
func (s subscriptions) timelineEvents(ctx context.Context, viewer int64, changes []live.Change) ([]model.TimelineEvent, error) {
	var authors, added []int64
	for _, c := range changes {
		if c.Reset == live.NoReset && !c.Deleted {
			authors = append(authors, c.AuthorID)
			added = append(added, c.TweetID)
		}
	}
	readable, found, err := s.readable(ctx, viewer, authors, added)
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
		case readable[c.AuthorID] && rows.Live(found[c.TweetID]) != nil:
			out[i] = &model.TimelineEntryAdded{Cursor: cursor, Edge: homeEdge(model.TweetOf(found[c.TweetID]))}
		}
	}
	return out, nil
}

// readable tells which authors' tweets the viewer's home timeline holds now, and gives the tweets, in one trip.
func (s subscriptions) readable(ctx context.Context, viewer int64, authors, tweetIDs []int64) (map[int64]bool, map[int64]*tweets.Tweet, error) {
	if len(tweetIDs) == 0 {
		return nil, nil, nil
	}
	edges := make([]follows.Edge, len(authors))
	for i, a := range authors {
		edges[i] = follows.Edge{FollowerID: viewer, FolloweeID: a}
	}
	follow, rows := s.Sources.Rows.Follows.Ask(edges), s.Sources.Rows.Tweets.Ask(tweetIDs)
	s.Sources.Rows.Answer(ctx, follow.Request(), rows.Request())
	readable := map[int64]bool{viewer: true}
	found := make(map[int64]*tweets.Tweet, len(tweetIDs))
	for i := range tweetIDs {
		edge, _, err := follow.At(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		if edge.Active {
			readable[authors[i]] = true
		}
		if found[tweetIDs[i]], _, err = rows.At(ctx, i); err != nil {
			return nil, nil, err
		}
	}
	return readable, found, nil
}

type entriesAdded struct{ *Resolver }

// TimelineEntryAdded resolves the entry that came in.
func (r *Resolver) TimelineEntryAdded() generated.TimelineEntryAddedResolver { return entriesAdded{r} }

// Edge plans for the tweet of the event.
func (entriesAdded) Edge(ctx context.Context, obj *model.TimelineEntryAdded) (*model.TimelineEdge, error) {
	p := planOf(ctx)
	id := int64(obj.Edge.Node.ID)
	p.set.TweetByID.Prime(ctx, id, obj.Edge.Node.Tweet)
	node := p.under(selected(ctx), "TimelineEdge", "node")
	p.run(ctx, func(lv *level) { p.tweets(ctx, lv, node, []int64{id}) })
	return obj.Edge, nil
}
