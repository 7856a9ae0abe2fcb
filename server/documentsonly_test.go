package server_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"roost/server"
)

// untouched is an Authenticator and a store of persisted queries that count how often they are asked.
type untouched struct {
	*accounts
	asked atomic.Int64
}

func (u *untouched) Authenticate(ctx context.Context, key string) (server.Session, error) {
	u.asked.Add(1)
	return u.accounts.Authenticate(ctx, key)
}

func (u *untouched) Get(context.Context, string) (string, bool) { u.asked.Add(1); return "", false }
func (u *untouched) Put(context.Context, string, string)        { u.asked.Add(1) }

// A server that runs only its own documents refuses all others by POST, by GET and over websockets: before it parses them, before it
// asks whose session it is, and before it asks for a persisted query.
func TestDocumentsOnly(t *testing.T) {
	t.Parallel()
	const whoami = "query Who { whoami }"
	var stores *untouched
	f := start(t, func(c *server.Config) {
		stores = &untouched{accounts: c.Authenticator.(*accounts)}
		c.Authenticator, c.PersistedQueries = stores, stores
		c.NoPlayground, c.DocumentsOnly = true, true
		c.Documents = []server.PersistedDocument{
			{ID: "who", Text: whoami}, {ID: "health", Text: "{__typename}"}, {ID: "ticks", Text: "subscription { ticks(n: 1) }"},
		}
	})
	const hash = `"extensions":{"persistedQuery":{"version":1,` +
		`"sha256Hash":"9dd7ff987fac8d0d1979084ebde5ce8bd855cd066d1a34e98432275cc6bc264c"}}`
	post := func(body string) answer {
		return send(t, "POST", f.url+"/graphql", body, "Content-Type", "application/json", "Authorization", "Bearer key-1")
	}
	get := func(query string) answer {
		return send(t, "GET", f.url+"/graphql?"+query, "", "Authorization", "Bearer key-1", "Accept", "application/graphql-response+json")
	}
	texts := []string{
		`{"query":"` + whoami + `"}`, `{"query":"{__typename}"}`, `{"query":"not GraphQL"}`, `{"query":"{hello}",` + hash + `}`,
		`{"query":"{__schema{queryType{name}}}","extensions":{"persistedQuery":5}}`,
	}
	for _, body := range texts {
		if a := post(body); !a.has(403, `"code":"FORBIDDEN"`) || !strings.Contains(a.body, "documentId") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := get("query=" + url.QueryEscape(whoami)); !a.has(403, `"code":"FORBIDDEN"`) {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
	if n := stores.asked.Load(); n != 0 {
		t.Errorf("the stores were asked %d times", n)
	}
	if a := post(`{` + hash + `}`); !a.has(200, `"code":"PERSISTED_QUERY_NOT_FOUND"`) {
		t.Errorf("a hash of no document: %d %s", a.status, a.body)
	}
	if a := post(`{"documentId":"who","query":"{hello}"}`); !a.has(400, `"code":"BAD_REQUEST"`) {
		t.Errorf("both: %d %s", a.status, a.body)
	}
	for range 2 {
		if a := post(`{"documentId":"who"}`); !a.has(200, `{"data":{"whoami":"user 1 `) {
			t.Errorf("POST: %d %s", a.status, a.body)
		}
		if a := get("documentId=who"); !a.has(200, `{"data":{"whoami":"user 1 `) {
			t.Errorf("GET: %d %s", a.status, a.body)
		}
	}
	if a := get("documentId=health"); !a.has(200, `{"data":{"__typename":"Query"}}`) {
		t.Errorf("a health check: %d %s", a.status, a.body)
	}
	if a := get("documentId=ticks"); !a.has(400, `"code":"BAD_REQUEST"`) {
		t.Errorf("a subscription: %d %s", a.status, a.body)
	}
	ws, _, err := f.dial(t, `{"Authorization":"Bearer key-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	receive(t, ws)
	stores.asked.Store(0)
	for _, payload := range texts {
		say(t, ws, `{"id":"1","type":"subscribe","payload":`+payload+`}`)
		if got, _ := receive(t, ws); !strings.Contains(got, `"type":"error"`) || !strings.Contains(got, `"code":"FORBIDDEN"`) {
			t.Errorf("%s: %s", payload, got)
		}
	}
	say(t, ws, `{"id":"2","type":"subscribe","payload":{"documentId":"ticks"}}`)
	if got, _ := receive(t, ws); got != `{"id":"2","type":"next","payload":{"data":{"ticks":1}}}` {
		t.Errorf("a subscription: %s", got)
	}
	if n := stores.asked.Load(); n != 0 {
		t.Errorf("the stores were asked %d times by the socket", n)
	}
}

// The error of New has a type of its own if documents are at fault.
func TestDocumentsError(t *testing.T) {
	t.Parallel()
	cfg := config(nil, &accounts{})
	cfg.Documents = []server.PersistedDocument{{ID: "bad", Text: "{nothing}"}}
	if _, err := server.New(cfg); err == nil {
		t.Error("there is no error")
	} else if _, ok := errors.AsType[server.DocumentsError](err); !ok {
		t.Errorf("%T %v", err, err)
	}
}
