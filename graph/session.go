package graph

import (
	"context"
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/live"
	"roost/loaders"
)

func (v viewers) CurrentSession(ctx context.Context, _ *model.Viewer) (*accounts.Session, error) {
	return load(ctx, loaders.SessionByID, caller.From(ctx).SessionID())
}

func (v viewers) Sessions(ctx context.Context, obj *model.Viewer, includeEnded *bool) ([]*accounts.Session, error) {
	return v.accounts().SessionsOf(ctx, obj.UserID, includeEnded != nil && *includeEnded)
}

type sessions struct{ *Resolver }

// Session resolves the fields that are not in a session's row.
func (r *Resolver) Session() generated.SessionResolver { return sessions{r} }

func (s sessions) IsCurrent(ctx context.Context, obj *accounts.Session) (bool, error) {
	return caller.From(ctx).MadeBy(obj.ID.ID), nil
}

func (m mutations) LogIn(ctx context.Context, input model.LogInInput) (*model.LogInPayload, error) {
	p, err := asAnybody(ctx, func(who *caller.Caller) (model.Payload, error) {
		return signIn(who, input.TokenDelivery, func() (*accounts.SignedIn, error) {
			return m.accounts().LogIn(ctx, input.Login, input.Password, deviceOf(who, input.Device))
		})
	})
	return &model.LogInPayload{Payload: p}, err
}

func (m mutations) LogOut(ctx context.Context) (*model.LogOutPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		s, err := m.accounts().LogOut(ctx, who.UserID(), who.SessionID())
		if err == nil {
			signOut(who)
		}
		return model.Payload{Session: s}, err
	})
	return &model.LogOutPayload{Payload: p}, err
}

func (m mutations) RevokeSession(ctx context.Context, input model.RevokeSessionInput) (*model.RevokeSessionPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) { return m.revoke(ctx, who, input.SessionID) })
	return &model.RevokeSessionPayload{Payload: p}, err
}

// revoke ends a session of the caller. When that is the session in use, the caller is anonymous from then on.
func (m mutations) revoke(ctx context.Context, who *caller.Caller, global string) (model.Payload, error) {
	id, ok := ids.Session(global)
	if !ok || id.User != who.UserID() {
		return model.Payload{}, accounts.NoSuchSession()
	}
	s, err := m.accounts().Revoke(ctx, who.UserID(), id.ID)
	if err == nil && id.ID == who.SessionID() {
		signOut(who)
	}
	return model.Payload{Session: s}, err
}

func (m mutations) RevokeOtherSessions(ctx context.Context) (*model.RevokeOtherSessionsPayload, error) {
	p, err := asUser(ctx, func(who *caller.Caller) (model.Payload, error) {
		ended, err := m.accounts().RevokeOthers(ctx, who.UserID(), who.SessionID())
		return model.Payload{Sessions: ended}, err
	})
	return &model.RevokeOtherSessionsPayload{Payload: p}, err
}

var errNoCookie = errs.New(errs.Invalid, "a cookie cannot be set over a socket; ask for TOKEN", "tokenDelivery")

// signIn makes a session by a domain call and delivers its key to the caller. The rest of the operation runs as the user who
// signed in. The result has no token when a cookie carries the key. Over a socket, which cannot set a cookie,
// TokenDelivery.COOKIE is refused before the call.
func signIn(who *caller.Caller, how model.TokenDelivery, call func() (*accounts.SignedIn, error)) (model.Payload, error) {
	if how == model.TokenDeliveryCookie && who.Cookies == nil {
		return model.Payload{}, errNoCookie
	}
	in, err := call()
	if err != nil {
		return model.Payload{}, err
	}
	out := model.Payload{ViewerID: in.UserID, Session: in.Session}
	who.SignIn(in.UserID, in.Session.ID.ID)
	if how == model.TokenDeliveryCookie {
		who.Cookies.Set(in.Key, cookieEnd(in.Session))
	} else {
		out.Token = &in.Key
	}
	return out, nil
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

// signOut makes the caller anonymous for the rest of the operation, and removes the browser's cookie.
func signOut(who *caller.Caller) {
	if who.Cookies != nil && !who.KeepCookie {
		who.Cookies.Clear()
	}
	who.SignOut()
}

// SessionEnded sends one event when the session in use has ended, and completes.
func (s subscriptions) SessionEnded(ctx context.Context) (<-chan *model.SessionEnded, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	return stream(ctx, "sessionEnded", s.endOf(who.SessionID())), nil
}

// endOf watches a session until its end.
func (s subscriptions) endOf(sessionID int64) pullstream.Source[*model.SessionEnded] {
	end := &sessionEnd{subscriptions: s, id: sessionID, watch: s.Hub.WatchSession(sessionID)}
	return pullstream.Source[*model.SessionEnded]{Next: end.next, End: end.watch.Close}
}

// sessionEnd is the one event of a session's end.
type sessionEnd struct {
	subscriptions
	id    int64
	watch *live.SessionWatch
	sent  bool
}

func (e *sessionEnd) next(ctx context.Context) (*model.SessionEnded, error) {
	if e.sent {
		return nil, io.EOF
	}
	select {
	case <-e.watch.Ended():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.sent = true
	var got map[int64]*accounts.Session
	err := pullstream.Retry(ctx, func() (err error) {
		got, err = e.Sources.Sessions.ByID(ctx, []int64{e.id})
		return err
	})
	if err != nil {
		return nil, err
	}
	if session := got[e.id]; session != nil && session.EndReason != nil {
		return &model.SessionEnded{Session: session, Reason: *session.EndReason}, nil
	}
	return nil, io.EOF
}
