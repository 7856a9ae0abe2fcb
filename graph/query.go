package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/ids"
	"roost/loaders"
)

type queries struct{ *Resolver }

// Query resolves the read operations.
func (r *Resolver) Query() generated.QueryResolver { return queries{r} }

// inList reports whether the field that is being resolved belongs to an item of a list.
func inList(ctx context.Context) bool {
	for fc := graphql.GetFieldContext(ctx); fc != nil; fc = fc.Parent {
		if fc.Index != nil {
			return true
		}
	}
	return false
}

func (q queries) Node(ctx context.Context, id string) (model.Node, error) {
	all, err := q.nodes(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (q queries) Nodes(ctx context.Context, globals []string) ([]model.Node, error) {
	if err := batch(globals); err != nil {
		return nil, err
	}
	return q.nodes(ctx, globals)
}

// nodes gives objects in the order of their ids, nil for those that the viewer may not see.
func (q queries) nodes(ctx context.Context, globals []string) ([]model.Node, error) {
	who := caller.From(ctx)
	var users, tweetIDs, sessions []int64
	for _, g := range globals {
		kind, parts, ok := ids.Decode(g)
		switch {
		case !ok:
		case kind == ids.KindUser:
			users = append(users, parts[0])
		case kind == ids.KindTweet:
			tweetIDs = append(tweetIDs, parts[0])
		case kind == ids.KindSession && parts[0] == who.UserID():
			sessions = append(sessions, parts[1])
		}
	}
	p, sel := planOf(ctx), selected(ctx)
	p.run(ctx, func(lv *level) {
		p.users(ctx, lv, sel, users)
		p.tweets(ctx, lv, sel, tweetIDs)
		p.set.SessionByID.Want(lv.rows, sessions)
	})
	out := make([]model.Node, len(globals))
	for i, g := range globals {
		var err error
		if out[i], err = node(ctx, p.set, who, g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// node gives one object; a nil pointer never hides in the interface.
func node(ctx context.Context, set *loaders.Set, who *caller.Caller, global string) (model.Node, error) {
	kind, parts, ok := ids.Decode(global)
	if !ok {
		return nil, nil
	}
	switch kind {
	case ids.KindUser:
		if u, err := loadUser(ctx, set, parts[0]); err != nil || u != nil {
			return u, err
		}
	case ids.KindTweet:
		if t, err := load(ctx, set.TweetByID, parts[0]); err != nil || t != nil {
			return model.TweetOf(t), err
		}
	case ids.KindSession:
		if parts[0] != who.UserID() {
			return nil, nil
		}
		s, err := load(ctx, set.SessionByID, parts[1])
		if err != nil || (s != nil && s.ID.User == who.UserID()) {
			return s, err
		}
	}
	return nil, nil
}

func (q queries) Viewer(ctx context.Context) (*model.Viewer, error) {
	id := caller.From(ctx).UserID()
	if id == 0 {
		return nil, nil
	}
	p, sel := planOf(ctx), selected(ctx)
	p.run(ctx, func(lv *level) { p.viewer(ctx, lv, sel, id) })
	return &model.Viewer{UserID: id}, nil
}

func (q queries) User(ctx context.Context, username string) (*accounts.User, error) {
	set := loaders.From(ctx)
	id, err := load(ctx, set.UserIDByName, strings.TrimPrefix(username, "@"))
	if err != nil || id == 0 {
		return nil, err
	}
	p, sel := planOf(ctx), selected(ctx)
	p.run(ctx, func(lv *level) { p.users(ctx, lv, sel, []int64{id}) })
	return loadUser(ctx, set, id)
}

func (q queries) Tweet(ctx context.Context, id string) (*model.Tweet, error) {
	tweetID, ok := ids.Tweet(id)
	if !ok {
		return nil, nil
	}
	p, sel := planOf(ctx), selected(ctx)
	p.run(ctx, func(lv *level) { p.tweets(ctx, lv, sel, []int64{tweetID}) })
	t, err := load(ctx, loaders.From(ctx).TweetByID, tweetID)
	return model.TweetOf(t), err
}

func (q queries) ReactionSummaries(ctx context.Context, subjectIDs []string) ([]*reactions.Counts, error) {
	if err := batch(subjectIDs); err != nil {
		return nil, err
	}
	tweetIDs := make([]int64, len(subjectIDs))
	var known []int64
	for i, g := range subjectIDs {
		if id, ok := ids.Tweet(g); ok {
			tweetIDs[i] = id
			known = append(known, id)
		}
	}
	p := planOf(ctx)
	p.run(ctx, func(lv *level) {
		p.set.TweetByID.Want(lv.rows, known)
		p.summaries(ctx, lv, selected(ctx), known)
	})
	out := make([]*reactions.Counts, len(tweetIDs))
	for i, id := range tweetIDs {
		if id == 0 {
			continue
		}
		t, err := p.set.TweetByID.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		if out[i], err = p.set.ReactionCounts.Load(ctx, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (q queries) Limits(context.Context) (*model.Limits, error) {
	return &model.Limits{
		TweetLength: tweets.MaxLength, PageSize: pageSize, BatchSize: BatchSize,
		UsernameLength: accounts.MaxUsername, NameLength: accounts.MaxName, BioLength: accounts.MaxBio,
		PasswordMinLength: accounts.MinPassword, DocumentBytes: int32(q.DocumentBytes),
	}, nil
}
