package graph

import (
	"context"
	"fmt"
	"slices"
	"time"

	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/streams"
	"roost/live"
)

type subscriptions struct{ *Resolver }

// Subscription resolves live updates. Each has one goroutine, which ends with the operation's context.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptions{r} }

// pump runs fn until it returns; fn sends events, each waiting for the client to take the one before.
// An error or a panic ends the stream, and the client is told so.
func pump[T any](ctx context.Context, name string, fn func(send func(T) bool) error) <-chan T {
	out := make(chan T)
	go func() {
		defer close(out)
		defer func() {
			if p := recover(); p != nil {
				streams.Fail(ctx, Present(ctx, Recover(ctx, p)))
			}
		}()
		err := fn(func(v T) bool {
			select {
			case out <- v:
				return true
			case <-ctx.Done():
				return false
			}
		})
		if err != nil && ctx.Err() == nil {
			streams.Fail(ctx, Present(ctx, fmt.Errorf("%s: %w", name, err)))
		}
	}()
	return out
}

// HomeTimelineEvents first sends what was missed since `after`, then what happens. Subscribing comes before
// looking, so nothing falls between the two.
func (s subscriptions) HomeTimelineEvents(ctx context.Context, after *string) (<-chan model.TimelineEvent, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	viewer := who.UserID()
	sub := s.Hub.SubscribeHome(viewer)
	position := sub.From
	var missed []live.Change
	if after != nil {
		if position, err = positionOf(*after); err == nil {
			missed, err = s.missed(ctx, viewer, position, sub.From)
		}
		if len(missed) > 0 && missed[0].Reset == live.Expired {
			position = missed[0].Seq // it may lie before a cursor that is ahead of the log
		}
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return pump(ctx, "homeTimelineEvents", func(send func(model.TimelineEvent) bool) error {
		defer sub.Close()
		if !s.sendChanges(ctx, viewer, missed, send) {
			return nil
		}
		for {
			changes, err := sub.Next(ctx)
			if err != nil {
				return err
			}
			// A client that comes from a node that is ahead of this one has seen some of them.
			changes = slices.DeleteFunc(changes, func(c live.Change) bool { return c.Seq <= position })
			if !s.sendChanges(ctx, viewer, changes, send) {
				return nil
			}
		}
	}), nil
}

// checkedFor is how long what was decided about the visibility of entries holds while the client has not
// taken them; checkedAtOnce is how many entries are decided about at once.
const (
	checkedFor    = 100 * time.Millisecond
	checkedAtOnce = 200
)

// sendChanges sends changes, oldest first. Visibility is decided when they are sent: for those that a slow
// client lets wait, again and again.
func (s subscriptions) sendChanges(ctx context.Context, viewer int64, changes []live.Change, send func(model.TimelineEvent) bool) bool {
	for len(changes) > 0 {
		checked := time.Now()
		all, err := s.timelineEvents(ctx, viewer, changes[:min(len(changes), checkedAtOnce)])
		if err != nil {
			// What could not be checked is not left out silently.
			return send(&model.TimelineReset{Cursor: eventCursor(changes[len(changes)-1].Seq),
				Reason: model.TimelineResetReasonTimelineRebuilt})
		}
		for _, e := range all {
			if e != nil && !send(e) {
				return false
			}
			changes = changes[1:]
			if time.Since(checked) > checkedFor {
				break
			}
		}
	}
	return true
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
	var readable map[int64]bool
	var rows map[int64]*tweets.Tweet
	if len(added) > 0 {
		var err error
		if readable, err = s.timelines().Readable(ctx, viewer, authors); err != nil {
			return nil, err
		}
		if rows, err = s.tweets().ByID(ctx, added); err != nil {
			return nil, err
		}
	}
	out := make([]model.TimelineEvent, len(changes))
	for i, c := range changes {
		cursor := eventCursor(c.Seq)
		switch {
		case c.Reset != live.NoReset:
			out[i] = &model.TimelineReset{Cursor: cursor, Reason: model.TimelineResetReason(c.Reset)}
		case c.Deleted:
			out[i] = &model.TimelineEntryRemoved{Cursor: cursor, TweetID: ids.TweetID(c.TweetID).String()}
		case readable[c.AuthorID] && rows[c.TweetID] != nil:
			out[i] = &model.TimelineEntryAdded{Cursor: cursor, Edge: homeEdge(model.TweetOf(rows[c.TweetID]))}
		}
	}
	return out, nil
}

type entriesAdded struct{ *Resolver }

// TimelineEntryAdded resolves the entry that came in.
func (r *Resolver) TimelineEntryAdded() generated.TimelineEntryAddedResolver { return entriesAdded{r} }

// Edge plans for the tweet of the event.
func (entriesAdded) Edge(ctx context.Context, obj *model.TimelineEntryAdded) (*model.TimelineEdge, error) {
	p := planOf(ctx)
	id := int64(obj.Edge.Node.ID)
	p.set.TweetByID.Prime(ctx, id, obj.Edge.Node.Tweet)
	p.tweets(ctx, p.under(selected(ctx), "TimelineEdge", "node"), []int64{id})
	return obj.Edge, nil
}

func (s subscriptions) ReactionsChanged(ctx context.Context, subjectIDs []string) (<-chan model.Reactable, error) {
	if err := batch(subjectIDs); err != nil {
		return nil, err
	}
	tweetIDs := make([]int64, 0, len(subjectIDs))
	for _, g := range subjectIDs {
		id, ok := ids.Tweet(g)
		if !ok {
			return nil, errs.New(errs.BadRequest, "an id is not one of something that can be liked")
		}
		tweetIDs = append(tweetIDs, id)
	}
	// First subscribe, then read: what changes in between comes twice and is seen to be old.
	sub := s.Hub.SubscribeCounts(tweetIDs)
	w := &watchedTweets{subscriptions: s, ids: tweetIDs}
	err := w.look(ctx)
	if err != nil {
		sub.Close()
		return nil, err
	}
	now, err := s.reactions().CountsOf(ctx, tweetIDs)
	if err != nil {
		sub.Close()
		return nil, err
	}
	return pump(ctx, "reactionsChanged", func(send func(model.Reactable) bool) error {
		defer sub.Close()
		return s.reactionsChanged(ctx, sub, w, now, send)
	}), nil
}

// watchedTweets are the subjects of a subscription that have not been deleted.
type watchedTweets struct {
	subscriptions
	ids     []int64
	rows    map[int64]*tweets.Tweet
	checked time.Time
}

// look reads which of them live.
func (w *watchedTweets) look(ctx context.Context) (err error) {
	w.checked = time.Now()
	w.rows, err = w.tweets().ByID(ctx, w.ids)
	return err
}

// get gives a tweet, or nil for a deleted one. It looks again when the client has let others wait for longer
// than checkedFor.
func (w *watchedTweets) get(ctx context.Context, id int64) (*tweets.Tweet, error) {
	if time.Since(w.checked) > checkedFor {
		if err := w.look(ctx); err != nil {
			return nil, err
		}
	}
	return w.rows[id], nil
}

// statesNow reads what the subjects' counts are.
func (s subscriptions) statesNow(ctx context.Context, tweetIDs []int64) ([]live.State, error) {
	rows, err := s.tweets().ByID(ctx, tweetIDs)
	if err != nil {
		return nil, err
	}
	now, err := s.reactions().CountsOf(ctx, tweetIDs)
	if err != nil {
		return nil, err
	}
	states := make([]live.State, len(tweetIDs))
	for i, id := range tweetIDs {
		c := now[id]
		states[i] = live.State{TweetID: id, Likes: int64(c.LikeCount), Dislikes: int64(c.DislikeCount),
			Revision: int64(c.Revision), Deleted: rows[id] == nil}
	}
	return states, nil
}

// reactionsChanged sends the current state of each tweet, then what changes, never an older state after
// a newer one. Unknown and deleted tweets are passed over.
func (s subscriptions) reactionsChanged(ctx context.Context, sub *live.Counts, w *watchedTweets, now map[int64]*reactions.Counts,
	send func(model.Reactable) bool) error {
	sent := map[int64]int32{}
	for _, id := range w.ids {
		tweet, err := w.get(ctx, id)
		if err != nil {
			return err
		}
		if _, twice := sent[id]; twice || tweet == nil {
			continue
		}
		sent[id] = now[id].Revision
		if !send(&model.Tweet{Tweet: tweet, Counts: now[id]}) {
			return nil
		}
	}
	for {
		states, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		w.checked = time.Now() // deletions come with the states
		if states[0].Unknown {
			if states, err = s.statesNow(ctx, w.ids); err != nil {
				return err
			}
		}
		for _, st := range states {
			if st.Deleted {
				delete(w.rows, st.TweetID)
			}
			c := reactions.NewCounts(st.TweetID, st.Likes, st.Dislikes, st.Revision)
			if c.Revision <= sent[st.TweetID] {
				continue
			}
			tweet, err := w.get(ctx, st.TweetID)
			if err != nil {
				return err
			}
			if tweet == nil {
				continue
			}
			sent[st.TweetID] = c.Revision
			if !send(&model.Tweet{Tweet: tweet, Counts: c}) {
				return nil
			}
		}
	}
}

func (s subscriptions) SessionEnded(ctx context.Context) (<-chan *model.SessionEnded, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	id := who.SessionID()
	watch := s.Hub.WatchSession(id)
	return pump(ctx, "sessionEnded", func(send func(*model.SessionEnded) bool) error {
		defer watch.Close()
		select {
		case <-watch.Ended():
		case <-ctx.Done():
			return nil
		}
		got, err := s.accounts().SessionsByID(ctx, []int64{id})
		if err != nil {
			return err
		}
		if session := got[id]; session != nil && session.EndReason != nil {
			send(&model.SessionEnded{Session: session, Reason: *session.EndReason})
		}
		return nil
	}), nil
}
