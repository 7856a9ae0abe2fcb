package accounts_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/events"
	"roost/internal/errs"
	"roost/testkit/domaintest"
)

const password = "correct horse"

func signUp(t *testing.T, d *domaintest.Domain, name string) *accounts.SignedIn {
	t.Helper()
	in, err := d.Accounts.SignUp(t.Context(), accounts.SignUp{Username: name, Email: name + "@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// Names and addresses belong to one account, whatever their case, until that account takes another.
func TestNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada := signUp(t, d, "Ada")
	_, err := d.Accounts.SignUp(t.Context(), accounts.SignUp{Username: "ADA", Email: "other@example.com", Password: password})
	domaintest.Refused(t, err, errs.Taken, "username")
	_, err = d.Accounts.SignUp(t.Context(), accounts.SignUp{Username: "other", Email: "ADA@example.com", Password: password})
	domaintest.Refused(t, err, errs.Taken, "email")

	d.Emitted()
	renamed := "Lovelace"
	d.Do(t, func(ctx context.Context) error {
		return d.Accounts.UpdateSettings(ctx, ada.UserID, accounts.SettingsChange{Username: &renamed})
	})
	want := []events.Event{events.SettingsUpdated{UserID: ada.UserID, Version: 2,
		OldUsername: "Ada", NewUsername: "Lovelace", OldNameVersion: 2, NewNameVersion: 1}}
	if got := d.Emitted(); !slices.Equal(got, want) {
		t.Errorf("the new name emits %+v, want %+v", got, want)
	}
	signUp(t, d, "aDa2")
	if _, err := d.Accounts.SignUp(t.Context(), accounts.SignUp{Username: "ada", Email: "free@example.com", Password: password}); err != nil {
		t.Errorf("a name that was released: %v", err)
	}
}

// All fields of a sign-up that are not valid are refused at once, by the names that the domain has for them.
func TestRefusedSignUps(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	blank, long := " ", strings.Repeat("x", 300)
	_, err := d.Accounts.SignUp(t.Context(), accounts.SignUp{Username: "a b", Email: "no", Password: "short", Name: &blank,
		Device: accounts.Device{Token: &long}})
	list, ok := err.(errs.List)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, e := range list {
		got = append(got, string(e.Kind)+" "+strings.Join(e.Path, "."))
	}
	want := []string{"INVALID username", "INVALID email", "TOO_SHORT password", "REQUIRED name", "TOO_LONG device.token"}
	if !slices.Equal(got, want) {
		t.Errorf("refused are %q, want %q", got, want)
	}
	if emitted := d.Emitted(); len(emitted) != 0 {
		t.Errorf("a refused sign-up emits %+v", emitted)
	}
}

// A session ends once, for one reason; sessions of others cannot be ended.
func TestSessionsEndOnce(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada, bob := signUp(t, d, "ada"), signUp(t, d, "bob")
	second, err := d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Accounts.Revoke(t.Context(), bob.UserID, second.Session.ID.ID)
	domaintest.Refused(t, err, errs.NotFound, "session")
	d.Emitted()
	for i, end := range []func() (*accounts.Session, error){
		func() (*accounts.Session, error) {
			return d.Accounts.Revoke(t.Context(), ada.UserID, second.Session.ID.ID)
		},
		func() (*accounts.Session, error) {
			return d.Accounts.LogOut(t.Context(), ada.UserID, second.Session.ID.ID)
		},
	} {
		s, err := end()
		if err != nil || s.EndReason == nil || *s.EndReason != accounts.Revoked {
			t.Errorf("ending it for the %dth time returns %+v, %v", i+1, s, err)
		}
	}
	if got := d.Emitted(); len(got) != 1 || got[0].Type() != "SessionEnded" {
		t.Errorf("ending a session twice emits %+v", got)
	}
	live, err := d.Accounts.SessionsOf(t.Context(), ada.UserID, false)
	if err != nil || len(live) != 1 || live[0].ID != ada.Session.ID {
		t.Errorf("live are %+v, %v", live, err)
	}
	all, err := d.Accounts.SessionsOf(t.Context(), ada.UserID, true)
	if err != nil || len(all) != 2 {
		t.Errorf("in all there are %d sessions, %v", len(all), err)
	}
}

// With SINGLE_DEVICE a sign-in ends the sessions of all other devices; a new password those but the one in use.
func TestPolicyAndPasswordEndSessions(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada := signUp(t, d, "ada")
	single := accounts.SingleDevice
	d.Do(t, func(ctx context.Context) error {
		return d.Accounts.UpdateSettings(ctx, ada.UserID, accounts.SettingsChange{SessionPolicy: &single})
	})
	second, err := d.Accounts.LogIn(t.Context(), "ADA@example.com", password, accounts.Device{})
	if err != nil {
		t.Fatal(err)
	}
	reasonOf := func(session *accounts.Session) accounts.EndReason {
		t.Helper()
		rows, err := d.Accounts.StoredSessions(t.Context(), []int64{session.ID.ID})
		if err != nil {
			t.Fatal(err)
		}
		if why := rows[session.ID.ID].At(d.Clock.Now()).EndReason; why != nil {
			return *why
		}
		return ""
	}
	if why := reasonOf(ada.Session); why != accounts.LoggedInElsewhere {
		t.Errorf("the first session ended with %q", why)
	}
	many := accounts.MultiDevice
	d.Do(t, func(ctx context.Context) error {
		return d.Accounts.UpdateSettings(ctx, ada.UserID, accounts.SettingsChange{SessionPolicy: &many})
	})
	third, err := d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{})
	if err != nil {
		t.Fatal(err)
	}
	change := func(current, wish string) error {
		return d.Accounts.ChangePassword(t.Context(), ada.UserID, third.Session.ID.ID, netip.Prefix{}, current, wish)
	}
	domaintest.Refused(t, change("wrong horse", "another horse"), errs.InvalidCredentials, "currentPassword")
	domaintest.Refused(t, change(password, "short"), errs.TooShort, "newPassword")
	d.Do(t, func(context.Context) error { return change(password, "another horse") })
	if a, b := reasonOf(second.Session), reasonOf(third.Session); a != accounts.PasswordChanged || b != "" {
		t.Errorf("the other session ended with %q, the one in use with %q", a, b)
	}
	_, err = d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{})
	domaintest.Refused(t, err, errs.InvalidCredentials, "")
}

// A session that is not used ends after the idle timeout, one that is used after the absolute one.
func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	cfg := accounts.DefaultConfig()
	idle, used := signUp(t, d, "idle"), signUp(t, d, "used")
	read := func(ctx context.Context, _ int64, ids []int64) (map[int64]*accounts.StoredSession, error) {
		return d.Accounts.StoredSessions(ctx, ids)
	}
	check := accounts.NewAuthenticator(read, d.Clock)
	began := d.Clock.Now()
	for d.Clock.Now().Sub(began) < cfg.AbsoluteTimeout-time.Hour {
		if _, err := check.Authenticate(t.Context(), used.Key); err != nil {
			t.Fatalf("a session that is used ended after %s: %v", d.Clock.Now().Sub(began), err)
		}
		d.Do(t, func(ctx context.Context) error { return d.Accounts.Touch(ctx, []int64{used.Session.ID.ID}) })
		d.Clock.Add(cfg.IdleTimeout - time.Hour)
		if _, err := check.Authenticate(t.Context(), idle.Key); (err == nil) != (d.Clock.Now().Sub(began) < cfg.IdleTimeout) {
			t.Errorf("after %s without use: %v", d.Clock.Now().Sub(began), err)
		}
	}
	if _, err := check.Authenticate(t.Context(), used.Key); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("after %s: %v", d.Clock.Now().Sub(began), err)
	}
}
