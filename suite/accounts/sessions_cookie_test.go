package accounts

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/gorilla/websocket"

	"roost/app"
	"roost/testkit/apitest"
)

const (
	signUpCookie = `mutation($i: SignUpInput!) { x: signUp(input: $i) { token viewer { user { id } } userErrors { code path } } }`
	logInCookie  = `mutation($i: LogInInput!) { x: logIn(input: $i) { token viewer { user { id } } userErrors { code path } } }`
	whoAmI       = `{ viewer { user { id } } }`
)

// browser is a client that keeps cookies.
func browser(t testing.TB, r *apitest.Roost) *apitest.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &apitest.Client{URL: r.URL, HTTP: &http.Client{Jar: jar}}
}

// setCookie is the session cookie that an answer sets; nil if it sets none.
func setCookie(t testing.TB, res *apitest.Response) *http.Cookie {
	t.Helper()
	all := (&http.Response{Header: res.Header}).Cookies()
	if len(all) > 1 {
		t.Fatalf("%d cookies are set: %v", len(all), all)
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func cleared(c *http.Cookie) bool { return c != nil && c.Value == "" && c.MaxAge < 0 }

// The cookie that carries a session is out of the reach of scripts and other sites, and travels
// encrypted exactly where the site does.
func TestCookieAttributes(t *testing.T) {
	for public, secure := range map[string]bool{"http://roost.test": false, "https://roost.test": true} {
		t.Run(public, func(t *testing.T) {
			apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
				b := browser(t, r)
				check := func(res *apitest.Response) {
					t.Helper()
					c := setCookie(t, res)
					if c == nil || c.Name != "roost_session" || c.Value == "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
						c.Secure != secure || c.Path != "/" || c.Domain != "" || c.Expires.IsZero() {
						t.Errorf("the cookie is %v", c)
					}
					if res.Get("x.token") != nil {
						t.Error("the key is in the answer besides the cookie")
					}
				}
				in := signing(nil)
				delete(in, "tokenDelivery") // COOKIE is the default
				check(b.Must(t, signUpCookie, apitest.Vars{"i": in}))
				check(b.Must(t, logInCookie, apitest.Vars{
					"i": apitest.Vars{"login": in["username"], "password": in["password"], "tokenDelivery": "COOKIE"}}))
				// A refused sign-in and one with TOKEN set none.
				for _, delivery := range []string{"COOKIE", "TOKEN"} {
					wrong := apitest.Vars{"login": in["username"], "password": "wrong horse", "tokenDelivery": delivery}
					if c := setCookie(t, r.Anonymous().Must(t, logInCookie, apitest.Vars{"i": wrong})); c != nil {
						t.Errorf("a refused sign-in sets %v", c)
					}
				}
				token := apitest.Vars{"login": in["username"], "password": in["password"], "tokenDelivery": "TOKEN"}
				if c := setCookie(t, r.Anonymous().Must(t, logInCookie, apitest.Vars{"i": token})); c != nil {
					t.Errorf("a sign-in with TOKEN sets %v", c)
				}
			}, func(c *app.Config) { c.PublicURL = public })
		})
	}
}

func TestCookiesAndBearerKeys(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		b, bob := browser(t, r), r.SignUp(t, "bob")
		in := signing(apitest.Vars{"tokenDelivery": "COOKIE"})
		ada := b.Must(t, signUpCookie, apitest.Vars{"i": in}).String("x.viewer.user.id")
		who := func(c *apitest.Client) string {
			t.Helper()
			return c.Must(t, whoAmI, nil).String("viewer.user.id")
		}
		both := *b
		both.Key = bob.Key
		if who(b) != ada || who(&both) != bob.ID {
			t.Errorf("the cookie is of %s, with a Bearer key besides it is %s; want %s and %s", who(b), who(&both), ada, bob.ID)
		}
		if got := socketUser(t, b); got != ada {
			t.Errorf("a socket with the cookie is of %q, want %s", got, ada)
		}
		if got := socketUser(t, &both); got != bob.ID {
			t.Errorf("a socket with cookie and key is of %q, want %s", got, bob.ID)
		}
		// A bad key is refused though the cookie is good.
		for _, key := range []string{"x", bob.Key + "A", bob.Key[:len(bob.Key)-1], "roost_", "roost_" + bob.Key} {
			both.Key = key
			res := both.Run(t, whoAmI, nil)
			if res.Status != http.StatusUnauthorized || len(res.Errors) != 1 || res.Errors[0].Code() != "UNAUTHENTICATED" ||
				res.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("key %q: status %d, %s", key, res.Status, res.Body)
			}
			if _, err := both.TryDial(); closeCode(err) != 4403 {
				t.Errorf("key %q opens a socket: %v", key, err)
			}
		}
		if who(b) != ada {
			t.Error("a bad key spoiled the cookie")
		}
		// Signing out clears the cookie; what the browser may still send is nobody's, and cleared once more.
		stale := *b
		stale.HTTP = &http.Client{Transport: withCookie{b.HTTP.Jar.Cookies(address(t, r.URL))}}
		res := b.Must(t, `mutation { logOut { session { endReason } } }`, nil)
		if c := setCookie(t, res); !cleared(c) {
			t.Errorf("signing out sets %v", c)
		}
		for _, c := range []*apitest.Client{
			&stale, {URL: r.URL, HTTP: &http.Client{Transport: withCookie{[]*http.Cookie{{Name: "roost_session", Value: "garbage"}}}}}} {
			res := c.Must(t, whoAmI, nil)
			if res.String("viewer") != "" || res.Get("viewer") != nil || !cleared(setCookie(t, res)) {
				t.Errorf("a bad cookie: %s, sets %v", res.Data, setCookie(t, res))
			}
		}
		if res := b.Must(t, whoAmI, nil); res.Get("viewer") != nil || setCookie(t, res) != nil {
			t.Errorf("after signing out: %s, sets %v", res.Data, setCookie(t, res))
		}
		if got := socketUser(t, b); got != "" {
			t.Errorf("after signing out a socket is of %q", got)
		}
	})
}

// withCookie sends cookies with every request.
type withCookie struct{ cookies []*http.Cookie }

func (w withCookie) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for _, c := range w.cookies {
		req.AddCookie(c)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// socketUser is whose socket the client gets.
func socketUser(t testing.TB, c *apitest.Client) string {
	t.Helper()
	return c.Dial(t).Subscribe(t, whoAmI, nil).Next(t).String("viewer.user.id")
}

func address(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func closeCode(err error) int {
	if ce, ok := errors.AsType[*websocket.CloseError](err); ok {
		return ce.Code
	}
	return 0
}

// A socket cannot set cookies: to ask for one is refused, and nothing is written.
func TestNoCookieOverASocket(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, db := r.SignUp(t, "ada"), r.DB(t)
		s := r.Anonymous().Dial(t)
		in := apitest.Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "COOKIE"}
		for query, input := range map[string]apitest.Vars{signUpCookie: signing(apitest.Vars{"tokenDelivery": "COOKIE"}), logInCookie: in} {
			res := s.Subscribe(t, query, apitest.Vars{"i": input}).Next(t)
			if res.String("x.userErrors.0.code") != "INVALID" || res.String("x.userErrors.0.path.0") != "input" ||
				res.String("x.userErrors.0.path.1") != "tokenDelivery" || res.Get("x.viewer") != nil {
				t.Errorf("%s", res.Body)
			}
		}
		if users, sessions := apitest.Int(t, db, "SELECT count(*) FROM users"), apitest.Int(t, db, "SELECT count(*) FROM sessions"); users != 1 ||
			sessions != 1 {
			t.Errorf("there are %d users and %d sessions", users, sessions)
		}
		in["tokenDelivery"] = "TOKEN"
		res := s.Subscribe(t, logInCookie, apitest.Vars{"i": in}).Next(t)
		if token := res.String("x.token"); token == "" || r.As(token).Must(t, whoAmI, nil).String("viewer.user.id") != u.ID {
			t.Errorf("%s", res.Body)
		}
		// The socket stays anonymous.
		if res := s.Subscribe(t, whoAmI, nil).Next(t); res.Get("viewer") != nil {
			t.Errorf("after a sign-in over the socket it is of %s", res.Data)
		}
	})
}
