package graph

import (
	"context"

	"roost/domain/accounts"
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
	return plannedTweet(ctx, tweetID)
}

// plannedTweet loads a tweet after it has fetched what the selection of the field needs; nil for one that is not visible.
func plannedTweet(ctx context.Context, id int64) (*model.Tweet, error) {
	p, sel := planOf(ctx), selected(ctx)
	p.run(ctx, func(lv *level) { p.tweets(ctx, lv, sel, []int64{id}) })
	t, err := load(ctx, p.set.TweetByID, id)
	return model.TweetOf(t), err
}

type tweetFields struct{ *Resolver }

// Tweet resolves the fields that are not in a tweet's row.
func (r *Resolver) Tweet() generated.TweetResolver { return tweetFields{r} }

func (t tweetFields) Author(ctx context.Context, obj *model.Tweet) (*accounts.User, error) {
	return loadUser(ctx, loaders.From(ctx), obj.AuthorID)
}

func (t tweetFields) URL(_ context.Context, obj *model.Tweet) (string, error) {
	return t.PublicURL + "/tweets/" + obj.ID.String(), nil
}

func (t tweetFields) ViewerCanDelete(ctx context.Context, obj *model.Tweet) (bool, error) {
	return tweets.MayDelete(caller.From(ctx).UserID(), obj.AuthorID), nil
}

func (m mutations) CreateTweet(ctx context.Context, input model.CreateTweetInput) (*model.CreateTweetPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (result, error) { return m.post(ctx, who.UserID(), input.Text) })
	return &model.CreateTweetPayload{Tweet: p.tweet, TimelineEdge: homeEdge(p.tweet), UserErrors: p.userErrors}, err
}

// post posts a tweet. The payload uses the new tweet without reading it again.
func (m mutations) post(ctx context.Context, authorID int64, text string) (result, error) {
	t, err := m.tweets().Post(ctx, authorID, text)
	if err != nil {
		return result{}, err
	}
	loaders.From(ctx).TweetByID.Prime(ctx, int64(t.ID), t)
	return result{tweetID: int64(t.ID)}, nil
}

func (m mutations) DeleteTweet(ctx context.Context, input model.DeleteTweetInput) (*model.DeleteTweetPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (result, error) {
		id, ok := ids.Tweet(input.TweetID)
		if !ok {
			return result{}, tweets.NoSuchTweet()
		}
		return result{deletedTweetID: &input.TweetID}, m.tweets().Delete(ctx, who.UserID(), id)
	})
	return &model.DeleteTweetPayload{DeletedTweetID: p.deletedTweetID, UserErrors: p.userErrors}, err
}
