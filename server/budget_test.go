package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/server"
	"roost/server/budget"
)

// watched is a store of documents that counts how often it is asked, and an extension that counts the operations that are checked.
type watched struct {
	asked, checked atomic.Int64
}

func (w *watched) Get(context.Context, string) (string, bool) { w.asked.Add(1); return "", false }
func (w *watched) Put(context.Context, string, string)        { w.asked.Add(1) }

func (*watched) ExtensionName() string                   { return "watched" }
func (*watched) Validate(graphql.ExecutableSchema) error { return nil }
func (*watched) ChecksDocument()                         {}
func (w *watched) MutateOperationContext(context.Context, *graphql.OperationContext) *gqlerror.Error {
	w.checked.Add(1)
	return nil
}

// tight starts a server on which a user, and an address, may spend so many points; nothing comes back. `whoami` is free.
func tight(t *testing.T, points int) (*fixture, *watched) {
	t.Helper()
	w := &watched{}
	return start(t, func(c *server.Config) {
		c.Budgets = budget.New(budget.Config{User: points, Address: points, Now: func() time.Duration { return 0 }})
		c.Free = func(object, field string) bool { return object+"."+field == "Query.whoami" }
		c.PersistedQueries, c.Extensions = w, []graphql.HandlerExtension{w}
		c.Documents = []server.PersistedDocument{{ID: "x-app:hello", Text: "query H{hello}"},
			{ID: "x-app:ticks", Text: "subscription T{ticks(n:1)}"}}
	}), w
}

const spentMessage = "the budget of this user is spent, see `rateLimit`"

// isSpent reports whether an answer is the refusal of a spent budget: of a user, or of an address. retry is its retryAfter.
func isSpent(errorsJSON string) bool {
	var list []struct {
		Message    string
		Extensions struct {
			Code       string
			RetryAfter int
		}
	}
	return json.Unmarshal([]byte(errorsJSON), &list) == nil && len(list) == 1 && list[0].Message == spentMessage &&
		list[0].Extensions.Code == "RATE_LIMITED" && list[0].Extensions.RetryAfter > 0
}

// errorsOf returns the errors of an answer over HTTP.
func errorsOf(body string) string {
	var a struct{ Errors json.RawMessage }
	_ = json.Unmarshal([]byte(body), &a)
	return string(a.Errors)
}

// left returns the headers of an answer that say what is left: the limit, what remains, and when it is whole again.
func left(a answer) string {
	return a.header.Get("RateLimit-Limit") + " " + a.header.Get("RateLimit-Remaining") + " " + a.header.Get("RateLimit-Reset")
}

// A caller whose budget is spent gets the same answer on every transport, for every kind of operation and however the document is named,
// with the time after which it may come again; nothing runs and no store is asked. What is free is answered.
func TestSpentBudgetOnEveryTransport(t *testing.T) {
	t.Parallel()
	f, w := tight(t, 10)
	auth := []string{"Authorization", "Bearer key-1"}
	ws, _, err := f.dial(t, `{"Authorization":"Bearer key-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := receive(t, ws); m != `{"type":"connection_ack"}` {
		t.Fatalf("got %s", m)
	}
	if a := f.query(t, "{a:hello b:hello c:hello d:hello e:hello}", auth...); !a.has(200, "data") || left(a) != "10 0 60" {
		t.Fatalf("all of the budget: %d %s %v", a.status, a.body, a.header)
	}
	asked := w.asked.Load()
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte("{hello}")))
	persisted := `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
	get := func(params ...string) string {
		v := url.Values{}
		for i := 0; i < len(params); i += 2 {
			v.Set(params[i], params[i+1])
		}
		return f.url + "/graphql?" + v.Encode()
	}
	post := append([]string{"Content-Type", "application/json"}, auth...)
	asJSON := append([]string{"Accept", "application/json"}, post...)
	events := append([]string{"Accept", "text/event-stream"}, post...)
	for name, a := range map[string]answer{
		"POST":                  f.query(t, "{hello}", auth...),
		"POST of a mutation":    f.query(t, "mutation{bump}", auth...),
		"POST with a variable":  send(t, "POST", f.url+"/graphql", `{"query":"query($n:Int){count(n:$n)}","variables":{"n":1}}`, post...),
		"POST of JSON":          send(t, "POST", f.url+"/graphql", `{"query":"{hello}"}`, asJSON...),
		"GET":                   send(t, "GET", get("query", "{hello}"), "", auth...),
		"POST of a hash":        send(t, "POST", f.url+"/graphql", `{`+persisted+`}`, post...),
		"POST with its hash":    send(t, "POST", f.url+"/graphql", `{"query":"{hello}",`+persisted+`}`, post...),
		"POST of a document":    send(t, "POST", f.url+"/graphql", `{"documentId":"x-app:hello"}`, post...),
		"POST of a document id": send(t, "POST", f.url+"/graphql", `{"documentId":"sha256:`+hash+`"}`, post...),
		"GET of a document":     send(t, "GET", get("documentId", "x-app:hello"), "", auth...),
		"events of a query":     send(t, "POST", f.url+"/graphql", `{"query":"{hello}"}`, events...),
		"events":                send(t, "POST", f.url+"/graphql", `{"query":"subscription{ticks(n:1)}"}`, events...),
		"events of a hash":      send(t, "POST", f.url+"/graphql", `{`+persisted+`}`, events...),
		"events of a document":  send(t, "POST", f.url+"/graphql", `{"documentId":"x-app:ticks"}`, events...),
	} {
		if a.status != http.StatusTooManyRequests || !isSpent(errorsOf(a.body)) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || seconds < 1 || !strings.Contains(a.body, fmt.Sprintf(`"retryAfter":%d}`, seconds)) {
			t.Errorf("%s: Retry-After %q and %s", name, a.header.Get("Retry-After"), a.body)
		}
		if left(a) != "10 0 60" {
			t.Errorf("%s: %v", name, a.header)
		}
	}
	// A browser comes back by itself.
	source := f.source(t, "subscription{ticks(n:1)}", "Cookie", "roost_session=key-1")
	if got := rest(t, source); source.StatusCode != http.StatusOK || !strings.HasPrefix(got, "retry: ") || strings.Contains(got, "event") {
		t.Errorf("EventSource: %d %q", source.StatusCode, got)
	}
	for id, payload := range map[string]string{
		"text": `{"query":"{hello}"}`, "mutation": `{"query":"mutation{bump}"}`, "subscription": `{"query":"subscription{ticks(n:1)}"}`,
		"hash": `{` + persisted + `}`, "document": `{"documentId":"x-app:hello"}`,
	} {
		say(t, ws, `{"type":"subscribe","id":"`+id+`","payload":`+payload+`}`)
		m, _ := receive(t, ws)
		var got struct {
			Type, ID string
			Payload  json.RawMessage
		}
		if json.Unmarshal([]byte(m), &got) != nil || got.Type != "error" || got.ID != id || !isSpent(string(got.Payload)) {
			t.Errorf("socket, %s: %s", id, m)
		}
	}
	if n := w.asked.Load(); n != asked {
		t.Errorf("the store of documents was asked %d times for a caller who can pay for nothing", n-asked)
	}
	for name, a := range map[string]answer{
		"POST": f.query(t, "{whoami}", auth...), "GET": send(t, "GET", get("query", "{whoami}"), "", auth...),
	} {
		if !a.has(200, "data") || a.header.Get("RateLimit-Remaining") != "0" {
			t.Errorf("what is free, by %s: %d %s", name, a.status, a.body)
		}
	}
	say(t, ws, `{"type":"subscribe","id":"free","payload":{"query":"{whoami}"}}`)
	if m, _ := receive(t, ws); !strings.Contains(m, `"data"`) {
		t.Errorf("what is free, over a socket: %s", m)
	}
	if a := f.query(t, "{hello}", "Authorization", "Bearer key-2"); !a.has(200, "data") {
		t.Errorf("another user: %d %s", a.status, a.body)
	}
	if a := f.query(t, "{hello}"); !a.has(200, "data") {
		t.Errorf("a visitor: %d %s", a.status, a.body)
	}
}

// Operations cost the same on every transport, and a subscription when it starts.
func TestEveryTransportCharges(t *testing.T) {
	t.Parallel()
	f, _ := tight(t, 1000)
	left := func() int {
		t.Helper()
		n, err := strconv.Atoi(f.query(t, "{whoami}", "Authorization", "Bearer key-1").header.Get("RateLimit-Remaining"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	auth := []string{"Authorization", "Bearer key-1", "Content-Type", "application/json"}
	ws, _, err := f.dial(t, `{"Authorization":"Bearer key-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	receive(t, ws)
	for _, c := range []struct {
		name string
		do   func()
		cost int
	}{
		{"POST", func() { f.query(t, "{a:hello b:hello}", auth...) }, 4},
		{"POST of the same document", func() { f.query(t, "{a:hello b:hello}", auth...) }, 4},
		{"GET", func() { send(t, "GET", f.url+"/graphql?query={hello}", "", auth...) }, 2},
		{"document", func() { send(t, "POST", f.url+"/graphql", `{"documentId":"x-app:hello"}`, auth...) }, 2},
		{"free", func() { f.query(t, "{whoami}", auth...) }, 0},
		{"what cannot run", func() { f.query(t, "{nothing}", auth...) }, 0},
		{"mutation by GET", func() { send(t, "GET", f.url+"/graphql?query=mutation{bump}", "", auth...) }, 0},
		{"socket", func() {
			say(t, ws, `{"type":"subscribe","id":"1","payload":{"query":"{hello}"}}`)
			receive(t, ws)
			receive(t, ws)
		}, 2},
		{"subscription of a socket", func() {
			say(t, ws, `{"type":"subscribe","id":"2","payload":{"query":"subscription{ticks(n:3)}"}}`)
			for range 4 {
				receive(t, ws)
			}
		}, 2},
		{"events", func() { rest(t, f.stream(t, "subscription{ticks(n:3)}", auth...)) }, 2},
	} {
		before := left()
		c.do()
		if cost := before - left(); cost != c.cost {
			t.Errorf("%s: %d points, want %d", c.name, cost, c.cost)
		}
	}
}

// A refused request whose document is known is not parsed, validated or checked again.
func TestKnownDocumentsAreRefusedUnchecked(t *testing.T) {
	t.Parallel()
	f, w := tight(t, 10)
	const query = "{a:hello b:hello c:hello d:hello}"
	if a := f.query(t, query); !a.has(200, "data") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	checked := w.checked.Load()
	for range 3 {
		if a := f.query(t, query); a.status != http.StatusTooManyRequests {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if n := w.checked.Load() - checked; n != 0 {
		t.Errorf("%d refused operations were checked", n)
	}
}
