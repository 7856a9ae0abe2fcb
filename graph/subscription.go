package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/live"
	"roost/rows"
)

type subscriptions struct{ *Resolver }

// Subscription resolves live updates. Each runs in the goroutine of its sender; see package pullstream.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptions{r} }

// stream is the channel of a subscription; an error of the source ends it, and the client gets the error.
func stream[T any](ctx context.Context, name string, source pullstream.Source[T]) <-chan T {
	next := source.Next
	source.Next = func(ctx context.Context) (T, error) {
		event, err := next(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			err = Present(ctx, fmt.Errorf("%s: %w", name, err))
		}
		return event, err
	}
	return pullstream.Events(ctx, source)
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
	return stream(ctx, "reactionsChanged", pullstream.Source[model.Reactable]{Next: counts.next, End: sub.Close}), nil
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

func (w *watchedTweets) lives(id int64) bool { return rows.Live(w.rows[id]) != nil }

// get gives a tweet, or nil for a deleted one. It looks again when the client has let others wait for longer
// than checkedFor.
func (w *watchedTweets) get(ctx context.Context, id int64) (*tweets.Tweet, error) {
	if time.Since(w.checked) > checkedFor {
		err := pullstream.Retry(ctx, func() error {
			_, err := w.look(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return rows.Live(w.rows[id]), nil
}

// statesNow reads what the subjects' counts are.
func (w *watchedTweets) statesNow(ctx context.Context) ([]live.State, error) {
	var now map[int64]*reactions.Counts
	err := pullstream.Retry(ctx, func() (err error) {
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
		err := pullstream.Retry(ctx, func() (err error) {
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
	return stream(ctx, "sessionEnded", pullstream.Source[*model.SessionEnded]{Next: next, End: watch.Close}), nil
}
