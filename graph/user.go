package graph

import (
	"context"
	"strings"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/internal/caller"
	"roost/loaders"
)

// User looks the name up, with or without a leading @.
func (q queries) User(ctx context.Context, username string) (*accounts.User, error) {
	id, err := load(ctx, loaders.UserIDByName, withoutAt(username))
	if err != nil || id == 0 {
		return nil, err
	}
	return loadUser(ctx, id)
}

func withoutAt(username string) string { return strings.TrimPrefix(username, "@") }

type users struct{ *Resolver }

// User resolves the fields that are not in a user's row.
func (r *Resolver) User() generated.UserResolver { return users{r} }

func (u users) URL(_ context.Context, obj *accounts.User) (string, error) {
	return u.userURL(obj), nil
}

func (r *Resolver) userURL(u *accounts.User) string { return r.PublicURL + "/@" + u.Username }

func (u users) TweetCount(ctx context.Context, obj *accounts.User) (int32, error) {
	c, err := load(ctx, loaders.UserCounts, int64(obj.ID))
	return c.Tweets, err
}

func (u users) IsViewer(ctx context.Context, obj *accounts.User) (bool, error) {
	return caller.From(ctx).UserID() == int64(obj.ID), nil
}

// loadUser loads the public side of an account; nil for an unknown one.
func loadUser(ctx context.Context, id int64) (*accounts.User, error) {
	a, err := load(ctx, loaders.AccountByID, id)
	return a.Public(), err
}
