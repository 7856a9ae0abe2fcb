package secrets

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"roost/testkit/apitest"
)

// written is a log that can be read while it is written.
type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

const (
	password = "correct horse battery"
	another  = "staple paperclip 42"
	device   = "device-token-of-the-phone"
)

// Passwords, their hashes, session keys and device tokens are in no answer but the one that issues a key
// out, and in no line of the log, also when everything fails.
func TestSecretsStayInside(t *testing.T) {
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			apitest.New(t, mode).Stop() // the first node of a process turns its log off
			before, log := slog.Default(), &written{}
			slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			defer slog.SetDefault(before)
			r := apitest.New(t, mode)
			s := &says{t: t, r: r}
			key := s.walk()
			db := r.DB(t)
			var hash string
			if err := db.Writer().QueryRowContext(t.Context(), "SELECT password_hash FROM users").Scan(&hash); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(hash, "$argon2id$") {
				t.Fatalf("the stored password is %q", hash)
			}
			for _, table := range []string{"events", "sessions"} {
				if _, err := db.Writer().ExecContext(t.Context(), "ALTER TABLE "+table+" RENAME TO gone_"+table); err != nil {
					t.Fatal(err)
				}
				s.fail(key)
			}
			said := log.String()
			if !strings.Contains(said, "a field failed") {
				t.Errorf("the log tells nothing of the failures:\n%s", said)
			}
			secrets := []string{password, another, device, key, strings.TrimPrefix(key, "roost_"), "argon2id", hash[strings.LastIndex(hash, "$")+1:]}
			for _, secret := range secrets {
				if strings.Contains(said, secret) {
					t.Errorf("the log holds %q:\n%s", secret, said)
				}
				for _, answer := range s.answers {
					if strings.Contains(answer, secret) {
						t.Errorf("an answer holds %q: %s", secret, answer)
					}
				}
			}
		})
	}
}

// says runs operations and keeps their answers.
type says struct {
	t       *testing.T
	r       *apitest.Roost
	answers []string
}

func (s *says) run(c *apitest.Client, query string, vars apitest.Vars) *apitest.Response {
	s.t.Helper()
	res, err := c.Do(context.Background(), query, vars)
	if err != nil {
		s.t.Fatal(err)
	}
	text := string(res.Body)
	for _, values := range res.Header {
		text += strings.Join(values, "\n")
	}
	s.answers = append(s.answers, text)
	return res
}

const (
	viewer = ` viewer { email user { id username name bio } currentSession { id deviceName userAgent }
		sessions(includeEnded: true) { id deviceName userAgent } } userErrors { code message path } `
	signUp = `mutation($i: SignUpInput!) { signUp(input: $i) { session { id deviceName }` + viewer + `} }`
	logIn  = `mutation($i: LogInInput!) { logIn(input: $i) { session { id deviceName }` + viewer + `} }`
	change = `mutation($i: ChangePasswordInput!) { changePassword(input: $i) {` + viewer + `} }`
)

// walk makes an account and does what touches secrets; it returns a session key.
func (s *says) walk() (key string) {
	in := apitest.Vars{"username": "ada", "email": "ada@example.com", "password": password, "tokenDelivery": "TOKEN",
		"device": apitest.Vars{"token": device, "name": "Phone"}}
	nobody := s.r.Anonymous()
	s.run(nobody, signUp, apitest.Vars{"i": in})
	s.run(nobody, signUp, apitest.Vars{"i": in}) // taken
	s.run(nobody, signUp, apitest.Vars{"i": apitest.Vars{"username": password, "email": password, "password": "short"}})
	back := apitest.Vars{"login": "ada", "password": password, "tokenDelivery": "TOKEN", "device": in["device"]}
	s.run(nobody, logIn, apitest.Vars{"i": back})
	s.run(nobody, logIn, apitest.Vars{"i": apitest.Vars{"login": "ada", "password": another}})
	s.run(nobody, `mutation { logIn(input: {login: "ada", password: "`+password+`", tokenDelivery: NOTHING}) { token } }`, nil) // not valid
	given, err := nobody.Do(context.Background(), `mutation($i: LogInInput!) { logIn(input: $i) { token } }`, apitest.Vars{"i": back})
	if err != nil {
		s.t.Fatal(err)
	}
	key = given.String("logIn.token")
	s.run(s.r.As(key+"x"), `{ viewer { email } }`, nil)
	me := s.r.As(key)
	s.run(me, change, apitest.Vars{"i": apitest.Vars{"currentPassword": another, "newPassword": another}})
	s.run(me, change, apitest.Vars{"i": apitest.Vars{"currentPassword": password, "newPassword": another}})
	for _, typed := range []string{device, another} {
		s.run(me, `mutation($p: String) { updateSettings(input: {username: "lovelace", email: "lovelace@example.com", currentPassword: $p}) {`+
			viewer+`} }`,
			apitest.Vars{"p": typed})
	}
	s.run(me, `{ `+strings.Replace(viewer, "userErrors { code message path }", "", 1)+`}`, nil)
	return key
}

// fail runs everything once more, on a database that lacks tables.
func (s *says) fail(key string) {
	in := apitest.Vars{"username": "bob", "email": "bob@example.com", "password": password, "tokenDelivery": "TOKEN",
		"device": apitest.Vars{"token": device, "name": "Phone"}}
	for query, input := range map[string]apitest.Vars{
		signUp: in,
		logIn:  {"login": "lovelace", "password": another, "device": in["device"], "tokenDelivery": "TOKEN"},
	} {
		if res := s.run(s.r.Anonymous(), query, apitest.Vars{"i": input}); len(res.Errors) == 0 {
			s.t.Errorf("nothing failed: %s", res.Body)
		}
	}
	if res := s.run(s.r.As(key), change, apitest.Vars{
		"i": apitest.Vars{"currentPassword": another, "newPassword": password}}); len(res.Errors) == 0 {
		s.t.Errorf("nothing failed: %s", res.Body)
	}
}
