package graph

import (
	"context"
	"time"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/loaders"
)

// retweetNamed returns the retweet that a global id names, whether there is one or not; ok is false for an id of anything else.
func retweetNamed(global string) (r retweets.Retweet, ok bool) {
	id, ok := ids.Retweet(global)
	return retweets.Retweet{TweetID: id.Tweet, UserID: id.User, SortKey: id.SortKey}, ok
}

// loadRetweet loads a retweet; nil for one that is not visible.
func loadRetweet(ctx context.Context, global string) (*model.Retweet, error) {
	named, ok := retweetNamed(global)
	if !ok {
		return nil, nil
	}
	r, err := load(ctx, loaders.RetweetByID, named)
	if r == nil {
		return nil, err
	}
	t, err := load(ctx, loaders.TweetByID, r.TweetID)
	if t == nil {
		return nil, err
	}
	return model.RetweetOf(r), nil
}

type retweetFields struct{ *Resolver }

// Retweet resolves a retweet, whose key has all its fields.
func (r *Resolver) Retweet() generated.RetweetResolver { return retweetFields{r} }

func (retweetFields) ID(_ context.Context, obj *model.Retweet) (string, error) {
	return obj.GlobalID(), nil
}

func (retweetFields) CreatedAt(_ context.Context, obj *model.Retweet) (*time.Time, error) {
	at := obj.At()
	return &at, nil
}

func (retweetFields) Tweet(ctx context.Context, obj *model.Retweet) (*model.Tweet, error) {
	return loadTweet(ctx, obj.TweetID)
}

func (retweetFields) User(ctx context.Context, obj *model.Retweet) (*accounts.User, error) {
	return loadUser(ctx, obj.UserID)
}

func (t tweetFields) RetweetCount(ctx context.Context, obj *model.Tweet) (int32, error) {
	return retweetCount(ctx, obj)
}

// retweetCount returns the count that came along with the tweet, else the one that there is.
func retweetCount(ctx context.Context, obj *model.Tweet) (int32, error) {
	if obj.Counts != nil {
		return obj.Counts.RetweetCount, nil
	}
	return count(ctx, &model.ReactionSummary{TweetID: int64(obj.ID)}, func(c *reactions.Counts) int32 { return c.RetweetCount })
}

func (t tweetFields) ViewerHasRetweeted(ctx context.Context, obj *model.Tweet) (bool, error) {
	return load(ctx, loaders.MyRetweet, int64(obj.ID))
}

func (t tweetFields) Retweets(_ context.Context, obj *model.Tweet, first *int32, after *string) (*model.RetweetConnection, error) {
	c, err := connectionOf(cursors.Retweets, int64(obj.ID), cursors.Args{First: first, After: after})
	return &model.RetweetConnection{Connection: c}, err
}

type retweetConnections struct{ *Resolver }

// RetweetConnection resolves a page of a tweet's retweets.
func (r *Resolver) RetweetConnection() generated.RetweetConnectionResolver {
	return retweetConnections{r}
}

func (retweetConnections) Edges(ctx context.Context, obj *model.RetweetConnection) ([]*model.RetweetEdge, error) {
	return retweetsOf(ctx, obj, func(r *model.Retweet) *model.RetweetEdge {
		return &model.RetweetEdge{Cursor: cursors.Encode(cursors.Retweets, r.SortKey), Node: r}
	})
}

func (retweetConnections) Nodes(ctx context.Context, obj *model.RetweetConnection) ([]*model.Retweet, error) {
	return retweetsOf(ctx, obj, func(r *model.Retweet) *model.Retweet { return r })
}

// retweetsOf makes a list from the retweets of a page.
func retweetsOf[T any](ctx context.Context, c *model.RetweetConnection, of func(r *model.Retweet) T) ([]T, error) {
	items, err := itemsOf(ctx, c.Connection)
	out := make([]T, len(items))
	for i, e := range items {
		out[i] = of(&model.Retweet{Retweet: entryOf(c.Owner, e)})
	}
	return out, err
}

// entryOf returns the retweet of an entry in the list of a tweet.
func entryOf(tweetID int64, e sqldb.Row) retweets.Retweet {
	return retweets.Retweet{TweetID: tweetID, UserID: e.Item, SortKey: e.SortKey}
}

func (m mutations) Retweet(ctx context.Context, input model.RetweetInput) (*model.RetweetPayload, error) {
	p, err := changeRetweet(ctx, input.TweetID, m.retweets().Retweet, func(p *model.Payload, r retweets.Retweet) {
		loaders.MyRetweet.Prime(ctx, r.TweetID, true)
		p.Retweet = model.RetweetOf(&r)
	})
	return &model.RetweetPayload{Payload: p}, err
}

func (m mutations) Unretweet(ctx context.Context, input model.UnretweetInput) (*model.UnretweetPayload, error) {
	p, err := changeRetweet(ctx, input.TweetID, m.retweets().Undo, func(p *model.Payload, r retweets.Retweet) {
		loaders.MyRetweet.Prime(ctx, r.TweetID, false)
		id := r.ID().String()
		p.DeletedRetweetID = &id
	})
	return &model.UnretweetPayload{Payload: p}, err
}

// changeRetweet makes the caller retweet a tweet, or no longer retweet it. The counts need not be read again. done is called with the
// retweet that began or ended, or that is there already.
func changeRetweet(ctx context.Context, global string,
	change func(ctx context.Context, userID, tweetID int64) (retweets.Retweet, *reactions.Counts, error),
	done func(p *model.Payload, r retweets.Retweet)) (model.Payload, error) {
	return asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		id, ok := ids.Tweet(global)
		if !ok {
			return model.Payload{}, tweets.NoSuchTweet()
		}
		r, now, err := change(ctx, who.UserID(), id)
		if err != nil {
			return model.Payload{}, err
		}
		p := model.Payload{TweetID: id}
		if now != nil {
			loaders.ReactionCounts.Prime(ctx, id, now)
		}
		if r.SortKey != 0 {
			done(&p, r)
		}
		return p, nil
	})
}
