package live

import (
	"errors"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const sessionEnded = `subscription { sessionEnded { reason session { id isCurrent endReason endedAt } } }`

// A session that ends says so and closes its sockets, and no others, whatever ends it.
func TestSessionEndClosesItsSockets(t *testing.T) {
	ends := map[string]struct {
		reason string
		end    func(t *testing.T, r *apitest.Roost, u, device *apitest.User)
	}{
		"logOut": {"LOGGED_OUT", func(t *testing.T, _ *apitest.Roost, _, device *apitest.User) {
			device.Must(t, `mutation { logOut { session { id } userErrors { code } } }`, nil)
		}},
		"revokeSession": {"REVOKED", func(t *testing.T, _ *apitest.Roost, u, device *apitest.User) {
			u.Must(t, `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { userErrors { code } } }`, apitest.Vars{"id": device.SessionID})
		}},
		"revokeOtherSessions": {"REVOKED", func(t *testing.T, _ *apitest.Roost, u, _ *apitest.User) {
			u.Must(t, `mutation { revokeOtherSessions { userErrors { code } } }`, nil)
		}},
		"changePassword": {"PASSWORD_CHANGED", func(t *testing.T, _ *apitest.Roost, u, _ *apitest.User) {
			res := u.Must(t,
				`mutation($p: String!) { changePassword(input: {currentPassword: $p, newPassword: "another horse"}) { userErrors { code } } }`,
				apitest.Vars{"p": u.Password})
			if n := len(res.Get("changePassword.userErrors").([]any)); n > 0 {
				t.Fatalf("change the password: %s", res.Data)
			}
		}},
		// Another node, or time, ends it: nobody reports it, the node has to look.
		"elsewhere": {"EXPIRED", func(t *testing.T, r *apitest.Roost, _, device *apitest.User) {
			_, err := r.DB(t).Writer().ExecContext(t.Context(), "UPDATE sessions SET expires_at = $1 WHERE id = $2",
				time.Now().Add(-time.Minute).UTC(), rig.SessionID(t, device.SessionID))
			if err := errors.Join(err, r.App.ClearCache(t.Context())); err != nil {
				t.Fatal(err)
			}
		}},
	}
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		for name, c := range ends {
			t.Run(name, func(t *testing.T) {
				u := r.SignUp(t, "ada")
				device := r.LogIn(t, u)
				stays, closes, idle := u.Dial(t), device.Dial(t), device.Dial(t)
				st := closes.Subscribe(t, sessionEnded, nil)
				home := rig.WatchHome(t, device, closes)
				kept := stays.Subscribe(t, sessionEnded, nil)
				rig.WatchCounts(t, stays, u.Tweet(t, "the kept one's subscription runs"))
				c.end(t, r, u, device)
				event := st.Next(t)
				const at = "sessionEnded."
				if event.String(at+"reason") != c.reason || event.String(at+"session.endReason") != c.reason ||
					event.String(at+"session.id") != device.SessionID || event.String(at+"session.endedAt") == "" {
					t.Errorf("the event is %s", event.Body)
				}
				for _, s := range []*apitest.Socket{closes, idle} {
					if code := s.Closed(t); code != 4403 {
						t.Errorf("a socket of the session was closed with %d", code)
					}
				}
				for { // what was on its way, then the end
					if _, err := home.TryNext(t.Context()); err != nil {
						break
					}
				}
				if _, err := device.TryDial(); !rig.ClosedWith(err, 4403) {
					t.Errorf("the key opens a socket: %v", err)
				}
				rig.WatchCounts(t, stays, u.Tweet(t, "still here"))
				if stays.Err() != nil || len(kept.C) > 0 {
					t.Errorf("the other session is told: %v", stays.Err())
				}
			})
		}
	})
}

// Under SINGLE_DEVICE a sign-in elsewhere ends the session with a reason of its own.
func TestSingleDeviceClosesTheOther(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		u.Must(t, `mutation { updateSettings(input: {sessionPolicy: SINGLE_DEVICE}) { userErrors { code } } }`, nil)
		socket := u.Dial(t)
		st := socket.Subscribe(t, sessionEnded, nil)
		rig.WatchCounts(t, socket, u.Tweet(t, "the subscription runs"))
		r.LogIn(t, u)
		if got := st.Next(t).String("sessionEnded.reason"); got != "LOGGED_IN_ELSEWHERE" {
			t.Errorf("the reason is %s", got)
		}
		if code := socket.Closed(t); code != 4403 {
			t.Errorf("closed with %d", code)
		}
	})
}

// A node that stops asks every socket to come back, and lets what runs finish.
func TestStopDrainsSockets(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		users := r.SignUps(t, "drained", 5)
		tweet := users[0].Tweet(t, "hello")
		sockets := make([]*apitest.Socket, 60)
		for i := range sockets {
			sockets[i] = users[i%len(users)].Dial(t)
			rig.WatchCounts(t, sockets[i], tweet)
		}
		r.Stop()
		for _, s := range sockets {
			if code := s.Closed(t); code != 1012 {
				t.Errorf("a socket was closed with %d", code)
			}
		}
	})
}
