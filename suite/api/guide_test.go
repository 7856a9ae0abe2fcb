package api

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/app"
	apiguide "roost/docs/api"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// Every example of the guide does what the page says: each page is played from top to bottom against a node of its own. Answers are
// compared with those on the page; sources are those that are compiled, and run by their own tests.
func TestGuide(t *testing.T) {
	t.Parallel()
	for _, page := range apiguide.Pages() {
		t.Run(page.Name, func(t *testing.T) {
			t.Parallel()
			steps, faults := stepsOf(apiguide.Source(page.Name))
			for _, fault := range faults {
				t.Error(fault)
			}
			if page.Name != apiguide.Reference && len(steps) == 0 {
				t.Error("the page has no example")
			}
			if len(steps) > 0 && !t.Failed() {
				newPlayer(t).play(t, steps)
			}
		})
	}
}

// player plays the steps of a page.
type player struct {
	node *apitest.Roost
	// keys are the keys of sessions, by username; that of nobody is empty.
	keys  map[string]string
	as    string
	shown shown

	last   string // the last answer in JSON
	reply  *reply // the last answer to a command
	events []func(t *testing.T) string
	socket *websocket.Conn
}

// newPlayer starts a node with the world that index.md describes.
func newPlayer(t *testing.T) *player {
	node := apitest.New(t, apitest.Embedded, func(c *app.Config) { c.Budget, c.BudgetAddress = 600_000, 1_200_000 })
	p := &player{node: node, keys: map[string]string{"nobody": ""}, as: "ada", shown: shown{map[string]string{}}}
	people := map[string]*apitest.User{}
	for username, name := range map[string]string{"ada": "Ada Whitfield", "junko": "Junko Hayashi", "pelle": "Pelle Lindqvist"} {
		u := &apitest.User{Name: username, Password: "welcome-to-roost"}
		res := node.Anonymous().Must(t, `mutation($i: SignUpInput!) { signUp(input: $i) { token viewer { user { id } } userErrors { code } } }`,
			apitest.Vars{"i": apitest.Vars{"username": username, "name": name, "email": username + "@example.com", "password": u.Password,
				"tokenDelivery": "TOKEN"}})
		u.ID, u.Client = res.String("signUp.viewer.user.id"), node.As(res.String("signUp.token"))
		p.keys[username], people[username] = u.Key, u
		p.shown.values["<"+username+">"], p.shown.values["<key of "+username+">"] = u.ID, u.Key
	}
	for _, tweet := range []struct{ name, by, text string }{
		{"<atlas>", "junko", "Found an atlas from 1921. Half of #Europe is missing."},
		{"<ferry>", "pelle", "The ferry is late. The sea is not."},
		{"<map>", "junko", "A map of my street, drawn by @pelle https://example.com/map"},
	} {
		p.shown.values[tweet.name] = people[tweet.by].Tweet(t, tweet.text)
	}
	start := p.position(t)
	people["ada"].Follow(t, people["junko"].ID)
	p.settle(t, start)
	return p
}

// settle waits until the node has seen the last write of the world in the log, ada's new follow, for which a subscriber gets a reset. From
// then on no page has a cursor from before it, after which an event would repeat what the page shows. A cursor from before the follow may
// be from before tweets of the world as well: those come first, as entries.
func (p *player) settle(t *testing.T, before string) {
	t.Helper()
	events := p.client().Dial(t).Subscribe(t, `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor } }`,
		apitest.Vars{"after": before})
	last := events.Next(t)
	for last.String("homeTimelineEvents.__typename") == "TimelineEntryAdded" {
		last = events.Next(t)
	}
	if last.String("homeTimelineEvents.__typename") != "TimelineReset" {
		t.Fatalf("a new follow is %s", last.Body)
	}
	events.Stop(t)
	apitest.Until(t, "pages to show the last write", func() bool {
		return p.position(t) == last.String("homeTimelineEvents.cursor")
	})
}

// position is a cursor up to which ada has seen what happens.
func (p *player) position(t *testing.T) string {
	t.Helper()
	page := p.node.As(p.keys["ada"]).Must(t, `{ viewer { homeTimeline(first: 0) { eventCursor } } }`, nil)
	return page.String("viewer.homeTimeline.eventCursor")
}

func (p *player) play(t *testing.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		var err error
		switch s.kind {
		case "as":
			key, isUser := p.keys[s.text]
			if !isUser {
				key, err = p.shown.fill(s.text)
			}
			p.as, p.keys[s.text] = s.text, key
		case "run":
			p.send(t, s, "")
			if strings.Contains(p.last, `"errors"`) || strings.Contains(p.last, `"code"`) {
				t.Fatalf("line %d: %s", s.line, p.last)
			}
		case "graphql":
			variables := ""
			if i+1 < len(steps) && steps[i+1].kind == "json variables" {
				variables = steps[i+1].text
			}
			if strings.HasPrefix(s.text, "subscription") {
				p.subscribe(t, s, variables)
			} else {
				p.send(t, s, variables)
			}
		case "sh":
			if p.reply = p.shell(t, s); p.reply != nil {
				p.last = p.reply.body
			}
		case "json answer":
			err = p.shown.json(s.text, p.last)
		case "http answer":
			err = p.http(s.text, p.reply)
		case "http stream":
			err = p.stream(t, s.text, p.reply)
		case "json event":
			for _, next := range p.events {
				if err == nil {
					err = p.shown.json(s.text, next(t))
				}
			}
		case "indexed":
			apitest.Until(t, "searches to find the world", func() bool {
				found := p.client().Must(t, `{ searchTweets(query: "map") { nodes { id } } searchUsers(query: "junko") { nodes { id } } }`, nil)
				return len(found.Strings("searchTweets.nodes", "id")) == 1 && len(found.Strings("searchUsers.nodes", "id")) == 1
			})
		case "spend":
			apitest.Until(t, "the budget to be spent", func() bool {
				p.send(t, s, "")
				return strings.Contains(p.last, "RATE_LIMITED")
			})
		case "socket":
			p.dial(t)
		case "json sends":
			var text string
			if text, err = p.shown.fill(s.text); err == nil {
				err = p.socket.WriteMessage(websocket.TextMessage, []byte(text))
			}
		case "json receives":
			err = p.shown.json(s.text, p.receive(t))
		case "closed":
			if _, _, closed := p.socket.ReadMessage(); !websocket.IsCloseError(closed, closeCode(t, s.text)) {
				t.Errorf("line %d: the socket ends with %v", s.line, closed)
			}
		case "json variables":
		default:
			p.compare(t, s)
		}
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
	}
}

// client returns the client of whose turn it is.
func (p *player) client() *apitest.Client { return p.node.As(p.keys[p.as]) }

// operation returns the text and variables of an operation with all values filled in.
func (p *player) operation(t *testing.T, s step, variables string) (string, apitest.Vars) {
	t.Helper()
	query, err := p.shown.fill(s.text)
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	var vars apitest.Vars
	if variables != "" {
		if variables, err = p.shown.fill(variables); err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		if err := json.Unmarshal([]byte(variables), &vars); err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
	}
	return query, vars
}

func (p *player) send(t *testing.T, s step, variables string) {
	t.Helper()
	query, vars := p.operation(t, s, variables)
	p.last = string(p.client().Run(t, query, vars).Body)
}

// subscribe opens a subscription over a websocket and over Server-Sent Events; both have to send what is shown.
func (p *player) subscribe(t *testing.T, s step, variables string) {
	t.Helper()
	query, vars := p.operation(t, s, variables)
	client := p.client()
	socket := client.Dial(t)
	sent := socket.Subscribe(t, query, vars)
	socket.Subscribe(t, "{ __typename }", nil).Next(t) // the server reads messages in order, so it has read the one before
	events := client.Events(t, query, vars, "")
	p.events = []func(*testing.T) string{
		func(t *testing.T) string { return string(sent.Next(t).Body) },
		func(t *testing.T) string {
			r, err := events.Next()
			if err != nil {
				t.Fatalf("line %d: over Server-Sent Events: %v", s.line, err)
			}
			return string(r.Body)
		},
	}
}

func (p *player) dial(t *testing.T) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: apitest.Patience}
	conn, res, err := d.Dial("ws"+strings.TrimPrefix(p.node.URL, "http")+"/graphql", http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(apitest.Patience))
	p.socket = conn
}

// receive returns the next message that is not a ping.
func (p *player) receive(t *testing.T) string {
	t.Helper()
	for {
		_, data, err := p.socket.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), `"type":"ping"`) {
			return string(data)
		}
	}
}

// compare compares a source on the page with the file that it names.
func (p *player) compare(t *testing.T, s step) {
	t.Helper()
	m := source.FindStringSubmatch(s.kind)
	text, err := os.ReadFile(filepath.Join(rig.Repository(t), filepath.FromSlash(m[2])))
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	if strings.TrimSpace(string(text)) != strings.TrimSpace(s.text) {
		t.Errorf("line %d: the block differs from %s", s.line, m[2])
	}
}

func closeCode(t *testing.T, text string) int {
	t.Helper()
	var code int
	if err := json.Unmarshal([]byte(text), &code); err != nil {
		t.Fatal(err)
	}
	return code
}

// The test notices what pages may do wrong.
func TestGuideNoticesFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"```graphql\n{ viewer { email } }\n```\n":                             "line 1: the example has no answer",
		"```graphql\n{ a }\n```\n```graphql\n{ b }\n```\n```json answer\n```": "line 1: the example has no answer",
		"```ruby\nputs\n```":            `line 1: "ruby" is no kind of block`,
		"```json answer\n{}":            "line 1: the block has no end",
		"<!-- note: -->":                "line 1: <!-- note: --> is no step",
		"```json event\n{}\n```":        "line 1: an event without a subscription",
		"```graphql\nsubscription\n```": "line 1: a subscription has no event",
	} {
		if _, faults := stepsOf(text); !slices.Contains(faults, want) {
			t.Errorf("%q: %q, want %q", text, faults, want)
		}
	}
	s := shown{map[string]string{"<b>": "2"}}
	for _, one := range []struct {
		want, got string
		equal     bool
	}{
		{`{"a": "<a>", "b": ["<b>", "…"]}`, `{"b": ["2", 3], "a": "1"}`, true},
		{`{"a": "<a>"}`, `{"a": "2"}`, false}, {`{"a": "x…z"}`, `{"a": "xyz"}`, true}, {`{"a": "x…z"}`, `{"a": "xy"}`, false},
		{`{"a": 1}`, `{"a": 2}`, false}, {`{"a": 1}`, `{"a": 1, "b": 1}`, false}, {`["…"]`, `[]`, false}, {`{"a": "…"}`, `{"a": null}`, false},
	} {
		if err := s.json(one.want, one.got); (err == nil) != one.equal {
			t.Errorf("%s and %s: %v", one.want, one.got, err)
		}
	}
}
