package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/ids"
)

type mutations struct{ *Resolver }

// Mutation resolves the write operations.
func (r *Resolver) Mutation() generated.MutationResolver { return mutations{r} }

var errNoCookie = errs.New(errs.Invalid, "a cookie cannot be set over a socket; ask for TOKEN", "input", "tokenDelivery")

// deliverable reports whether a key can be given to the caller in the wished way.
func deliverable(who *caller.Caller, how model.TokenDelivery) error {
	if how == model.TokenDeliveryCookie && who.SetCookie == nil {
		return errNoCookie
	}
	return nil
}

// deliver gives the key to the caller and makes the rest of the operation run as the user. The token is
// nil when a cookie carries it.
func deliver(who *caller.Caller, in *accounts.SignedIn, how model.TokenDelivery) *string {
	who.SignIn(in.UserID, in.Session.ID.ID)
	if how == model.TokenDeliveryCookie {
		who.SetCookie(in.Key, cookieEnd(in.Session))
		return nil
	}
	return &in.Key
}

// cookieEnd is when a browser may forget the cookie: the server decides earlier.
func cookieEnd(s *accounts.Session) time.Time { return s.CreatedAt.Add(400 * 24 * time.Hour) }

func deviceOf(who *caller.Caller, in graphql.Omittable[*model.DeviceInput]) accounts.Device {
	d := accounts.Device{UserAgent: who.UserAgent, Address: who.Address}
	if v := in.Value(); v != nil {
		d.Token, d.Name = v.Token.Value(), v.Name.Value()
	}
	return d
}

func (m mutations) SignUp(ctx context.Context, input model.SignUpInput) (*model.SignUpPayload, error) {
	who := caller.From(ctx)
	var in *accounts.SignedIn
	err := deliverable(who, input.TokenDelivery)
	if err == nil {
		in, err = m.accounts().SignUp(ctx, accounts.SignUp{Username: input.Username, Email: input.Email,
			Password: input.Password, Name: input.Name.Value(), Device: deviceOf(who, input.Device)})
	}
	p := &model.SignUpPayload{}
	if p.UserErrors, err = refusals(err); err != nil || in == nil {
		return p, err
	}
	p.Token = deliver(who, in, input.TokenDelivery)
	p.Viewer, p.Session = viewerOf(ctx, in.UserID), in.Session
	return p, nil
}

func (m mutations) LogIn(ctx context.Context, input model.LogInInput) (*model.LogInPayload, error) {
	who := caller.From(ctx)
	var in *accounts.SignedIn
	err := deliverable(who, input.TokenDelivery)
	if err == nil {
		in, err = m.accounts().LogIn(ctx, input.Login, input.Password, deviceOf(who, input.Device))
	}
	p := &model.LogInPayload{}
	if p.UserErrors, err = refusals(err); err != nil || in == nil {
		return p, err
	}
	p.Token = deliver(who, in, input.TokenDelivery)
	p.Viewer, p.Session = viewerOf(ctx, in.UserID), in.Session
	return p, nil
}

// viewerOf gives the viewer of a payload and plans for its fields.
func viewerOf(ctx context.Context, userID int64) *model.Viewer {
	planOf(ctx).payload(ctx, payloadIDs{viewer: userID})
	return &model.Viewer{UserID: userID}
}

func (m mutations) LogOut(ctx context.Context) (*model.LogOutPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.LogOutPayload{}
	p.Session, err = m.accounts().LogOut(ctx, who.UserID(), who.SessionID())
	if p.UserErrors, err = refusals(err); err != nil {
		return nil, err
	}
	signOut(who)
	return p, nil
}

// signOut makes the rest of the operation, and of the browser's life, anonymous.
func signOut(who *caller.Caller) {
	if who.ClearCookie != nil {
		who.ClearCookie()
	}
	who.SignOut()
}

func (m mutations) RevokeSession(ctx context.Context, input model.RevokeSessionInput) (*model.RevokeSessionPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.RevokeSessionPayload{}
	id, ok := ids.Session(input.SessionID)
	if !ok || id.User != who.UserID() {
		err = errs.New(errs.NotFound, "there is no such session", "input", "sessionId")
	} else {
		p.Session, err = m.accounts().Revoke(ctx, who.UserID(), id.ID)
		if err == nil && id.ID == who.SessionID() {
			signOut(who)
		}
	}
	p.UserErrors, err = refusals(err)
	return p, err
}

func (m mutations) RevokeOtherSessions(ctx context.Context) (*model.RevokeOtherSessionsPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.RevokeOtherSessionsPayload{}
	p.Sessions, err = m.accounts().RevokeOthers(ctx, who.UserID(), who.SessionID())
	p.UserErrors, err = refusals(err)
	return p, err
}

func (m mutations) ChangePassword(ctx context.Context, input model.ChangePasswordInput) (*model.ChangePasswordPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.ChangePasswordPayload{}
	err = m.accounts().ChangePassword(ctx, who.UserID(), who.SessionID(), who.Address, input.CurrentPassword, input.NewPassword)
	if err == nil {
		p.Viewer = viewerOf(ctx, who.UserID())
	}
	p.UserErrors, err = refusals(err)
	return p, err
}

func (m mutations) UpdateProfile(ctx context.Context, input model.UpdateProfileInput) (*model.UpdateProfilePayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.UpdateProfilePayload{}
	err = m.accounts().UpdateProfile(ctx, who.UserID(), accounts.ProfileChange{
		Name: clearing(input.Name), Bio: clearing(input.Bio), WebsiteURL: clearing(input.WebsiteURL)})
	if err == nil {
		p.User, err = m.user(ctx, who.UserID())
	}
	p.UserErrors, err = refusals(err)
	return p, err
}

// clearing reads a field of which null clears: left out is nil, null is empty.
func clearing(o graphql.Omittable[*string]) *string {
	if !o.IsSet() {
		return nil
	}
	if v := o.Value(); v != nil {
		return v
	}
	return new(string)
}

func (m mutations) UpdateSettings(ctx context.Context, input model.UpdateSettingsInput) (*model.UpdateSettingsPayload, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	p := &model.UpdateSettingsPayload{}
	err = m.accounts().UpdateSettings(ctx, who.UserID(), accounts.SettingsChange{Username: input.Username.Value(), Email: input.Email.Value(),
		SessionPolicy: input.SessionPolicy.Value(), CurrentPassword: input.CurrentPassword.Value(), Address: who.Address})
	if err == nil {
		p.Viewer = viewerOf(ctx, who.UserID())
	}
	p.UserErrors, err = refusals(err)
	return p, err
}
