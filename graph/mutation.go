package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/loaders"
)

type mutations struct{ *Resolver }

// Mutation resolves the write operations.
func (r *Resolver) Mutation() generated.MutationResolver { return mutations{r} }

// result is what a mutation has done. It names the objects of the payload, which are loaded afterwards, and holds the values
// that only the mutation itself has.
type result struct {
	userID, viewerID, tweetID int64 // 0 is none

	token, deletedTweetID *string
	session               *accounts.Session
	sessions              []*accounts.Session
}

// payload is a result with its objects. A refused mutation has userErrors and nothing else.
type payload struct {
	result
	user       *accounts.User
	viewer     *model.Viewer
	tweet      *model.Tweet
	userErrors []*model.UserError
}

// asUser runs a mutation of a signed-in caller: it authenticates the caller, makes the domain call, turns its refusals into
// userErrors, and loads the objects of the payload in the batches that the selection asks for. The error is
// UNAUTHENTICATED without a session; any other is a fault, not a refusal.
func asUser(ctx context.Context, do func(who *caller.Caller) (result, error)) (payload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return payload{}, err
	}
	return mutate(ctx, who, do)
}

// asAnybody is asUser for mutations that need no session.
func asAnybody(ctx context.Context, do func(who *caller.Caller) (result, error)) (payload, error) {
	return mutate(ctx, caller.From(ctx), do)
}

func mutate(ctx context.Context, who *caller.Caller, do func(who *caller.Caller) (result, error)) (payload, error) {
	done, err := do(who)
	if err != nil {
		userErrors, err := refusals(inputType(ctx), err)
		return payload{userErrors: userErrors}, err
	}
	planOf(ctx).payload(ctx, done)
	return loadPayload(ctx, done)
}

// loadPayload loads the objects of a payload. Objects that the plan has fetched cost nothing more.
func loadPayload(ctx context.Context, done result) (p payload, err error) {
	p = payload{result: done, userErrors: []*model.UserError{}}
	set := loaders.From(ctx)
	if done.viewerID != 0 {
		p.viewer = &model.Viewer{UserID: done.viewerID}
	}
	if done.userID != 0 {
		if p.user, err = loadUser(ctx, set, done.userID); err != nil {
			return p, err
		}
	}
	if done.tweetID != 0 {
		var t *tweets.Tweet
		if t, err = load(ctx, set.TweetByID, done.tweetID); err != nil {
			return p, err
		}
		p.tweet = model.TweetOf(t)
	}
	return p, nil
}

// payload plans for the fields of a mutation's payload.
func (p plan) payload(ctx context.Context, about result) {
	fields := p.fields(selected(ctx), "MutationPayload")
	p.run(ctx, func(lv *level) {
		for _, f := range fields {
			switch {
			case f.Name == "user" && about.userID != 0:
				p.users(ctx, lv, of(f), []int64{about.userID})
			case f.Name == "viewer" && about.viewerID != 0:
				p.viewer(ctx, lv, of(f), about.viewerID)
			case (f.Name == "tweet" || f.Name == "subject") && about.tweetID != 0:
				p.tweets(ctx, lv, of(f), []int64{about.tweetID})
			case f.Name == "timelineEdge" && about.tweetID != 0:
				p.tweets(ctx, lv, p.under(of(f), "TimelineEdge", "node"), []int64{about.tweetID})
			}
		}
	})
}
