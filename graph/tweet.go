package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/ids"
	"roost/loaders"
)

// Tweet returns nil for an id of anything else.
func (q queries) Tweet(ctx context.Context, id string) (*model.Tweet, error) {
	tweetID, ok := ids.Tweet(id)
	if !ok {
		return nil, nil
	}
	return loadTweet(ctx, tweetID)
}

// loadTweet loads a tweet; nil for one that is not visible.
func loadTweet(ctx context.Context, id int64) (*model.Tweet, error) {
	t, err := load(ctx, loaders.TweetByID, id)
	return model.TweetOf(t), err
}

type tweetFields struct{ *Resolver }

// Tweet resolves the fields that are not in a tweet's row.
func (r *Resolver) Tweet() generated.TweetResolver { return tweetFields{r} }

func (t tweetFields) Author(ctx context.Context, obj *model.Tweet) (*accounts.User, error) {
	return loadUser(ctx, obj.AuthorID)
}

func (t tweetFields) URL(_ context.Context, obj *model.Tweet) (string, error) {
	return t.tweetURL(obj.ID), nil
}

func (r *Resolver) tweetURL(id ids.TweetID) string { return r.PublicURL + "/tweets/" + id.String() }

func (t tweetFields) ViewerCanDelete(ctx context.Context, obj *model.Tweet) (bool, error) {
	return tweets.MayDelete(caller.From(ctx).UserID(), obj.AuthorID), nil
}

func (m mutations) CreateTweet(ctx context.Context, input model.CreateTweetInput) (*model.CreateTweetPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) { return m.post(ctx, who.UserID(), input) })
	return &model.CreateTweetPayload{Payload: p}, err
}

// post posts a tweet, or returns the one that an earlier request with the same idempotency key has posted. The payload uses a new tweet
// without reading it again; an earlier one may have been deleted.
func (m mutations) post(ctx context.Context, authorID int64, input model.CreateTweetInput) (model.Payload, error) {
	d := tweets.Draft{Text: input.Text}
	if global, ok := input.InReplyToID.ValueOK(); ok && global != nil {
		if d.InReplyTo, ok = ids.Tweet(*global); !ok {
			return model.Payload{}, tweets.NoSuchParent()
		}
	}
	var id int64
	var made *tweets.Tweet
	var err error
	if key := idempotencyKey(ctx); key != "" {
		id, made, err = m.tweets().PostOnce(ctx, authorID, key, d)
	} else if made, err = m.tweets().PostDraft(ctx, authorID, d); err == nil {
		id = int64(made.ID)
	}
	if err != nil {
		return model.Payload{}, err
	}
	if made != nil {
		loaders.TweetByID.Prime(ctx, id, made)
	}
	p := model.Payload{TweetID: id}
	if d.InReplyTo != 0 {
		p.NotInHome, err = notInHome(ctx, authorID, id)
	}
	return p, err
}

// notInHome reports whether its author's home timeline lacks a reply.
func notInHome(ctx context.Context, authorID, replyID int64) (bool, error) {
	t, err := load(ctx, loaders.TweetByID, replyID)
	if t == nil || err != nil {
		return false, err
	}
	ends := timelines.Ends{AuthorID: t.AuthorID, ParentAuthorID: t.ParentAuthorID}
	if ends.In(func(userID int64) bool { return userID == authorID }) {
		return false, nil
	}
	follows, err := load(ctx, loaders.FollowedByMe, t.ParentAuthorID)
	return !ends.In(func(userID int64) bool { return timelines.NewRelation(authorID, userID, follows).InHome() }), err
}

func (m mutations) DeleteTweet(ctx context.Context, input model.DeleteTweetInput) (*model.DeleteTweetPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		id, ok := ids.Tweet(input.TweetID)
		if !ok {
			return model.Payload{}, tweets.NoSuchTweet()
		}
		return model.Payload{DeletedTweetID: &input.TweetID}, m.tweets().Delete(ctx, who.UserID(), id)
	})
	return &model.DeleteTweetPayload{Payload: p}, err
}
