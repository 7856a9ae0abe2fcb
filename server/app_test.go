package server_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/admission"
	"roost/internal/caller"
	"roost/server"
	"roost/server/budget"
	"roost/site"
)

// The app is at / and the playground at /playground; without the app, / leads to the playground, and without both to nothing.
func TestAppAndPlayground(t *testing.T) {
	t.Parallel()
	const browser = "text/html,*/*"
	for _, c := range []struct {
		name                    string
		noApp, noPlayground     bool
		root, login, playground int
		location, lead          string
	}{
		{name: "both", root: 200, login: 200, playground: 200, lead: "/playground"},
		{name: "no app", noApp: true, root: 302, login: 404, playground: 200, location: "/playground", lead: "/playground"},
		{name: "no playground", noPlayground: true, root: 200, login: 200, playground: 404},
		{name: "neither", noApp: true, noPlayground: true, root: 404, login: 404, playground: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, func(cfg *server.Config) { cfg.NoApp, cfg.NoPlayground = c.noApp, c.noPlayground })
			for path, status := range map[string]int{
				"/": c.root, "/login": c.login, "/robots.txt": c.login, "/client.tgz": c.login, "/playground": c.playground, "/other": 404,
			} {
				if a := send(t, "GET", f.url+path, "", "Accept", browser); a.status != status {
					t.Errorf("%s: %d %.200s", path, a.status, a.body)
				}
			}
			if a := send(t, "GET", f.url+"/", ""); a.header.Get("Location") != c.location {
				t.Errorf("/ leads to %q", a.header.Get("Location"))
			}
			if a := send(t, "GET", f.url+"/graphql", "", "Accept", browser); a.header.Get("Location") != c.lead {
				t.Errorf("/graphql leads to %q: %d", a.header.Get("Location"), a.status)
			}
			if a := send(t, "GET", f.url+"/login", ""); !c.noApp && strings.Contains(a.body, `"playground":true`) == c.noPlayground {
				t.Errorf("the settings: %s", a.body)
			}
			if a := f.query(t, "{hello}"); !a.has(200, `"hello"`) {
				t.Errorf("the API: %d %s", a.status, a.body)
			}
		})
	}
}

// The app is there on nodes that run only their own documents, and is not on nodes without an API.
func TestAppOfOtherNodes(t *testing.T) {
	t.Parallel()
	documents := start(t, func(c *server.Config) {
		c.NoPlayground, c.DocumentsOnly = true, true
		c.Documents = []server.PersistedDocument{{ID: "health", Text: "{__typename}"}}
	})
	if a := send(t, "GET", documents.url+"/", ""); !a.has(200, `"documents":"id"`) {
		t.Errorf("with documents only: %d %s", a.status, a.body)
	}
	if a := send(t, "GET", start(t).url+"/", ""); !a.has(200, `"documents":"text"`) {
		t.Errorf("with all documents: %d %s", a.status, a.body)
	}
	none := start(t, func(c *server.Config) { c.NoAPI = true })
	if a := send(t, "GET", none.url+"/", "", "Accept", "text/html"); a.status != 404 {
		t.Errorf("without an API: %d %s", a.status, a.body)
	}
}

// reader finds every profile, and notes who reads.
type reader struct {
	read func(ctx context.Context) error
}

func (r reader) Profile(ctx context.Context, name string) (site.Profile, bool, error) {
	return site.Profile{Username: name, Name: "Somebody"}, true, r.read(ctx)
}

func (r reader) Tweet(context.Context, string) (site.Tweet, bool, error) {
	return site.Tweet{}, false, nil
}

func hasHead(a answer) bool { return a.has(200, "<title>Somebody (@ada)</title>") }

func isGeneral(a answer) bool { return a.has(200, "<title>Roost</title>") }

// The head of a page is read as by a caller without a session, whatever the cookie, who pays for it; beyond the budget it is general.
func TestHeadsAreCharged(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	users := make(chan int64, 1000)
	b := budget.New(budget.Config{Address: limit, Now: func() time.Duration { return 0 }})
	f := start(t, func(c *server.Config) {
		c.Budgets = b
		c.Site.Reader = reader{func(ctx context.Context) error { users <- caller.From(ctx).UserID(); return nil }}
	})
	heads := 0
	for range 500 {
		a := send(t, "GET", f.url+"/@ada", "", "Cookie", "roost_session=key-1", "Authorization", "Bearer key-1")
		if !hasHead(a) {
			if !isGeneral(a) {
				t.Fatalf("beyond the budget: %d %s", a.status, a.body)
			}
			break
		}
		heads++
		if user := <-users; user != 0 {
			t.Fatalf("user %d reads", user)
		}
	}
	if heads != limit/25 {
		t.Errorf("%d heads", heads)
	}
	if a := f.query(t, "{hello}"); !strings.Contains(a.body, "RATE_LIMITED") {
		t.Errorf("an operation from this address: %d %s", a.status, a.body)
	}
	if a := send(t, "GET", f.url+"/", ""); a.status != 200 {
		t.Errorf("a page without a read: %d", a.status)
	}
}

// A node that is busy, or that is not open yet, serves pages with a general head, and reads nothing for them.
func TestHeadsWithoutATurn(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 2), make(chan struct{})
	var inside atomic.Int32
	f := start(t, func(c *server.Config) {
		c.Admission = admission.Config{Running: 1, Inside: 1, Queue: 1, Wait: time.Millisecond}
		c.Site.Reader = reader{func(context.Context) error {
			defer inside.Add(-1)
			if inside.Add(1) > 1 {
				t.Error("two read at once")
				return nil
			}
			begun <- struct{}{}
			<-release
			return nil
		}}
		c.Site.ReadTimeout = patience
	})
	first := make(chan answer)
	go func() { first <- send(t, "GET", f.url+"/@ada", "") }()
	<-begun
	if a := send(t, "GET", f.url+"/@ada", ""); !isGeneral(a) {
		t.Errorf("on a busy node: %d %s", a.status, a.body)
	}
	close(release)
	if a := <-first; !hasHead(a) {
		t.Errorf("the first: %d %s", a.status, a.body)
	}
	if a := send(t, "GET", f.url+"/@ada", ""); !hasHead(a) {
		t.Errorf("after the first: %d %s", a.status, a.body)
	}
	closed := start(t, func(c *server.Config) {
		c.Closed = true
		c.Site.Reader = reader{func(context.Context) error { t.Error("it reads"); return nil }}
	})
	if a := send(t, "GET", closed.url+"/@ada", ""); !isGeneral(a) {
		t.Errorf("on a node that starts: %d %s", a.status, a.body)
	}
	if a := send(t, "GET", closed.url+"/@ada", "", "Upgrade", "websocket", "Connection", "Upgrade"); a.status != http.StatusOK {
		t.Errorf("an upgrade: %d %s", a.status, a.body)
	}
}
