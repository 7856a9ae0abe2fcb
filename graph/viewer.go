package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/loaders"
)

type viewers struct{ *Resolver }

// Viewer resolves the private side of a user.
func (r *Resolver) Viewer() generated.ViewerResolver { return viewers{r} }

func (v viewers) User(ctx context.Context, obj *model.Viewer) (*accounts.User, error) {
	return loadUser(ctx, loaders.From(ctx), obj.UserID)
}

func (v viewers) Email(ctx context.Context, obj *model.Viewer) (string, error) {
	a, err := load(ctx, loaders.From(ctx).AccountByID, obj.UserID)
	if err != nil {
		return "", err
	}
	return a.Private.Email, nil
}

func (v viewers) SessionPolicy(ctx context.Context, obj *model.Viewer) (accounts.SessionPolicy, error) {
	a, err := load(ctx, loaders.From(ctx).AccountByID, obj.UserID)
	if err != nil {
		return "", err
	}
	return a.Private.SessionPolicy, nil
}

func (v viewers) HomeTimeline(ctx context.Context, obj *model.Viewer, first *int32, after *string, last *int32, before *string) (*model.HomeTimelineConnection, error) {
	w, err := cursors.Args{First: first, After: after, Last: last, Before: before}.Window(cursors.Home)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error) {
		authors, err := load(ctx, loaders.From(ctx).HomeAuthors, obj.UserID)
		if err != nil {
			return cursors.Page[sqldb.Row]{}, err
		}
		return v.timelines().Home(ctx, authors, w)
	}
	// Of before the first read: what happens while the page is read comes as an event, too.
	position := loaders.From(ctx).Position()
	var page cursors.Page[sqldb.Row]
	if planOf(ctx).readsPage(selected(ctx), "HomeTimelineConnection", w) {
		if page, err = read(ctx, w); err != nil {
			return nil, err
		}
	}
	c, err := timeline(ctx, cursors.Home, "HomeTimelineConnection", w, page, read)
	if err != nil {
		return nil, err
	}
	return &model.HomeTimelineConnection{TimelineConnection: c, EventCursor: eventCursor(position)}, nil
}

func (v viewers) CurrentSession(ctx context.Context, _ *model.Viewer) (*accounts.Session, error) {
	return load(ctx, loaders.From(ctx).SessionByID, caller.From(ctx).SessionID())
}

func (v viewers) Sessions(ctx context.Context, obj *model.Viewer, includeEnded *bool) ([]*accounts.Session, error) {
	return v.accounts().SessionsOf(ctx, obj.UserID, includeEnded != nil && *includeEnded)
}

type sessions struct{ *Resolver }

// Session resolves what a session's row does not hold.
func (r *Resolver) Session() generated.SessionResolver { return sessions{r} }

func (s sessions) IsCurrent(ctx context.Context, obj *accounts.Session) (bool, error) {
	return caller.From(ctx).MadeBy(obj.ID.ID), nil
}
