package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"roost/cache/entities"
	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/events"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/errs"
	"roost/internal/feed"
	"roost/internal/ids"
	"roost/live"
)

type subscriptions struct{ *Resolver }

// Subscription resolves live updates. Each runs in the goroutine of its sender; see the package feed.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptions{r} }

// stream is the channel of a subscription; an error of the source ends it, and the client gets the error.
func stream[T any](ctx context.Context, name string, source feed.Source[T]) <-chan T {
	next := source.Next
	source.Next = func(ctx context.Context) (T, error) {
		event, err := next(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			err = Present(ctx, fmt.Errorf("%s: %w", name, err))
		}
		return event, err
	}
	return feed.Events(ctx, source)
}

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
		feed.Source[model.TimelineEvent]{Next: home.next, Lost: home.lost, End: home.sub.Close}), nil
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
	err := feed.Retry(ctx, func() (err error) {
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
	readable, rows, err := s.readable(ctx, viewer, authors, added)
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
		case readable[c.AuthorID] && entities.Live(rows[c.TweetID]) != nil:
			out[i] = &model.TimelineEntryAdded{Cursor: cursor, Edge: homeEdge(model.TweetOf(rows[c.TweetID]))}
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
	now, err := w.look(ctx)
	if err != nil {
		sub.Close()
		return nil, err
	}
	counts := &countEvents{watchedTweets: w, sub: sub, sent: map[int64]int32{}}
	for _, id := range tweetIDs {
		if _, twice := counts.sent[id]; !twice && w.lives(id) {
			counts.sent[id] = now[id].Revision
			counts.waiting = append(counts.waiting, now[id])
		}
	}
	return stream(ctx, "reactionsChanged", feed.Source[model.Reactable]{Next: counts.next, End: sub.Close}), nil
}

// watchedTweets are the subjects of a subscription that have not been deleted.
type watchedTweets struct {
	subscriptions
	ids     []int64
	rows    map[int64]*tweets.Tweet
	checked time.Time
}

// look reads which of them live, and their counts.
func (w *watchedTweets) look(ctx context.Context) (map[int64]*reactions.Counts, error) {
	w.checked = time.Now()
	rows, counts := w.Sources.Rows.Tweets.Ask(w.ids), w.Sources.Rows.TweetCounts.Ask(w.ids)
	w.Sources.Rows.Answer(ctx, rows.Request(), counts.Request())
	found, now := make(map[int64]*tweets.Tweet, len(w.ids)), make(map[int64]*reactions.Counts, len(w.ids))
	for i, id := range w.ids {
		row, _, err := rows.At(ctx, i)
		if err != nil {
			return nil, err
		}
		c, counted, err := counts.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if !counted {
			c = &reactions.Counts{TweetID: id}
		}
		found[id], now[id] = row, c
	}
	w.rows = found
	return now, nil
}

func (w *watchedTweets) lives(id int64) bool { return entities.Live(w.rows[id]) != nil }

// get gives a tweet, or nil for a deleted one. It looks again when the client has let others wait for longer
// than checkedFor.
func (w *watchedTweets) get(ctx context.Context, id int64) (*tweets.Tweet, error) {
	if time.Since(w.checked) > checkedFor {
		err := feed.Retry(ctx, func() error {
			_, err := w.look(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return entities.Live(w.rows[id]), nil
}

// statesNow reads what the subjects' counts are.
func (w *watchedTweets) statesNow(ctx context.Context) ([]live.State, error) {
	var now map[int64]*reactions.Counts
	err := feed.Retry(ctx, func() (err error) {
		now, err = w.look(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	states := make([]live.State, len(w.ids))
	for i, id := range w.ids {
		c := now[id]
		states[i] = live.State{TweetID: id, Likes: int64(c.LikeCount), Dislikes: int64(c.DislikeCount),
			Revision: int64(c.Revision), Deleted: !w.lives(id)}
	}
	return states, nil
}

// countEvents are the current state of each tweet, then what changes, never an older state after a newer
// one. Unknown and deleted tweets are passed over.
type countEvents struct {
	*watchedTweets
	sub     *live.Counts
	sent    map[int64]int32 // the newest revision of each that was given
	waiting []*reactions.Counts
}

func (c *countEvents) next(ctx context.Context) (model.Reactable, error) {
	for {
		for len(c.waiting) == 0 {
			states, err := c.sub.Next(ctx)
			c.checked = time.Now() // deletions come with the states
			if err == nil && states[0].Anew {
				clear(c.sent)
			}
			if err == nil && states[0].Unknown {
				states, err = c.statesNow(ctx)
			}
			if err != nil {
				return nil, err
			}
			c.take(states)
		}
		counts := c.waiting[0]
		if c.waiting = c.waiting[1:]; len(c.waiting) == 0 {
			c.waiting = nil
		}
		tweet, err := c.get(ctx, counts.TweetID)
		if err != nil {
			return nil, err
		}
		if tweet != nil {
			return &model.Tweet{Tweet: tweet, Counts: counts}, nil
		}
	}
}

// take lets those states wait that are news.
func (c *countEvents) take(states []live.State) {
	for _, st := range states {
		if st.Deleted {
			delete(c.rows, st.TweetID)
		}
		counts := reactions.NewCounts(st.TweetID, st.Likes, st.Dislikes, st.Revision)
		if !c.lives(st.TweetID) || counts.Revision <= c.sent[st.TweetID] {
			continue
		}
		c.sent[st.TweetID] = counts.Revision
		c.waiting = append(c.waiting, counts)
	}
}

func (s subscriptions) SessionEnded(ctx context.Context) (<-chan *model.SessionEnded, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	id := who.SessionID()
	watch, told := s.Hub.WatchSession(id), false
	next := func(ctx context.Context) (*model.SessionEnded, error) {
		if told {
			return nil, io.EOF
		}
		select {
		case <-watch.Ended():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		told = true
		var got map[int64]*accounts.Session
		err := feed.Retry(ctx, func() (err error) {
			got, err = s.Sources.Sessions.ByID(ctx, []int64{id})
			return err
		})
		if err != nil {
			return nil, err
		}
		if session := got[id]; session != nil && session.EndReason != nil {
			return &model.SessionEnded{Session: session, Reason: *session.EndReason}, nil
		}
		return nil, io.EOF
	}
	return stream(ctx, "sessionEnded", feed.Source[*model.SessionEnded]{Next: next, End: watch.Close}), nil
}
