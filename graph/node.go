package graph

import (
	"context"

	"roost/domain/retweets"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/ids"
	"roost/loaders"
)

func (q queries) Node(ctx context.Context, id string) (model.Node, error) {
	all, err := loadNodes(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (q queries) Nodes(ctx context.Context, globals []string) ([]model.Node, error) {
	if err := batch(globals); err != nil {
		return nil, err
	}
	return loadNodes(ctx, globals)
}

// loadNodes loads objects in the order of their ids, nil for those that the viewer may not see.
func loadNodes(ctx context.Context, globals []string) ([]model.Node, error) {
	who := caller.From(ctx)
	var users, tweets, sessions, hashtags []int64
	var passedOn []retweets.Retweet
	for _, g := range globals {
		kind, parts, ok := ids.Decode(g)
		switch {
		case !ok:
		case kind == ids.KindUser:
			users = append(users, parts[0])
		case kind == ids.KindTweet:
			tweets = append(tweets, parts[0])
		case kind == ids.KindHashtag:
			hashtags = append(hashtags, parts[0])
		case kind == ids.KindRetweet:
			r, _ := retweetNamed(g)
			tweets, passedOn = append(tweets, r.TweetID), append(passedOn, r)
		case kind == ids.KindSession && parts[0] == who.UserID():
			sessions = append(sessions, parts[1])
		}
	}
	set := loaders.From(ctx)
	loaders.AccountByID.Prefetch(ctx, set, users)
	loaders.TweetByID.Prefetch(ctx, set, tweets)
	loaders.HashtagByID.Prefetch(ctx, set, hashtags)
	loaders.RetweetByID.Prefetch(ctx, set, passedOn)
	loaders.SessionByID.Prefetch(ctx, set, sessions)
	out := make([]model.Node, len(globals))
	for i, g := range globals {
		var err error
		if out[i], err = loadNode(ctx, who, g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// loadNode loads one object. It returns a nil interface, never one that contains a nil pointer.
func loadNode(ctx context.Context, who *caller.Caller, global string) (model.Node, error) {
	kind, parts, ok := ids.Decode(global)
	if !ok {
		return nil, nil
	}
	switch kind {
	case ids.KindUser:
		if u, err := loadUser(ctx, parts[0]); err != nil || u != nil {
			return u, err
		}
	case ids.KindTweet:
		if t, err := loadTweet(ctx, parts[0]); err != nil || t != nil {
			return t, err
		}
	case ids.KindHashtag:
		if h, err := loadHashtag(ctx, parts[0]); err != nil || h != nil {
			return h, err
		}
	case ids.KindRetweet:
		if r, err := loadRetweet(ctx, global); err != nil || r != nil {
			return r, err
		}
	case ids.KindSession:
		if parts[0] != who.UserID() {
			return nil, nil
		}
		s, err := load(ctx, loaders.SessionByID, parts[1])
		if err != nil || (s != nil && s.ID.User == who.UserID()) {
			return s, err
		}
	}
	return nil, nil
}
