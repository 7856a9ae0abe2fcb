package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/redistest"
)

// serving runs `roost serve` until it says where it is.
func serving(t *testing.T, args ...string) (p *process, site string) {
	t.Helper()
	p = start(t, nil, append([]string{"serve"}, args...)...)
	found := regexp.MustCompile(`(?m)^  Roost is at (\S+)/$`)
	apitest.Until(t, "the banner", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("it ended: %s%s", p.out.String(), p.stderr.String())
		default:
		}
		m := found.FindStringSubmatch(p.out.String())
		if m != nil {
			site = m[1]
		}
		return m != nil
	})
	return p, site
}

// The banner shows where a browser finds Roost, and a login that works.
func TestBanner(t *testing.T) {
	t.Parallel()
	p, site := serving(t, "--addr=localhost:0")
	u, err := url.Parse(site)
	if err != nil || u.Hostname() != "localhost" || u.Port() == "0" || u.Port() == "" {
		t.Fatalf("Roost is at %q, %v", site, err)
	}
	var m []string
	apitest.Until(t, "the login and the stores", func() bool {
		if !strings.Contains(p.out.String(), "\n  The web app is there, the playground at "+site+"/playground\n") {
			return false
		}
		m = regexp.MustCompile(`Sign in as (\S+) with the password (\S+);`).FindStringSubmatch(p.out.String())
		return m != nil && strings.Contains(p.out.String(), "embedded SQLite in data")
	})
	nobody := &apitest.Client{URL: site, HTTP: http.DefaultClient}
	key := nobody.Must(t, `mutation($i: LogInInput!) { logIn(input: $i) { token } }`,
		apitest.Vars{"i": apitest.Vars{"login": m[1], "password": m[2], "tokenDelivery": "TOKEN"}}).String("logIn.token")
	me := &apitest.Client{URL: site, Key: key, HTTP: http.DefaultClient}
	if got := me.Must(t, `{ viewer { user { username url } } }`, nil).Get("viewer.user"); apitest.Get(got, "username") != m[1] ||
		!strings.HasPrefix(apitest.Get(got, "url").(string), site+"/") {
		t.Errorf("the viewer is %v, Roost at %s", got, site)
	}
	for _, host := range []string{"127.0.0.1", "::1"} { // localhost may be either
		if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			t.Logf("this machine has no %s: %v", host, err)
			continue
		} else if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if status, _, body := get("http://" + net.JoinHostPort(host, u.Port()) + "/healthz"); status != http.StatusOK {
			t.Errorf("at %s: %d %s", host, status, body)
		}
	}
	p.signal(t, syscall.SIGINT)
	if code := p.wait(t); code != 0 {
		t.Errorf("Ctrl-C ends it with %d: %s", code, p.stderr.String())
	}
}

// Behind another name the banner shows both.
func TestBannerBehindAProxy(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--addr=127.0.0.1:0", "--public-url=https://social.example/", "--demo=false", "--admin-addr=127.0.0.1:0")
	apitest.Until(t, "the banner", func() bool {
		ok, err := regexp.MatchString(`Roost is at https://social.example/, on this machine at http://localhost:\d+/\n`+
			`(?s:.*)http://127.0.0.1:[1-9]\d+/metrics\n(?s:.*)Sign up`,
			p.out.String())
		return ok && err == nil
	})
	if out := p.out.String(); !strings.Contains(out, "the playground at https://social.example/playground\n") {
		t.Errorf("the banner: %s", out)
	}
	worker := start(t, nil, "--addr=127.0.0.1:0", "--roles=worker", "--demo=false")
	apitest.Until(t, "the banner of a worker", func() bool {
		return strings.Contains(worker.out.String(), "its health is at http://localhost:")
	})
}

// A second Ctrl-C does not wait for the end of a drain.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p, site := serving(t, "--addr=127.0.0.1:0", "--demo=false", "--drain-delay=5m")
	p.signal(t, syscall.SIGINT)
	apitest.Until(t, "it drains", func() bool {
		status, _, _ := get(site + "/readyz")
		return status == http.StatusServiceUnavailable
	})
	p.signal(t, syscall.SIGINT)
	if p.wait(t) != -1 {
		t.Errorf("it ended by itself: %s", p.stderr.String())
	}
}

// Lines of the log name the request that they are about.
func TestLogNamesRequests(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p, site := serving(t, "--addr=127.0.0.1:0", "--database-url="+apitest.Migrated(t), "--redis-url="+redis.URL())
	redis.Stop()
	apitest.Until(t, "a line about Redis", func() bool {
		_, header, _ := get(site + "/readyz")
		for line := range strings.Lines(p.stderr.String()) {
			if strings.Contains(line, `msg="check failed" check=redis`) && strings.Contains(line, " request="+header.Get("X-Request-Id")) {
				return true
			}
		}
		return false
	})
}

// A database is brought to the schema once, and migrate status reports that.
func TestMigrate(t *testing.T) {
	t.Parallel()
	db := "--database-url=" + pgtest.URL(t)
	run := func(what string) string {
		t.Helper()
		p := start(t, nil, "migrate", what, db)
		if code := p.wait(t); code != 0 {
			t.Fatalf("migrate %s: %d %s", what, code, p.stderr.String())
		}
		return p.out.String()
	}
	steps := strings.Count(run("status"), "pending\n")
	if steps < 2 {
		t.Fatalf("%d steps are pending", steps)
	}
	p := start(t, nil, "serve", db, "--redis-url=redis://127.0.0.1:1")
	if code, said := p.wait(t), p.stderr.String(); code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "roost migrate up") {
		t.Errorf("serve before: %d %s", code, said)
	}
	for _, want := range []int{steps, 0} {
		if got := run("up"); got != migrated(want) {
			t.Errorf("up says %q, want %q", got, migrated(want))
		}
	}
	if got := run("status"); strings.Count(got, "applied 20") != steps || strings.Contains(got, "pending") {
		t.Errorf("status says\n%s", got)
	}
}

func migrated(steps int) string {
	return strconv.Itoa(steps) + " migrations applied; the schema is up to date\n"
}

// Every line of the log is an object in JSON, if asked.
func TestLogAsJSON(t *testing.T) {
	t.Parallel()
	p, _ := serving(t, "--addr=127.0.0.1:0", "--demo=false", "--log-format=json")
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	for _, line := range lines {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("%q is %+v, %v", line, entry, err)
		}
	}
	if len(lines) == 0 || !strings.Contains(p.stderr.String(), `"msg":"stopping"`) {
		t.Errorf("the log is %q", lines)
	}
}

// What outsiders need not see can be turned off, and some of it is with the stores of a site.
func TestSwitches(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	site := []string{"--database-url=" + apitest.Migrated(t), "--redis-url=" + redis.URL()}
	for _, c := range []struct {
		name                                       string
		args                                       []string
		app, playground, introspection, suggestion bool
	}{
		{"embedded", nil, true, true, true, true},
		{"embedded, off", []string{"--app=false", "--playground=false", "--introspection=false"}, false, false, false, true},
		{"embedded, without the app", []string{"--app=false"}, false, true, true, true},
		{"a site", site, true, false, true, false},
		{"a site, on", append(site, "--playground", "--introspection"), true, true, true, false},
		{"a site, off", append(site, "--app=false", "--introspection=false"), false, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, here := serving(t, append([]string{"--addr=localhost:0", "--demo=false"}, c.args...)...)
			ask := func(query string) string {
				_, _, body := get(here + "/graphql?query=" + url.QueryEscape(query))
				return body
			}
			if status, _, _ := get(here + "/login"); (status == http.StatusOK) != c.app {
				t.Errorf("the app: %d", status)
			}
			if status, _, _ := get(here + "/playground"); (status == http.StatusOK) != c.playground {
				t.Errorf("the playground: %d", status)
			}
			if status, _, body := get(here + "/"); (status == http.StatusOK) != (c.app || c.playground) ||
				c.app != strings.Contains(body, `"documents":"text"`) { // get follows the redirect to the playground
				t.Errorf("/: %d %s", status, body)
			}
			if status, _, _ := get(here + "/schema.graphqls"); (status == http.StatusOK) != c.introspection {
				t.Errorf("the schema: %d", status)
			}
			if body := ask("{__schema{queryType{name}}}"); strings.Contains(body, `"Query"`) != c.introspection {
				t.Errorf("introspection: %s", body)
			}
			if body := ask("{limit}"); strings.Contains(body, "Did you mean") != c.suggestion || !strings.Contains(body, "BAD_REQUEST") {
				t.Errorf("a suggestion: %s", body)
			}
		})
	}
}

// The profiles of a node contain its command line without the passwords that are in it.
func TestCommandLineHidesPasswords(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	db, err := url.Parse(apitest.Migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	db.User = url.UserPassword(db.User.Username(), "hunter2")
	p, _ := serving(t, "--addr=localhost:0", "--admin-addr=localhost:0", "--database-url="+db.String(), "--redis-url", redis.URL())
	var admin string
	apitest.Until(t, "the admin address", func() bool {
		if m := regexp.MustCompile(`(http://\S+)/metrics`).FindStringSubmatch(p.out.String()); m != nil {
			admin = m[1]
		}
		return admin != ""
	})
	status, _, body := get(admin + "/debug/pprof/cmdline")
	if status != http.StatusOK || !strings.Contains(body, "\x00--admin-addr=localhost:0\x00--database-url=postgres") {
		t.Errorf("%d %q", status, body)
	}
	for _, secret := range []string{"hunter2", db.Host, strings.TrimPrefix(redis.URL(), "redis://")} {
		if strings.Contains(body, secret) {
			t.Errorf("it has %q: %q", secret, body)
		}
	}
}

// A demo world, whose people have a known password, is not offered to other machines in silence.
func TestDemoForOtherMachinesWarns(t *testing.T) {
	t.Parallel()
	for args, warns := range map[string]bool{
		"--addr=0.0.0.0:0": true, "--addr=:0": true, "--addr=localhost:0": false, "--addr=127.0.0.1:0": false,
		"--addr=0.0.0.0:0 --demo=false": false,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			p, _ := serving(t, strings.Fields(args)...)
			if said := p.stderr.String(); strings.Contains(said, "published password") != warns {
				t.Errorf("the log says: %s", said)
			}
		})
	}
}
