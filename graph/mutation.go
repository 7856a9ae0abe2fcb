package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
)

type mutations struct{ *Resolver }

// Mutation resolves the write operations.
func (r *Resolver) Mutation() generated.MutationResolver { return mutations{r} }

// asUser runs a mutation of a signed-in caller: it authenticates the caller, makes the domain call, and turns its refusals into
// userErrors. The objects of the payload are read afterwards, when its fields are resolved. The error is UNAUTHENTICATED without a
// session; any other is a fault, not a refusal.
func asUser(ctx context.Context, do func(who *caller.Caller) (model.Payload, error)) (model.Payload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return model.Payload{}, err
	}
	return mutate(ctx, who, do)
}

// asAnybody is asUser for mutations that need no session.
func asAnybody(ctx context.Context, do func(who *caller.Caller) (model.Payload, error)) (model.Payload, error) {
	return mutate(ctx, caller.From(ctx), do)
}

func mutate(ctx context.Context, who *caller.Caller, do func(who *caller.Caller) (model.Payload, error)) (model.Payload, error) {
	done, err := do(who)
	if err != nil {
		userErrors, err := refusals(inputType(ctx), err)
		return model.Payload{UserErrors: userErrors}, err
	}
	done.UserErrors = []*model.UserError{}
	return done, nil
}

// The objects of payloads.

type (
	updateProfilePayloads struct{ *Resolver }
	followUserPayloads    struct{ *Resolver }
	unfollowUserPayloads  struct{ *Resolver }
	createTweetPayloads   struct{ *Resolver }
	retweetPayloads       struct{ *Resolver }
	unretweetPayloads     struct{ *Resolver }
	setReactionPayloads   struct{ *Resolver }
)

// UpdateProfilePayload resolves the changed profile.
func (r *Resolver) UpdateProfilePayload() generated.UpdateProfilePayloadResolver {
	return updateProfilePayloads{r}
}

// FollowUserPayload resolves the user who was followed.
func (r *Resolver) FollowUserPayload() generated.FollowUserPayloadResolver {
	return followUserPayloads{r}
}

// UnfollowUserPayload resolves the user who is no longer followed.
func (r *Resolver) UnfollowUserPayload() generated.UnfollowUserPayloadResolver {
	return unfollowUserPayloads{r}
}

// CreateTweetPayload resolves the new tweet.
func (r *Resolver) CreateTweetPayload() generated.CreateTweetPayloadResolver {
	return createTweetPayloads{r}
}

// RetweetPayload resolves the retweet and its tweet.
func (r *Resolver) RetweetPayload() generated.RetweetPayloadResolver { return retweetPayloads{r} }

// UnretweetPayload resolves the tweet that is no longer retweeted.
func (r *Resolver) UnretweetPayload() generated.UnretweetPayloadResolver {
	return unretweetPayloads{r}
}

// SetReactionPayload resolves the subject of the reaction.
func (r *Resolver) SetReactionPayload() generated.SetReactionPayloadResolver {
	return setReactionPayloads{r}
}

func (updateProfilePayloads) User(ctx context.Context, obj *model.UpdateProfilePayload) (*accounts.User, error) {
	return payloadUser(ctx, obj.Payload)
}

func (followUserPayloads) User(ctx context.Context, obj *model.FollowUserPayload) (*accounts.User, error) {
	return payloadUser(ctx, obj.Payload)
}

func (unfollowUserPayloads) User(ctx context.Context, obj *model.UnfollowUserPayload) (*accounts.User, error) {
	return payloadUser(ctx, obj.Payload)
}

func (createTweetPayloads) Tweet(ctx context.Context, obj *model.CreateTweetPayload) (*model.Tweet, error) {
	return payloadTweet(ctx, obj.Payload)
}

func (createTweetPayloads) TimelineEdge(ctx context.Context, obj *model.CreateTweetPayload) (*model.TimelineEdge, error) {
	if obj.NotInHome {
		return nil, nil
	}
	t, err := payloadTweet(ctx, obj.Payload)
	return homeEdge(t), err
}

func (retweetPayloads) Tweet(ctx context.Context, obj *model.RetweetPayload) (*model.Tweet, error) {
	return payloadTweet(ctx, obj.Payload)
}

// Retweet returns nil if the tweet was deleted meanwhile.
func (retweetPayloads) Retweet(ctx context.Context, obj *model.RetweetPayload) (*model.Retweet, error) {
	t, err := payloadTweet(ctx, obj.Payload)
	if t == nil {
		return nil, err
	}
	return obj.Retweet, nil
}

func (unretweetPayloads) Tweet(ctx context.Context, obj *model.UnretweetPayload) (*model.Tweet, error) {
	return payloadTweet(ctx, obj.Payload)
}

func (setReactionPayloads) Subject(ctx context.Context, obj *model.SetReactionPayload) (model.Reactable, error) {
	t, err := payloadTweet(ctx, obj.Payload)
	return reactable(t), err
}

func payloadUser(ctx context.Context, p model.Payload) (*accounts.User, error) {
	if p.UserID == 0 {
		return nil, nil
	}
	return loadUser(ctx, p.UserID)
}

func payloadTweet(ctx context.Context, p model.Payload) (*model.Tweet, error) {
	if p.TweetID == 0 {
		return nil, nil
	}
	return loadTweet(ctx, p.TweetID)
}
