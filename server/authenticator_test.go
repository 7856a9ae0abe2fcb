package server_test

import (
	"strings"
	"testing"
	"time"

	"roost/server"
	"roost/testkit/testtime"
)

const (
	anonymous = "user 0 session 0"
	userOne   = "user 1 session 10"
	userTwo   = "user 2 session 20"
)

// Every way to say who one is, over HTTP and over sockets.
func TestWhoIsAsking(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.accounts.endSession(9)
	for _, c := range []struct {
		name    string
		headers []string
		payload string // sockets only, if set
		away    bool
		status  int // over HTTP
		code    int // of the socket's end; 0 if it stays
		who     string
		clears  bool
	}{
		{name: "nobody", status: 200, who: anonymous},
		{name: "cookie", headers: []string{"Cookie", "roost_session=key-1"}, status: 200, who: userOne},
		{name: "unknown cookie", headers: []string{"Cookie", "roost_session=junk"}, status: 200, who: anonymous, clears: true},
		{name: "empty cookie", headers: []string{"Cookie", "roost_session="}, status: 200, who: anonymous, clears: true},
		{name: "ended cookie", headers: []string{"Cookie", "roost_session=key-9"}, status: 200, who: anonymous, clears: true},
		{name: "another cookie", headers: []string{"Cookie", "other=key-1"}, status: 200, who: anonymous},
		{name: "bearer", headers: []string{"Authorization", "Bearer key-1"}, status: 200, who: userOne},
		{name: "bearer, lower case", headers: []string{"Authorization", "bearer key-1"}, status: 200, who: userOne},
		{name: "bearer wins", headers: []string{"Authorization", "Bearer key-2", "Cookie", "roost_session=key-1"}, status: 200, who: userTwo},
		{name: "bearer beside a bad cookie", headers: []string{"Authorization", "Bearer key-2", "Cookie", "roost_session=junk"}, status: 200,
			who: userTwo},
		{name: "unknown bearer", headers: []string{"Authorization", "Bearer junk"}, status: 401, code: 4403},
		{name: "ended bearer", headers: []string{"Authorization", "Bearer key-9"}, status: 401, code: 4403},
		{name: "empty bearer", headers: []string{"Authorization", "Bearer "}, status: 401, code: 4403},
		{name: "bad bearer beside a good cookie", headers: []string{"Authorization", "Bearer junk", "Cookie", "roost_session=key-1"}, status: 401,
			code: 4403},
		{name: "another scheme", headers: []string{"Authorization", "Basic a2V5LTE="}, status: 401, code: 4403},
		{name: "payload", payload: `{"Authorization":"Bearer key-1"}`, who: userOne},
		{name: "payload, lower case", payload: `{"authorization":"Bearer key-1"}`, who: userOne},
		{name: "payload over header", payload: `{"Authorization":"Bearer key-2"}`, headers: []string{"Authorization", "Bearer key-1"},
			who: userTwo},
		{name: "payload over cookie", payload: `{"Authorization":"Bearer key-2"}`, headers: []string{"Cookie", "roost_session=key-1"},
			who: userTwo},
		{name: "payload of other things", payload: `{"a":1,"Authorization":null}`, headers: []string{"Cookie", "roost_session=key-1"},
			who: userOne},
		{name: "bad payload", payload: `{"Authorization":"Bearer junk"}`, headers: []string{"Cookie", "roost_session=key-1"}, code: 4403},
		{name: "payload of a number", payload: `{"Authorization":1}`, code: 4403},
		{name: "cookie, store away", headers: []string{"Cookie", "roost_session=key-1"}, away: true, status: 503, code: 1013},
		{name: "bearer, store away", headers: []string{"Authorization", "Bearer key-1"}, away: true, status: 503, code: 1013},
		{name: "nobody, store away", away: true, status: 200, who: anonymous},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.accounts.setAway(c.away)
			defer f.accounts.setAway(false)
			if c.payload == "" {
				a := f.query(t, "{whoami}", c.headers...)
				want := c.who
				switch c.status {
				case 401:
					want = `"code":"UNAUTHENTICATED"`
				case 503:
					want = `"code":"UNAVAILABLE"`
				}
				if !a.has(c.status, want) || strings.Contains(a.body, "secret") {
					t.Errorf("HTTP: %d %s", a.status, a.body)
				}
				cleared := strings.HasPrefix(a.header.Get("Set-Cookie"), "roost_session=;") &&
					strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0")
				if cleared != c.clears {
					t.Errorf("Set-Cookie %q", a.header.Get("Set-Cookie"))
				}
				if c.status == 503 && a.header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			}
			ws, _, err := f.dial(t, c.payload, c.headers...)
			if err != nil {
				t.Fatal(err)
			}
			if got, code := receive(t, ws); code != c.code {
				t.Fatalf("socket: %d %s", code, got)
			}
			if c.code != 0 {
				return
			}
			say(t, ws, `{"id":"1","type":"subscribe","payload":{"query":"{whoami}"}}`)
			if got, _ := receive(t, ws); !strings.Contains(got, c.who) || !strings.Contains(got, "cookies false") {
				t.Errorf("socket: %s", got)
			}
		})
	}
	eventually(t, "no session is watched for nothing", func() bool {
		f.accounts.mu.Lock()
		defer f.accounts.mu.Unlock()
		return f.accounts.watching == 0
	})
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for public, secure := range map[string]bool{"http://roost.example": false, "https://roost.example": true} {
		f := start(t, func(c *server.Config) { c.PublicURL = public })
		a := f.query(t, "mutation{signIn(user:3)}")
		cookie := a.header.Get("Set-Cookie")
		for _, part := range []string{"roost_session=key-3;", "Path=/", "HttpOnly", "SameSite=Lax", "Expires="} {
			if !strings.Contains(cookie, part) {
				t.Errorf("%s: no %s in %q", public, part, cookie)
			}
		}
		if strings.Contains(cookie, "Secure") != secure {
			t.Errorf("%s: %q", public, cookie)
		}
		a = f.query(t, "mutation{signOut}", "Cookie", "roost_session=key-3")
		if cookie := a.header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "roost_session=;") || !strings.Contains(cookie, "Max-Age=0") {
			t.Errorf("sign-out: %q", cookie)
		}
		// The operation's word is the last, also when the request's own cookie was of no use.
		a = f.query(t, "mutation{signIn(user:3)}", "Cookie", "roost_session=junk")
		if cookies := a.header.Values("Set-Cookie"); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "roost_session=key-3") {
			t.Errorf("sign-in over a bad cookie: %q", cookies)
		}
	}
}

// A session that ends takes its sockets with it, within a second on a quiet machine; those of others stay.
func TestSessionEndClosesItsSockets(t *testing.T) {
	t.Parallel()
	f := start(t)
	mine, _, err := f.dial(t, "", "Cookie", "roost_session=key-1")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := f.dial(t, "", "Cookie", "roost_session=key-2")
	if err != nil {
		t.Fatal(err)
	}
	receive(t, mine)
	receive(t, other)
	say(t, mine, `{"id":"1","type":"subscribe","payload":{"query":"subscription{silent}"}}`)
	eventually(t, "it runs", func() bool { return f.res.Running.Load() == 1 })
	began := time.Now()
	f.accounts.endSession(1)
	if got, code := receive(t, mine); code != 4403 || time.Since(began) > testtime.Soak(patience, time.Second) {
		t.Errorf("%d %s after %v", code, got, time.Since(began))
	}
	say(t, other, `{"type":"ping"}`)
	if got, code := receive(t, other); code != 0 {
		t.Errorf("%d %s", code, got)
	}
	eventually(t, "one session is watched", func() bool {
		f.accounts.mu.Lock()
		defer f.accounts.mu.Unlock()
		return f.accounts.watching == 1
	})
}
