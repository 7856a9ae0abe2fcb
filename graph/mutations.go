package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/tweets"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/loaders"
)

// payloadIDs are the objects of a payload, for its plan; 0 is none.
type payloadIDs struct{ user, viewer, tweet int64 }

// payload plans for the fields of a mutation's payload.
func (p plan) payload(ctx context.Context, about payloadIDs) {
	fields := p.fields(selected(ctx), "MutationPayload")
	p.run(ctx, func(lv *level) {
		for _, f := range fields {
			switch {
			case f.Name == "user" && about.user != 0:
				p.users(ctx, lv, of(f), []int64{about.user})
			case f.Name == "viewer" && about.viewer != 0:
				p.viewer(ctx, lv, of(f), about.viewer)
			case (f.Name == "tweet" || f.Name == "subject") && about.tweet != 0:
				p.tweets(ctx, lv, of(f), []int64{about.tweet})
			case f.Name == "timelineEdge" && about.tweet != 0:
				p.tweets(ctx, lv, p.under(of(f), "TimelineEdge", "node"), []int64{about.tweet})
			}
		}
	})
}

// user gives the user of a payload.
func (m mutations) user(ctx context.Context, id int64) (*accounts.User, error) {
	planOf(ctx).payload(ctx, payloadIDs{user: id})
	return loadUser(ctx, loaders.From(ctx), id)
}

func (m mutations) FollowUser(ctx context.Context, input model.FollowUserInput) (*model.FollowUserPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.FollowUserPayload{}
	p.User, p.Viewer, err = m.follow(ctx, who.UserID(), input.UserID, m.follows().Follow)
	p.UserErrors, err = refusals(err)
	return p, err
}

func (m mutations) UnfollowUser(ctx context.Context, input model.UnfollowUserInput) (*model.UnfollowUserPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.UnfollowUserPayload{}
	p.User, p.Viewer, err = m.follow(ctx, who.UserID(), input.UserID, m.follows().Unfollow)
	p.UserErrors, err = refusals(err)
	return p, err
}

// follow changes a follow and gives both ends of it as they are now.
func (m mutations) follow(ctx context.Context, viewerID int64, global string,
	change func(ctx context.Context, followerID, followeeID int64) error) (*accounts.User, *model.Viewer, error) {
	userID, ok := ids.User(global)
	if !ok {
		return nil, nil, errs.New(errs.NotFound, "there is no such user", "input", "userId")
	}
	if err := change(ctx, viewerID, userID); err != nil {
		return nil, nil, err
	}
	planOf(ctx).payload(ctx, payloadIDs{user: userID, viewer: viewerID})
	u, err := loadUser(ctx, loaders.From(ctx), userID)
	return u, &model.Viewer{UserID: viewerID}, err
}

func (m mutations) CreateTweet(ctx context.Context, input model.CreateTweetInput) (*model.CreateTweetPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.CreateTweetPayload{}
	var t *tweets.Tweet
	if t, err = m.tweets().Post(ctx, who.UserID(), input.Text); err == nil {
		set := loaders.From(ctx)
		set.TweetByID.Prime(ctx, int64(t.ID), t)
		planOf(ctx).payload(ctx, payloadIDs{tweet: int64(t.ID)})
		p.Tweet = model.TweetOf(t)
		p.TimelineEdge = homeEdge(p.Tweet)
	}
	p.UserErrors, err = refusals(err)
	return p, err
}

// homeEdge is a tweet's entry in a home timeline.
func homeEdge(t *model.Tweet) *model.TimelineEdge {
	return &model.TimelineEdge{Cursor: cursors.Encode(cursors.Home, int64(t.ID)), Node: t}
}

func (m mutations) DeleteTweet(ctx context.Context, input model.DeleteTweetInput) (*model.DeleteTweetPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.DeleteTweetPayload{}
	id, ok := ids.Tweet(input.TweetID)
	if !ok {
		err = errs.New(errs.NotFound, "there is no such tweet", "input", "tweetId")
	} else if err = m.tweets().Delete(ctx, who.UserID(), id); err == nil {
		p.DeletedTweetID = &input.TweetID
	}
	p.UserErrors, err = refusals(err)
	return p, err
}

func (m mutations) SetReaction(ctx context.Context, input model.SetReactionInput) (*model.SetReactionPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.SetReactionPayload{}
	id, ok := ids.Tweet(input.SubjectID)
	if !ok {
		err = errs.New(errs.NotFound, "there is no such subject", "input", "subjectId")
	} else if now, e := m.reactions().Set(ctx, who.UserID(), id, input.Reaction); e != nil {
		err = e
	} else {
		if now != nil { // what was just written need not be read
			set := loaders.From(ctx)
			set.ReactionCounts.Prime(ctx, id, now)
			set.MyReaction.Prime(ctx, id, input.Reaction)
		}
		planOf(ctx).payload(ctx, payloadIDs{tweet: id})
		var t *tweets.Tweet
		if t, err = load(ctx, loaders.From(ctx).TweetByID, id); err == nil && t != nil {
			p.Subject = model.TweetOf(t)
		}
	}
	p.UserErrors, err = refusals(err)
	return p, err
}
