package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/loaders"
)

// Viewer returns nil without a session.
func (q queries) Viewer(ctx context.Context) (*model.Viewer, error) {
	id := caller.From(ctx).UserID()
	if id == 0 {
		return nil, nil
	}
	return &model.Viewer{UserID: id}, nil
}

type viewers struct{ *Resolver }

// Viewer resolves the private side of the signed-in user.
func (r *Resolver) Viewer() generated.ViewerResolver { return viewers{r} }

func (v viewers) User(ctx context.Context, obj *model.Viewer) (*accounts.User, error) {
	return loadUser(ctx, obj.UserID)
}

func (v viewers) Email(ctx context.Context, obj *model.Viewer) (string, error) {
	a, err := load(ctx, loaders.AccountByID, obj.UserID)
	if err != nil {
		return "", err
	}
	return a.Private.Email, nil
}

func (v viewers) SessionPolicy(ctx context.Context, obj *model.Viewer) (accounts.SessionPolicy, error) {
	a, err := load(ctx, loaders.AccountByID, obj.UserID)
	if err != nil {
		return "", err
	}
	return a.Private.SessionPolicy, nil
}

// SignUp creates an account and signs the caller in.
func (m mutations) SignUp(ctx context.Context, input model.SignUpInput) (*model.SignUpPayload, error) {
	p, err := asAnybody(ctx, func(who *caller.Caller) (model.Payload, error) {
		return signIn(who, input.TokenDelivery, func() (*accounts.SignedIn, error) {
			return m.accounts().SignUp(ctx, accounts.SignUp{Username: input.Username, Email: input.Email,
				Password: input.Password, Name: input.Name.Value(), Device: deviceOf(who, input.Device)})
		})
	})
	return &model.SignUpPayload{Payload: p}, err
}

func (m mutations) ChangePassword(ctx context.Context, input model.ChangePasswordInput) (*model.ChangePasswordPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		return model.Payload{ViewerID: who.UserID()}, m.accounts().ChangePassword(ctx, who.UserID(), who.SessionID(), who.Address,
			input.CurrentPassword, input.NewPassword)
	})
	return &model.ChangePasswordPayload{Payload: p}, err
}

func (m mutations) UpdateProfile(ctx context.Context, input model.UpdateProfileInput) (*model.UpdateProfilePayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		return model.Payload{UserID: who.UserID()}, m.accounts().UpdateProfile(ctx, who.UserID(), accounts.ProfileChange{
			Name: clearing(input.Name), Bio: clearing(input.Bio), WebsiteURL: clearing(input.WebsiteURL)})
	})
	return &model.UpdateProfilePayload{Payload: p}, err
}

func (m mutations) UpdateSettings(ctx context.Context, input model.UpdateSettingsInput) (*model.UpdateSettingsPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		return model.Payload{ViewerID: who.UserID()}, m.accounts().UpdateSettings(ctx, who.UserID(), accounts.SettingsChange{
			Username: input.Username.Value(), Email: input.Email.Value(), SessionPolicy: input.SessionPolicy.Value(),
			CurrentPassword: input.CurrentPassword.Value(), Address: who.Address})
	})
	return &model.UpdateSettingsPayload{Payload: p}, err
}

// clearing reads an input field that null clears. It returns nil if the field was left out, and an empty text for null.
func clearing(o graphql.Omittable[*string]) *string {
	if !o.IsSet() {
		return nil
	}
	if v := o.Value(); v != nil {
		return v
	}
	return new(string)
}
