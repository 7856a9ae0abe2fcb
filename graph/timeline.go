package graph

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/events"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/internal/sqldb"
	"roost/live"
)

// homeEdge is a tweet's entry in a home timeline at its own place; nil stays nil.
func homeEdge(t *model.Tweet) *model.TimelineEdge {
	if t == nil {
		return nil
	}
	return timelineEdge(cursors.Home, sqldb.Row{SortKey: int64(t.ID), Item: int64(t.ID)}, t)
}

// timelineEdge is an entry of a timeline.
func timelineEdge(list cursors.Kind, e sqldb.Row, t *model.Tweet) *model.TimelineEdge {
	edge := &model.TimelineEdge{Cursor: cursors.Encode(list, e.SortKey), Node: t}
	if e.By != 0 {
		edge.Retweet = &model.Retweet{Retweet: retweetOf(e)}
	}
	return edge
}

// retweetOf is the retweet that has brought an entry into a timeline.
func retweetOf(e sqldb.Row) retweets.Retweet {
	return retweets.Retweet{TweetID: e.Item, UserID: e.By, SortKey: e.SortKey}
}

// addedEdge is the entry that a change adds to home timelines.
func addedEdge(c live.Change, t *model.Tweet) *model.TimelineEdge {
	if c.RetweeterID == 0 {
		return homeEdge(t)
	}
	return timelineEdge(cursors.Home, sqldb.Row{SortKey: c.SortKey, Item: c.TweetID, By: c.RetweeterID}, t)
}

// HomeTimelineEvents first sends the changes since `after`, then those that follow. It has its steps in one place because their
// order matters: it subscribes before it catches up, so no change falls between the two.
func (s subscriptions) HomeTimelineEvents(ctx context.Context, after *string) (<-chan model.TimelineEvent, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	home := &homeEvents{subscriptions: s, viewer: who.UserID(), sub: s.Hub.SubscribeHome(who.UserID())}
	home.seen.upTo = home.sub.From
	var from string
	if after = pullstream.After(ctx, after); after == nil {
		from = eventCursor(home.sub.From)
	} else {
		if home.seen, err = seenBy(*after, home.sub.From); err == nil {
			home.changes, err = s.catchUp(ctx, home.viewer, home.seen, home.sub.From)
		}
		if len(home.changes) > 0 && home.changes[0].Reset == live.Expired {
			home.seen = seen{upTo: home.changes[0].At} // it may be before a cursor that is ahead of the log
		}
	}
	if err != nil {
		home.sub.Close()
		return nil, err
	}
	return stream(ctx, "homeTimelineEvents",
		pullstream.Source[model.TimelineEvent]{Next: home.next, Ready: home.ready, Lost: home.lost,
			From: from, End: home.sub.Close}), nil
}

// catchUp returns what happened to a viewer's home timeline up to a position and was not seen.
func (s subscriptions) catchUp(ctx context.Context, viewer int64, after seen, upTo events.Position) ([]live.Change, error) {
	of := live.Contents{Brought: s.Sources.Timelines.BroughtBy, Authors: func(ctx context.Context) ([]int64, error) {
		followed, err := s.Sources.Rows.Followed.Load(ctx, []int64{viewer})
		return s.Sources.Rows.HomeAuthors(viewer, followed[viewer]), err
	}}
	changes, err := live.CatchUp(ctx, s.Log, viewer, of, after.upTo, upTo)
	return slices.DeleteFunc(changes, func(c live.Change) bool {
		return c.Reset == live.NoReset && after.covers(c) // a reset may be before a cursor that is ahead of the log
	}), err
}

// homeEvents are the events of one viewer's home timeline.
type homeEvents struct {
	subscriptions
	viewer int64
	sub    *live.HomeSubscription
	// seen is what the client had seen when it subscribed. It may have seen it on a node that is ahead of this one.
	seen seen
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
			if !h.sub.Ready(nil) {
				pullstream.Blocking(ctx)
			}
			changes, err := h.sub.Next(ctx)
			if err != nil {
				return nil, err
			}
			h.changes = slices.DeleteFunc(changes, h.seen.covers)
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

// ready reports whether there is a change to send; see pullstream.Source.
func (h *homeEvents) ready(wake func()) bool { return len(h.changes) > 0 || h.sub.Ready(wake) }

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
	changes := h.changes[:min(len(h.changes), maxChecked)]
	read := func(now time.Time) (err error) {
		events, h.at, err = h.timelineEvents(ctx, h.viewer, changes, now)
		return err
	}
	var err error
	if now := time.Now(); isPrepared(changes, now) { // nothing is read
		err = read(now)
	} else {
		err = pullstream.Retry(ctx, func() error { return read(time.Now()) })
	}
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

// timelineEvents returns one event for each change, nil for a change that the viewer may not see, and the time from which on this
// was decided, at most checkedFor before now. Changes that were prepared after that time cost no read.
func (s subscriptions) timelineEvents(ctx context.Context, viewer int64, changes []live.Change, now time.Time,
) ([]model.TimelineEvent, time.Time, error) {
	at := now
	var added []timelines.Post
	for _, c := range changes {
		if c.Reset != live.NoReset || c.Deleted {
			continue
		}
		if p := preparedFor(c, now); p != nil {
			at = earlier(at, p.began)
		} else {
			added = append(added, postOf(c))
		}
	}
	shown, err := s.Sources.Rows.HomeTweets(ctx, viewer, added)
	if err != nil {
		return nil, at, err
	}
	out := make([]model.TimelineEvent, len(changes))
	for i, c := range changes {
		switch p := preparedFor(c, now); {
		case c.Reset != live.NoReset:
			out[i] = &model.TimelineReset{Cursor: changeCursor(c), Reason: model.TimelineResetReason(c.Reset)}
		case c.Deleted:
			out[i] = &model.TimelineEntryRemoved{Cursor: changeCursor(c), TweetID: ids.TweetID(c.TweetID).String()}
		case p != nil: // the same event for many viewers, so nothing is made here
			if e := p.eventFor(viewer); e != nil {
				out[i] = e
			}
		case shown[postOf(c)] != nil:
			cursor := changeCursor(c)
			out[i] = &model.TimelineEntryAdded{Cursor: cursor, Edge: addedEdge(c, model.TweetOf(shown[postOf(c)])),
				Key: "added " + cursor + " for " + strconv.FormatInt(viewer, 10)}
		}
	}
	return out, at, nil
}

// postOf is the entry that a change adds.
func postOf(c live.Change) timelines.Post {
	return timelines.Post{TweetID: c.TweetID, AuthorID: c.AuthorID, RetweeterID: c.RetweeterID}
}
