package accounts_test

import (
	"context"
	"strings"
	"testing"

	"roost/domain/accounts"
	"roost/events"
	"roost/internal/errs"
	"roost/testkit/domaintest"
)

// A reset sets a new password each time, by whatever spelling of the name, ends all of the user's sessions and nobody else's,
// and writes an event for each.
func TestResetPassword(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada, bob := signUp(t, d, "Ada"), signUp(t, d, "bob")
	if _, err := d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{}); err != nil {
		t.Fatal(err)
	}
	d.Emitted()
	reset, err := d.Accounts.ResetPassword(t.Context(), "@aDA")
	if err != nil {
		t.Fatal(err)
	}
	if reset.Username != "Ada" || len(reset.Password) != 26 || reset.Ended != 2 {
		t.Errorf("the reset returns %+v", reset)
	}
	var got []string
	for _, e := range d.Emitted() {
		if end, ok := e.(events.SessionEnded); ok && (end.UserID != ada.UserID || end.Reason != "PASSWORD_CHANGED") {
			t.Errorf("a session has ended so: %+v", end)
		}
		got = append(got, e.Type())
	}
	if all := strings.Join(got, " "); all != "PasswordChanged SessionEnded SessionEnded" {
		t.Errorf("the reset emits %s", all)
	}
	for user, want := range map[int64]int{ada.UserID: 0, bob.UserID: 1} {
		if live, err := d.Accounts.SessionsOf(t.Context(), user, false); err != nil || len(live) != want {
			t.Errorf("user %d has %d live sessions, want %d; %v", user, len(live), want, err)
		}
	}
	_, err = d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{})
	domaintest.Refused(t, err, errs.InvalidCredentials, "")
	if _, err := d.Accounts.LogIn(t.Context(), "ada", reset.Password, accounts.Device{}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	again, err := d.Accounts.ResetPassword(t.Context(), "Ada")
	if err != nil || again.Password == reset.Password || again.Ended != 1 {
		t.Errorf("the second reset returns %+v after %+v, %v", again, reset, err)
	}
}

// Names that nobody has any more, never had or cannot have are refused, and nothing is written.
func TestResetPasswordOfNobody(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada, renamed := signUp(t, d, "ada"), "lovelace"
	d.Do(t, func(ctx context.Context) error {
		return d.Accounts.UpdateSettings(ctx, ada.UserID, accounts.SettingsChange{Username: &renamed})
	})
	d.Emitted()
	for _, name := range []string{"ada", "nobody", "", "@", "ada@example.com", "a b"} {
		_, err := d.Accounts.ResetPassword(t.Context(), name)
		domaintest.Refused(t, err, errs.NotFound, "username")
	}
	if got := d.Emitted(); len(got) != 0 {
		t.Errorf("the refusals emit %+v", got)
	}
}

// A suspension ends all sessions, and keeps the user from signing in. The answer says so only if the password is right; with a wrong one
// it is that for unknown users. A restored user signs in with the password of before.
func TestSuspendedUsersDoNotSignIn(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada := signUp(t, d, "ada")
	signUp(t, d, "bob")
	d.Emitted()
	s, err := d.Accounts.Suspend(t.Context(), "@ADA")
	if err != nil || s != (accounts.Suspension{Username: "ada", Changed: true, Ended: 1}) {
		t.Fatalf("the suspension returns %+v, %v", s, err)
	}
	emitted := d.Emitted()
	if len(emitted) != 2 || emitted[0] != (events.UserSuspended{UserID: ada.UserID, Version: 2}) ||
		emitted[1].(events.SessionEnded).Reason != "ACCOUNT_CLOSED" {
		t.Errorf("the suspension emits %+v", emitted)
	}
	for _, login := range []string{"ada", "ada@example.com"} {
		_, err := d.Accounts.LogIn(t.Context(), login, password, accounts.Device{})
		domaintest.Refused(t, err, errs.NotAllowed, "")
		_, wrong := d.Accounts.LogIn(t.Context(), login, "wrong horse", accounts.Device{})
		_, unknown := d.Accounts.LogIn(t.Context(), "no"+login, "wrong horse", accounts.Device{})
		domaintest.Refused(t, wrong, errs.InvalidCredentials, "")
		if wrong.Error() != unknown.Error() {
			t.Errorf("a wrong password is answered with %v, an unknown user with %v", wrong, unknown)
		}
	}
	if _, err := d.Accounts.LogIn(t.Context(), "bob", password, accounts.Device{}); err != nil {
		t.Errorf("another user: %v", err)
	}
	_, err = d.Accounts.Suspend(t.Context(), "nobody")
	domaintest.Refused(t, err, errs.NotFound, "username")
	d.Emitted()
	if s, err := d.Accounts.Restore(t.Context(), "ada"); err != nil || !s.Changed {
		t.Fatalf("the restoration returns %+v, %v", s, err)
	}
	if got := d.Emitted(); len(got) != 1 || got[0] != (events.UserRestored{UserID: ada.UserID, Version: 3}) {
		t.Errorf("the restoration emits %+v", got)
	}
	if _, err := d.Accounts.LogIn(t.Context(), "ada", password, accounts.Device{}); err != nil {
		t.Errorf("after the restoration: %v", err)
	}
}
