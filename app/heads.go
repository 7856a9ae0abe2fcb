package app

import (
	"context"

	"roost/internal/ids"
	"roost/loaders"
	"roost/site"
)

// heads implements site.Reader with the questions that the API asks: from cached rows, and with its rules of what is visible. The context
// is that of a caller without a session.
type heads struct{ sources *loaders.Sources }

var _ site.Reader = heads{}

// Profile finds a user by name. A suspended user is not found.
func (h heads) Profile(ctx context.Context, username string) (site.Profile, bool, error) {
	ctx = loaders.With(ctx, loaders.New(ctx, h.sources))
	id, err := loaders.UserIDByName.LoadNow(ctx, username)
	if err != nil || id == 0 {
		return site.Profile{}, false, err
	}
	return profileOf(ctx, id)
}

// Tweet finds a tweet by its global id. A deleted tweet is not found, nor is one of a suspended user.
func (h heads) Tweet(ctx context.Context, id string) (site.Tweet, bool, error) {
	key, ok := ids.Tweet(id)
	if !ok {
		return site.Tweet{}, false, nil
	}
	ctx = loaders.With(ctx, loaders.New(ctx, h.sources))
	t, err := loaders.TweetByID.LoadNow(ctx, key)
	if err != nil || t == nil {
		return site.Tweet{}, false, err
	}
	author, ok, err := profileOf(ctx, t.AuthorID)
	return site.Tweet{ID: t.ID.String(), Text: t.Text, CreatedAt: t.CreatedAt, Author: author}, ok, err
}

func profileOf(ctx context.Context, id int64) (site.Profile, bool, error) {
	a, err := loaders.AccountByID.LoadNow(ctx, id)
	if err != nil || a == nil {
		return site.Profile{}, false, err
	}
	return site.Profile{Username: a.User.Username, Name: a.User.Name, Bio: a.User.Bio}, true, nil
}
