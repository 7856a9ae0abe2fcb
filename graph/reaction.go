package graph

import (
	"context"
	"time"

	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/live"
	"roost/loaders"
)

// ReactionSummaries puts each summary at the index of its id: nil for an id that names no visible tweet.
func (q queries) ReactionSummaries(ctx context.Context, subjectIDs []string) ([]*model.ReactionSummary, error) {
	if err := batch(subjectIDs); err != nil {
		return nil, err
	}
	return loadSummaries(ctx, subjectIDs)
}

// loadSummaries returns the summaries of the visible ones among tweets.
func loadSummaries(ctx context.Context, subjectIDs []string) ([]*model.ReactionSummary, error) {
	found, err := loadAll(ctx, loaders.TweetByID, tweetsNamed(subjectIDs))
	out := make([]*model.ReactionSummary, len(found))
	for i, t := range found {
		if t != nil {
			out[i] = &model.ReactionSummary{TweetID: int64(t.ID)}
		}
	}
	return out, err
}

// tweetsNamed returns the numbers of tweets by their global ids; 0, which no tweet has, for another id.
func tweetsNamed(globals []string) []int64 {
	out := make([]int64, len(globals))
	for i, g := range globals {
		out[i], _ = ids.Tweet(g)
	}
	return out
}

func (t tweetFields) Reactions(ctx context.Context, obj *model.Tweet) (*model.ReactionSummary, error) {
	if obj.Counts != nil {
		// The tweet existed when the counts were read. If it has been deleted since, the counts must still have a subject.
		loaders.TweetByID.Prime(ctx, int64(obj.ID), obj.Tweet)
		loaders.ReactionCounts.Prime(ctx, int64(obj.ID), obj.Counts)
	}
	return &model.ReactionSummary{TweetID: int64(obj.ID), OfEvent: obj.Counts != nil}, nil
}

type summaries struct{ *Resolver }

// ReactionSummary resolves the reactions to a tweet.
func (r *Resolver) ReactionSummary() generated.ReactionSummaryResolver { return summaries{r} }

func (s summaries) LikeCount(ctx context.Context, obj *model.ReactionSummary) (int32, error) {
	return count(ctx, obj, func(c *reactions.Counts) int32 { return c.LikeCount })
}

func (s summaries) DislikeCount(ctx context.Context, obj *model.ReactionSummary) (int32, error) {
	return count(ctx, obj, func(c *reactions.Counts) int32 { return c.DislikeCount })
}

func (s summaries) Revision(ctx context.Context, obj *model.ReactionSummary) (int32, error) {
	return count(ctx, obj, func(c *reactions.Counts) int32 { return c.Revision })
}

// count returns one of the counts of a summary.
func count(ctx context.Context, obj *model.ReactionSummary, of func(c *reactions.Counts) int32) (int32, error) {
	c, err := load(ctx, loaders.ReactionCounts, obj.TweetID)
	if err != nil {
		return 0, err
	}
	return of(c), nil
}

func (s summaries) Subject(ctx context.Context, obj *model.ReactionSummary) (model.Reactable, error) {
	t, err := load(ctx, loaders.TweetByID, obj.TweetID)
	return reactable(model.TweetOf(t)), err
}

func (s summaries) ViewerReaction(ctx context.Context, obj *model.ReactionSummary) (reactions.Kind, error) {
	return load(ctx, loaders.MyReaction, obj.TweetID)
}

func (m mutations) SetReaction(ctx context.Context, input model.SetReactionInput) (*model.SetReactionPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		return m.react(ctx, who.UserID(), input.SubjectID, input.Reaction)
	})
	return &model.SetReactionPayload{Payload: p}, err
}

// react sets a user's reaction to a tweet. The reaction and its counts need not be read again.
func (m mutations) react(ctx context.Context, userID int64, global string, kind reactions.Kind) (model.Payload, error) {
	id, ok := ids.Tweet(global)
	if !ok {
		return model.Payload{}, tweets.NoSuchTweet()
	}
	now, err := m.reactions().Set(ctx, userID, id, kind)
	if now.Counts != nil {
		loaders.ReactionCounts.Prime(ctx, id, now.Counts)
		loaders.MyReaction.Prime(ctx, id, kind)
	}
	if now.Tweet != nil {
		loaders.TweetByID.Prime(ctx, id, now.Tweet)
	}
	return model.Payload{TweetID: id}, err
}

// reactable is a tweet as the subject of reactions; nil stays nil.
func reactable(t *model.Tweet) model.Reactable {
	if t == nil {
		return nil
	}
	return t
}

// ReactionsChanged has its steps in one place because their order matters: it subscribes, and only then reads the first counts.
// A change in between comes twice, and the second time its revision shows that it is old.
func (s subscriptions) ReactionsChanged(ctx context.Context, subjectIDs []string) (<-chan model.Reactable, error) {
	if err := batch(subjectIDs); err != nil {
		return nil, err
	}
	tweetIDs := make([]int64, 0, len(subjectIDs))
	for _, g := range subjectIDs {
		id, ok := ids.Tweet(g)
		if !ok {
			return nil, errs.New(errs.BadRequest, "an id does not name a tweet")
		}
		tweetIDs = append(tweetIDs, id)
	}
	sub := s.Hub.SubscribeReactions(tweetIDs)
	w := &watchedTweets{subscriptions: s, ids: tweetIDs}
	now, err := w.look(ctx)
	if err != nil {
		sub.Close()
		return nil, err
	}
	counts := &countEvents{watchedTweets: w, sub: sub, sent: map[int64]int32{}}
	for _, id := range tweetIDs {
		if _, twice := counts.sent[id]; !twice && w.visible(id) {
			counts.sent[id] = now[id].Revision
			counts.waiting = append(counts.waiting, now[id])
		}
	}
	return stream(ctx, "reactionsChanged", pullstream.Source[model.Reactable]{Next: counts.next, Ready: counts.ready, End: sub.Close}), nil
}

// watchedTweets are the tweets of a subscription, and which of them were visible when they were last read.
type watchedTweets struct {
	subscriptions
	ids     []int64
	rows    map[int64]*tweets.Tweet
	checked time.Time
}

// look reads which of the tweets are visible, and their counts.
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

func (w *watchedTweets) visible(id int64) bool { return tweets.Visible(w.rows[id]) != nil }

// get returns a tweet, or nil for one that is not visible. It reads the tweets again when the last reading is older than
// checkedFor, because the client was slow to take events.
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
	return tweets.Visible(w.rows[id]), nil
}

// statesNow reads the current state of each tweet.
func (w *watchedTweets) statesNow(ctx context.Context) ([]live.ReactionState, error) {
	var now map[int64]*reactions.Counts
	err := pullstream.Retry(ctx, func() (err error) {
		now, err = w.look(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	states := make([]live.ReactionState, len(w.ids))
	for i, id := range w.ids {
		c := now[id]
		states[i] = live.StateOf(id, c.Wide())
		states[i].Deleted = !w.visible(id)
	}
	return states, nil
}

// countEvents are the events of a subscription to reactions: first the current state of each tweet, then each change, never an
// older state after a newer one. Tweets that are not visible are left out.
type countEvents struct {
	*watchedTweets
	sub     *live.ReactionSubscription
	sent    map[int64]int32 // the newest revision of each tweet that was taken
	waiting []*reactions.Counts
}

func (c *countEvents) next(ctx context.Context) (model.Reactable, error) {
	for {
		for len(c.waiting) == 0 {
			states, err := c.sub.Take(), error(nil)
			if states == nil {
				pullstream.Blocking(ctx)
				states, err = c.sub.Next(ctx)
			}
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

// ready reports whether there are counts to send; see pullstream.Source.
func (c *countEvents) ready(wake func()) bool { return len(c.waiting) > 0 || c.sub.Ready(wake) }

// take appends to the waiting events the counts of each state that is newer than what was sent.
func (c *countEvents) take(states []live.ReactionState) {
	for _, st := range states {
		if st.Deleted {
			delete(c.rows, st.TweetID)
		}
		counts := reactions.CountsFrom(st.TweetID, st.TweetCounts)
		if !c.visible(st.TweetID) || counts.Revision <= c.sent[st.TweetID] {
			continue
		}
		c.sent[st.TweetID] = counts.Revision
		c.waiting = append(c.waiting, counts)
	}
}
