package graph

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/live"
	"roost/loaders"
)

// preparedPost is a new tweet as it is pushed to the home timelines of several viewers. It holds what their subscriptions would
// each have read: whether they may see the tweet, its counts, and their own reactions.
type preparedPost struct {
	// began is the time from which on everything was read, the viewers included.
	began time.Time
	// tweet is nil if it is not visible.
	tweet *tweets.Tweet
	// reactions and retweeted are those of the viewers; nobody has reacted to a tweet or retweeted it when it is new.
	reactions map[int64]reactions.Kind
	retweeted map[int64]bool
	// events has one event for all viewers of one standing.
	events map[model.Standing]*model.TimelineEntryAdded
}

// Prepare reads once what the subscriptions of all viewers need of a new tweet, in one round trip, and another one if somebody
// has reacted to the tweet or retweeted it. It is a live.Prepare.
func (r *Resolver) Prepare(ctx context.Context, c live.Change, viewers []int64, began time.Time) any {
	p := &preparedPost{began: began}
	if err := p.read(ctx, r.Sources, c, viewers); err != nil {
		slog.WarnContext(ctx, "each subscription reads a new tweet by itself: it could not be read for all of them", "error", err)
		return nil
	}
	return p
}

func (p *preparedPost) read(ctx context.Context, from loaders.Sources, c live.Change, viewers []int64) error {
	ids := []int64{c.TweetID}
	row, counted := from.Rows.Tweets.Ask(ids), from.Rows.TweetCounts.Ask(ids)
	from.Rows.Answer(ctx, row.Request(), counted.Request())
	tweet, _, err := row.At(ctx, 0)
	if err != nil {
		return err
	}
	if p.tweet = from.Rows.VisibleTweet(tweet); p.tweet == nil {
		return nil
	}
	counts, ok, err := counted.At(ctx, 0)
	switch {
	case err != nil:
		return err
	case !ok:
		counts = &reactions.Counts{TweetID: c.TweetID}
	case counts.Revision > 0:
		if err := p.readStandings(ctx, from, counts, viewers); err != nil {
			return err
		}
	}
	p.makeEvents(c, counts, viewers)
	return nil
}

// readStandings reads the viewers' own reactions and retweets.
func (p *preparedPost) readStandings(ctx context.Context, from loaders.Sources, counts *reactions.Counts, viewers []int64) error {
	reacted, passedOn := make([]reactions.Key, len(viewers)), []retweets.Key(nil)
	for i, v := range viewers {
		reacted[i] = reactions.Key{TweetID: counts.TweetID, UserID: v}
		if counts.RetweetCount > 0 {
			passedOn = append(passedOn, retweets.Key(reacted[i]))
		}
	}
	kinds, active := from.Rows.Reactions.Ask(reacted), from.Rows.Retweets.Ask(passedOn)
	from.Rows.Answer(ctx, kinds.Request(), active.Request())
	p.reactions, p.retweeted = map[int64]reactions.Kind{}, map[int64]bool{}
	for i, v := range viewers {
		kind, ok, err := kinds.At(ctx, i)
		if err != nil {
			return err
		}
		if ok {
			p.reactions[v] = kind.Kind
		}
		if len(passedOn) == 0 {
			continue
		}
		retweet, _, err := active.At(ctx, i)
		if err != nil {
			return err
		}
		p.retweeted[v] = retweet.SortKey != 0
	}
	return nil
}

func (p *preparedPost) makeEvents(c live.Change, counts *reactions.Counts, viewers []int64) {
	cursor, edge := changeCursor(c), addedEdge(c, model.TweetOf(p.tweet))
	p.events = map[model.Standing]*model.TimelineEntryAdded{}
	for _, v := range viewers {
		s := p.standing(v)
		if p.events[s] != nil {
			continue
		}
		known := s
		known.Counts = counts
		// The viewers get an entry at the tweet's own place because they follow its author, and a retweet only if they do not.
		known.FollowsAuthor = c.RetweeterID == 0 && !s.Author
		p.events[s] = &model.TimelineEntryAdded{Cursor: cursor, Edge: edge, Standing: &known,
			Key: "added " + cursor + " in " + edge.Cursor + " to " + strconv.FormatBool(s.Author) + s.Reaction.String() +
				strconv.FormatBool(s.Retweeted) + " at " + strconv.FormatInt(int64(counts.Revision), 10)}
	}
}

// standing returns the viewer's standing without the counts.
func (p *preparedPost) standing(viewer int64) model.Standing {
	return model.Standing{Author: p.tweet.AuthorID == viewer, Reaction: p.reactions[viewer], Retweeted: p.retweeted[viewer]}
}

// eventFor returns the event for a viewer to whom the change was pushed; nil if the tweet is not visible.
func (p *preparedPost) eventFor(viewer int64) *model.TimelineEntryAdded {
	if p.tweet == nil {
		return nil
	}
	return p.events[p.standing(viewer)]
}

// preparedFor returns what was prepared for a change, or nil if there is nothing or if it is too old at a time.
func preparedFor(c live.Change, at time.Time) *preparedPost {
	if p, ok := c.Prepared.(*preparedPost); ok && at.Sub(p.began) <= checkedFor {
		return p
	}
	return nil
}

// isPrepared reports whether no change needs a read to be decided at a time.
func isPrepared(changes []live.Change, now time.Time) bool {
	return !slices.ContainsFunc(changes, func(c live.Change) bool {
		return c.Reset == live.NoReset && !c.Deleted && preparedFor(c, now) == nil
	})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// prime makes the fields of an event use what was read when it was prepared. Otherwise they could contain what is true for the
// viewer for whom the fields are resolved, while the event is sent to others, too.
func prime(ctx context.Context, e *model.TimelineEntryAdded) {
	s, tweetID := e.Standing, int64(e.Edge.Node.ID)
	loaders.TweetByID.Prime(ctx, tweetID, e.Edge.Node.Tweet)
	if s == nil {
		return
	}
	loaders.ReactionCounts.Prime(ctx, tweetID, s.Counts)
	loaders.MyReaction.Prime(ctx, tweetID, s.Reaction)
	loaders.MyRetweet.Prime(ctx, tweetID, s.Retweeted)
	loaders.FollowedByMe.Prime(ctx, e.Edge.Node.AuthorID, s.FollowsAuthor)
}

type entriesAdded struct{ *Resolver }

// TimelineEntryAdded resolves the entry that came in.
func (r *Resolver) TimelineEntryAdded() generated.TimelineEntryAddedResolver { return entriesAdded{r} }

// Edge returns the edge of the event, whose tweet need not be read again.
func (entriesAdded) Edge(ctx context.Context, obj *model.TimelineEntryAdded) (*model.TimelineEdge, error) {
	prime(ctx, obj)
	return obj.Edge, nil
}
