package accounts

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// signedIn is a sign-in on a device; empty strings are left out.
func signedIn(t testing.TB, r *apitest.Roost, u *apitest.User, token, name string) *apitest.User {
	t.Helper()
	device := apitest.Vars{}
	for k, v := range map[string]string{"token": token, "name": name} {
		if v != "" {
			device[k] = v
		}
	}
	res := r.Anonymous().Must(t,
		`mutation($i: LogInInput!) { logIn(input: $i) { token session { id deviceName isCurrent } userErrors { code path } } }`,
		apitest.Vars{"i": apitest.Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN", "device": device}})
	if res.String("logIn.token") == "" || res.Get("logIn.session.isCurrent") != true {
		t.Fatalf("log in: %s", res.Data)
	}
	return &apitest.User{Client: r.As(res.String("logIn.token")), ID: u.ID, SessionID: res.String("logIn.session.id"), Name: u.Name,
		Password: u.Password}
}

// works reports whether the user's session key is good.
func works(t testing.TB, u *apitest.User) bool {
	t.Helper()
	res := u.Run(t, `{ viewer { currentSession { id isCurrent } } }`, nil)
	if len(res.Errors) > 0 {
		if code := res.Errors[0].Code(); code != "UNAUTHENTICATED" || res.Status != 401 {
			t.Fatalf("status %d, %s", res.Status, res.Body)
		}
		return false
	}
	if res.String("viewer.currentSession.id") != u.SessionID || res.Get("viewer.currentSession.isCurrent") != true {
		t.Fatalf("the key of %s gives %s", u.SessionID, res.Data)
	}
	return true
}

// listed are the reasons why the user's sessions ended, "live" for those that did not, by id.
func listed(t testing.TB, u *apitest.User) map[string]string {
	t.Helper()
	res := u.Must(t, `{ viewer { live: sessions { id } all: sessions(includeEnded: true) { id endedAt endReason } } }`, nil)
	out := map[string]string{}
	for i, id := range res.Strings("viewer.all", "id") {
		if out[id] = res.String(fmt.Sprintf("viewer.all.%d.endReason", i)); out[id] == "" {
			out[id] = "live"
		}
		if (out[id] == "live") != slices.Contains(res.Strings("viewer.live", "id"), id) ||
			(out[id] == "live") != (res.String(fmt.Sprintf("viewer.all.%d.endedAt", i)) == "") {
			t.Errorf("session %s is %s: %s", id, out[id], res.Data)
		}
	}
	return out
}

// ended checks which of a user's sessions live, by what the API lists and by their keys.
func ended(t testing.TB, asks *apitest.User, want map[*apitest.User]string) {
	t.Helper()
	all := listed(t, asks)
	for u, state := range want {
		if all[u.SessionID] != state || works(t, u) != (state == "live") {
			t.Errorf("session %s is %s and works: %v, want %s", u.SessionID, all[u.SessionID], works(t, u), state)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d sessions are listed, want %d", len(all), len(want))
	}
}

func TestDevices(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		first, other := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		phone, laptop := signedIn(t, r, first, "phone-1", "Phone"), signedIn(t, r, first, "", "Laptop")
		theirs := signedIn(t, r, other, "phone-1", "Phone")
		ended(t, first, map[*apitest.User]string{first: "live", phone: "live", laptop: "live"})
		// The same device replaces its session, one without a name or of another user is another device.
		again, unnamed := signedIn(t, r, first, "phone-1", "Phone"), signedIn(t, r, first, "", "")
		want := map[*apitest.User]string{first: "live", phone: "REVOKED", laptop: "live", again: "live", unnamed: "live"}
		ended(t, laptop, want)
		ended(t, other, map[*apitest.User]string{other: "live", theirs: "live"})
		// The next sign-in under SINGLE_DEVICE ends all, not the change of the policy.
		first.Must(t, rig.MakeSingle, nil)
		ended(t, laptop, want)
		only := signedIn(t, r, first, "", "Tablet")
		for u, state := range want {
			if state == "live" {
				want[u] = "LOGGED_IN_ELSEWHERE"
			}
		}
		want[only] = "live"
		ended(t, only, want)
		if !works(t, other) || !works(t, theirs) {
			t.Error("another user's sessions ended")
		}
	})
}

// Of many who sign in at once under SINGLE_DEVICE one stays signed in.
func TestSingleDeviceLeavesOneSession(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		u.Must(t, rig.MakeSingle, nil)
		const many = 10
		signed := make([]*apitest.User, many)
		for range 3 {
			apitest.Parallel(t, many, func(i int) error {
				signed[i] = signedIn(t, r, u, "", "")
				return nil
			})
			living := 0
			for _, s := range signed {
				if works(t, s) {
					living++
				}
			}
			rows := apitest.Int(t, r.DB(t), "SELECT count(*) FROM sessions WHERE ended_at IS NULL")
			if living != 1 || rows != 1 || works(t, u) {
				t.Fatalf("%d of %d sessions live, %d rows; the first one does: %v", living, many, rows, works(t, u))
			}
		}
	})
}

// There are 50 live sessions at most; the one that was used least lately goes.
func TestSessionLimit(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		all := []*apitest.User{r.SignUp(t, "ada")}
		for range 52 {
			all = append(all, signedIn(t, r, all[0], "", ""))
		}
		last := all[len(all)-1]
		want := map[*apitest.User]string{}
		for i, u := range all {
			if want[u] = "live"; i < 3 {
				want[u] = "REVOKED"
			}
		}
		ended(t, last, want)
		// At once: no more than that either.
		apitest.Parallel(t, 8, func(int) error {
			signedIn(t, r, last, "", "")
			return nil
		})
		if n := apitest.Int(t, r.DB(t), "SELECT count(*) FROM sessions WHERE ended_at IS NULL"); n != 50 {
			t.Errorf("%d sessions live, want 50", n)
		}
	})
}

// Whatever ends a session, its key is refused from the answer on, and what lives stays.
func TestEndingSessions(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, other := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		second, third, fourth := r.LogIn(t, u), r.LogIn(t, u), r.LogIn(t, u)
		want := map[*apitest.User]string{u: "live", second: "live", third: "live", fourth: "live"}
		const revoke = `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { session { id endReason endedAt } userErrors { code } } }`
		res := u.Must(t, revoke, apitest.Vars{"id": second.SessionID})
		if want[second] = "REVOKED"; res.String("revokeSession.session.endReason") != "REVOKED" ||
			res.String("revokeSession.session.endedAt") == "" {
			t.Errorf("%s", res.Data)
		}
		ended(t, u, want)
		// Once more changes nothing, and one who is not its owner cannot.
		if again := u.Must(t, revoke, apitest.Vars{"id": second.SessionID}); string(again.Data) != string(res.Data) {
			t.Errorf("once more it is\n%s, it was\n%s", again.Data, res.Data)
		}
		if res := other.Must(t, revoke, apitest.Vars{"id": third.SessionID}); res.String("revokeSession.userErrors.0.code") != "NOT_FOUND" {
			t.Errorf("%s", res.Data)
		}
		res = third.Must(t, `mutation { logOut { session { id endReason isCurrent } userErrors { code } } }`, nil)
		if want[third] = "LOGGED_OUT"; res.String("logOut.session.endReason") != "LOGGED_OUT" ||
			res.String("logOut.session.id") != third.SessionID {
			t.Errorf("%s", res.Data)
		}
		ended(t, u, want)
		const change = `mutation($old: String!, $new: String!) { changePassword(input: {currentPassword: $old,
			newPassword: $new}) { viewer { email } userErrors { code } } }`
		u.Must(t, change, apitest.Vars{"old": u.Password, "new": "another horse"})
		want[fourth] = "PASSWORD_CHANGED"
		ended(t, u, want)
		if res := r.Anonymous().Must(t, rig.Mutations["logIn"],
			apitest.Vars{"i": apitest.Vars{
				"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN"}}); res.String("x.userErrors.0.code") != "INVALID_CREDENTIALS" {
			t.Errorf("with the old password: %s", res.Data)
		}
		u.Password = "another horse"
		fifth, sixth := r.LogIn(t, u), r.LogIn(t, u)
		res = u.Must(t, `mutation { revokeOtherSessions { sessions { id endReason } userErrors { code } } }`, nil)
		got := res.Strings("revokeOtherSessions.sessions", "id")
		others := []string{fifth.SessionID, sixth.SessionID}
		slices.Sort(got)
		slices.Sort(others)
		if !slices.Equal(got, others) {
			t.Errorf("revokeOtherSessions ended %v, want %v", got, others)
		}
		want[fifth], want[sixth] = "REVOKED", "REVOKED"
		ended(t, u, want)
		// One's own session may be revoked too.
		u.Must(t, revoke, apitest.Vars{"id": u.SessionID})
		if works(t, u) || !works(t, other) {
			t.Error("the revoked session works, or another user's does not")
		}
	})
}

// A sign-in with the old password that races a change of it leaves no session behind.
func TestPasswordChangeBeatsSignIn(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		for round := range 12 {
			next := fmt.Sprintf("another horse %d", round)
			signed := make([]*apitest.User, 5)
			apitest.Parallel(t, 6, func(i int) error {
				if i == 5 {
					_, err := u.Try(`mutation($old: String!, $new: String!) { changePassword(input: {currentPassword: $old,
						newPassword: $new}) { userErrors { code } } }`,
						apitest.Vars{"old": u.Password, "new": next})
					return err
				}
				res, err := r.Anonymous().Do(context.Background(),
					`mutation($i: LogInInput!) { logIn(input: $i) { token session { id } userErrors { code } } }`,
					apitest.Vars{"i": apitest.Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN"}})
				if err == nil && res.String("logIn.token") != "" {
					signed[i] = &apitest.User{Client: r.As(res.String("logIn.token")), SessionID: res.String("logIn.session.id")}
				}
				return err
			})
			for _, s := range signed {
				if s != nil && works(t, s) {
					t.Fatalf("round %d: a session of the old password lives", round)
				}
			}
			if !works(t, u) {
				t.Fatalf("round %d: the session that changed the password ended", round)
			}
			u.Password = next
		}
	})
}

// An operation goes on as who it has become: the fields of a mutation run one after the other.
func TestSigningInsideAnOperation(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		const in = `mutation($i: LogInInput!) { logIn(input: $i) { token viewer { user { id isViewer } currentSession { isCurrent } }
			session { isCurrent } }
			createTweet(input: {text: "who am I?"}) { tweet { author { id isViewer } viewerCanDelete } } }`
		for name, c := range map[string]*apitest.Client{"nobody": r.Anonymous(), "another": ada.Client} {
			res := c.Must(t, in, apitest.Vars{"i": apitest.Vars{"login": bob.Name, "password": bob.Password, "tokenDelivery": "TOKEN"}})
			if res.String("createTweet.tweet.author.id") != bob.ID || res.String("logIn.viewer.user.id") != bob.ID {
				t.Errorf("as %s: %s", name, res.Data)
			}
			for _, yes := range []string{"createTweet.tweet.author.isViewer", "createTweet.tweet.viewerCanDelete", "logIn.viewer.user.isViewer",
				"logIn.viewer.currentSession.isCurrent", "logIn.session.isCurrent"} {
				if res.Get(yes) != true {
					t.Errorf("as %s: %s is %v", name, yes, res.Get(yes))
				}
			}
		}
		device := r.LogIn(t, ada)
		for reason, out := range map[string]struct {
			who  *apitest.User
			vars apitest.Vars
			end  string
		}{
			"LOGGED_OUT": {ada, nil, `mutation { end: logOut`},
			"REVOKED":    {device, apitest.Vars{"id": device.SessionID}, `mutation($id: ID!) { end: revokeSession(input: {sessionId: $id})`},
		} {
			res := out.who.Run(t, out.end+
				` { session { id endReason } } createTweet(input: {text: "nobody"}) { tweet { id } } again: logOut { session { id } } }`, out.vars)
			if res.String("end.session.endReason") != reason || len(res.Errors) != 2 || res.Get("createTweet") != nil || res.Get("again") != nil {
				t.Fatalf("%s", res.Body)
			}
			for _, e := range res.Errors {
				if e.Code() != "UNAUTHENTICATED" || (e.Path[0] != "createTweet" && e.Path[0] != "again") {
					t.Errorf("%+v", e)
				}
			}
		}
		if n := apitest.Int(t, r.DB(t), "SELECT count(*) FROM tweets WHERE author_id = $1", rig.UserID(t, ada.ID)); n != 0 {
			t.Error("a tweet was posted after signing out")
		}
		if id, ok := ids.Session(ada.SessionID); !ok || id.User != rig.UserID(t, ada.ID) {
			t.Errorf("session id %s", ada.SessionID)
		}
	})
}
