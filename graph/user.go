package graph

import (
	"context"
	"strings"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/internal/caller"
	"roost/loaders"
)

// User looks the name up, with or without a leading @, then fetches the rows that the selection needs.
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

type users struct{ *Resolver }

// User resolves the fields that are not in a user's row.
func (r *Resolver) User() generated.UserResolver { return users{r} }

func (u users) URL(_ context.Context, obj *accounts.User) (string, error) {
	return u.PublicURL + "/@" + obj.Username, nil
}

func (u users) TweetCount(ctx context.Context, obj *accounts.User) (int32, error) {
	c, err := load(ctx, loaders.From(ctx).UserCounts, int64(obj.ID))
	return c.Tweets, err
}

func (u users) IsViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return caller.From(ctx).UserID() == int64(obj.ID), nil
}

// loadUser loads the public side of an account; nil for an unknown one.
func loadUser(ctx context.Context, set *loaders.Set, id int64) (*accounts.User, error) {
	a, err := load(ctx, set.AccountByID, id)
	return a.Public(), err
}
