package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/loaders"
)

type tweetFields struct{ *Resolver }

// Tweet resolves what a tweet's row does not hold.
func (r *Resolver) Tweet() generated.TweetResolver { return tweetFields{r} }

func (t tweetFields) Author(ctx context.Context, obj *model.Tweet) (*accounts.User, error) {
	return loadUser(ctx, loaders.From(ctx), obj.AuthorID)
}

func (t tweetFields) URL(_ context.Context, obj *model.Tweet) (string, error) {
	return t.PublicURL + "/tweets/" + obj.ID.String(), nil
}

func (t tweetFields) Reactions(ctx context.Context, obj *model.Tweet) (*reactions.Counts, error) {
	if obj.Counts != nil {
		// It was there when the counts were: a deletion since then must not leave them without a subject.
		loaders.From(ctx).TweetByID.Prime(ctx, int64(obj.ID), obj.Tweet)
		return obj.Counts, nil
	}
	return load(ctx, loaders.From(ctx).ReactionCounts, int64(obj.ID))
}

func (t tweetFields) ViewerCanDelete(ctx context.Context, obj *model.Tweet) (bool, error) {
	return caller.From(ctx).UserID() == obj.AuthorID, nil
}

type summaries struct{ *Resolver }

// ReactionSummary resolves what the counts do not hold.
func (r *Resolver) ReactionSummary() generated.ReactionSummaryResolver { return summaries{r} }

func (s summaries) Subject(ctx context.Context, obj *reactions.Counts) (model.Reactable, error) {
	t, err := load(ctx, loaders.From(ctx).TweetByID, obj.TweetID)
	if err != nil || t == nil {
		return nil, err
	}
	return model.TweetOf(t), nil
}

func (s summaries) ViewerReaction(ctx context.Context, obj *reactions.Counts) (reactions.Kind, error) {
	return load(ctx, loaders.From(ctx).MyReaction, obj.TweetID)
}
