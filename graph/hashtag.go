package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/entities"
	"roost/loaders"
)

// Hashtag looks the name up, with or without a leading sign.
func (q queries) Hashtag(ctx context.Context, name string) (*model.Hashtag, error) {
	id, ok := tweets.HashtagNamed(name)
	if !ok {
		return nil, nil
	}
	return loadHashtag(ctx, id)
}

// loadHashtag loads a hashtag; nil for one that no visible tweet has.
func loadHashtag(ctx context.Context, id int64) (*model.Hashtag, error) {
	h, err := load(ctx, loaders.HashtagByID, id)
	if err != nil || h.Name == "" {
		return nil, err
	}
	return model.HashtagOf(h.Hashtag), nil
}

type hashtagFields struct{ *Resolver }

// Hashtag resolves the fields of a hashtag.
func (r *Resolver) Hashtag() generated.HashtagResolver { return hashtagFields{r} }

func (hashtagFields) Name(ctx context.Context, obj *model.Hashtag) (string, error) {
	return load(ctx, loaders.HashtagName, tweets.Hashtag{ID: int64(obj.ID), Name: obj.Spelled})
}

func (hashtagFields) Tweets(_ context.Context, obj *model.Hashtag, first *int32, after *string) (*model.TweetConnection, error) {
	c, err := connectionOf(cursors.Hashtag, int64(obj.ID), cursors.Args{First: first, After: after})
	return &model.TweetConnection{Connection: c}, err
}

func (t tweetFields) Entities(_ context.Context, obj *model.Tweet) ([]model.TextEntity, error) {
	return entitiesOf(obj.Text), nil
}

func entitiesOf(text string) []model.TextEntity {
	found := entities.Find(text)
	out := make([]model.TextEntity, len(found))
	for i, e := range found {
		out[i] = model.EntityOf(e)
	}
	return out
}

type mentionFields struct{ *Resolver }

// MentionEntity resolves the user of a mention.
func (r *Resolver) MentionEntity() generated.MentionEntityResolver { return mentionFields{r} }

func (mentionFields) User(ctx context.Context, obj *model.MentionEntity) (*accounts.User, error) {
	id, err := load(ctx, loaders.UserIDByName, obj.Username)
	if err != nil || id == 0 {
		return nil, err
	}
	return loadUser(ctx, id)
}
