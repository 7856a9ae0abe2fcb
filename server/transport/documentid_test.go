package transport_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/transport"
)

// Documents of the operator, by their identifiers.
const (
	countText = "query Count($n: Int) {\n  count(n: $n)\n}"
	bumpText  = "mutation Bump { bump } query Hello { hello }"
	tickText  = "subscription { ticks(n: 1) }"
)

// counted is a store that counts what it is asked.
type counted struct {
	transport.PersistedQueries
	asked atomic.Int64
}

func (c *counted) Get(ctx context.Context, hash string) (string, bool) {
	c.asked.Add(1)
	return c.PersistedQueries.Get(ctx, hash)
}

func (c *counted) Put(ctx context.Context, hash, query string) {
	c.asked.Add(1)
	c.PersistedQueries.Put(ctx, hash, query)
}

func withDocuments(t *testing.T, only bool) (*fixture, *counted) {
	t.Helper()
	texts := map[string]string{
		"sha256:" + hashOf(countText): countText, "x-app:count.v1": countText, "A-Z_0.9~": bumpText,
		"0123456789abcdef0123456789abcdef": tickText, "broken": "{hello",
	}
	store := &counted{PersistedQueries: memory(t, 10, 1<<20)}
	return start(t, func(s *setup) {
		s.extensions = []graphql.HandlerExtension{transport.Persisted{
			Store: store, Only: only, Document: func(id string) (string, bool) { text, ok := texts[id]; return text, ok },
		}}
	}), store
}

func quoted(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

// The example of the appendix: the hash is that of the text as it is, with its white space.
func TestExampleOfTheAppendix(t *testing.T) {
	t.Parallel()
	for text, hash := range map[string]string{
		"query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}": "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e",
		"query($id:ID!){user(id:$id){name}}":                      "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b",
	} {
		if hashOf(text) != hash {
			t.Errorf("%q has the hash %s", text, hashOf(text))
		}
		if err := transport.CheckDocumentID("sha256:" + hash); err != nil {
			t.Error(err)
		}
	}
}

// A document that is named runs as if it had been sent: with variables, names of operations and extensions, by POST, by GET and over a
// websocket.
func TestDocumentsByID(t *testing.T) {
	t.Parallel()
	f, _ := withDocuments(t, false)
	count := `"documentId":"sha256:` + hashOf(countText) + `"`
	for body, want := range map[string]string{
		`{` + count + `,"variables":{"n":3}}`:                                 `{"count":3}`,
		`{` + count + `,"variables":{"n":3},"extensions":{"trace":1}}`:        `{"count":3}`,
		`{` + count + `,"query":null,"extensions":{"persistedQuery":null}}`:   `{"count":null}`,
		`{` + count + `,"query":""}`:                                          `{"count":null}`,
		`{"documentId":"gone",` + count + `}`:                                 `{"count":null}`,
		`{"documentId":"x-app:count.v1","operationName":"","variables":null}`: `{"count":null}`,
		`{"documentId":"x-app:count.v\u0031","variables":{"n":4}}`:            `{"count":4}`,
		`{"documentId":"A-Z_0.9~","operationName":"Bump"}`:                    `{"bump":1}`,
		`{"documentId":"A-Z_0.9~","operationName":"Hello"}`:                   `{"hello":"world"}`,
		`{"documentId":null,"query":"{hello}"}`:                               `{"hello":"world"}`,
	} {
		a := f.post(t, body)
		if got := string(a.Data); got != want || a.code() != "" || a.status != 200 {
			t.Errorf("%s: %d %s, want %s", body, a.status, a.body, want)
		}
	}
	get := func(pairs ...string) answer {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return f.get(t, v)
	}
	for _, id := range []string{"sha256:" + hashOf(countText), "x-app:count.v1"} {
		if a := get("documentId", id, "variables", `{"n":5}`, "operationName", ""); string(a.Data) != `{"count":5}` {
			t.Errorf("GET %s: %s", id, a.body)
		}
		if a := get("documentId", id, "variables", `{"n":5}`, "extensions", `{"trace":1}`); string(a.Data) != `{"count":5}` {
			t.Errorf("GET %s with extensions: %s", id, a.body)
		}
	}
	if a := get("documentId", "A-Z_0.9~", "operationName", "Hello"); string(a.Data) != `{"hello":"world"}` {
		t.Errorf("GET of a query beside a mutation: %s", a.body)
	}
	if a := get("documentId", "A-Z_0.9~", "operationName", "Bump"); a.status != http.StatusMethodNotAllowed || f.res.Bumped.Load() != 1 {
		t.Errorf("GET of a mutation: %d %s, %d ran", a.status, a.body, f.res.Bumped.Load())
	}
	ws := f.connected(t)
	ws.say(`{"id":"1","type":"subscribe","payload":{` + count + `,"variables":{"n":6}}}`)
	ws.expect(`{"id":"1","type":"next","payload":{"data":{"count":6}}}`, `{"id":"1","type":"complete"}`)
	ws.say(`{"id":"2","type":"subscribe","payload":{"documentId":"0123456789abcdef0123456789abcdef"}}`)
	ws.expect(`{"id":"2","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"2","type":"complete"}`)
}

// What is no identifier, and a request that names a document in two ways or brings it besides, gets 400 and one error, whatever media
// type it wants. Nothing of it is repeated, and no store is asked.
func TestDocumentIDsRefused(t *testing.T) {
	t.Parallel()
	f, store := withDocuments(t, false)
	hash := hashOf(countText)
	ids := map[string]string{
		"empty": "", "short": "sha256:" + hash[:63], "long": "sha256:" + hash + "0", "no digits": "sha256:",
		"upper case": "sha256:" + strings.ToUpper(hash),
		"no hex":     "sha256:" + strings.Repeat("g", 64), "upper-case prefix": "SHA256:" + hash, "other prefix": "md5:" + hash[:32],
		"no prefix": ":" + hash, "prefix without a name": "x-:a", "prefix without a payload": "x-a:", "upper-case x": "X-a:b",
		"two colons": "x-a:b:c", "space": "a b", "slash": "a/b", "plus": "x-a:b+c", "percent": "a%20b", "letter beyond ASCII": "é",
		"line break": "a\n", "NUL": "a\x00", "NUL behind a hash": "sha256:" + hash + "\x00", "quote": `a"`, "10 KB": strings.Repeat("a", 10<<10),
		"10 KB with a prefix": "x-a:" + strings.Repeat("b", 10<<10), "257 bytes": strings.Repeat("a", transport.MaxDocumentID+1),
	}
	ws := f.connected(t)
	refused := func(name string, a answer, id string) {
		t.Helper()
		if a.status != http.StatusBadRequest || a.code() != "BAD_REQUEST" || len(a.Errors) != 1 || a.Data != nil {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if len(id) > 20 && strings.Contains(a.body, id[:20]) {
			t.Errorf("%s: the answer repeats it: %s", name, a.body)
		}
	}
	for name, id := range ids {
		body := `{"documentId":` + quoted(id) + `}`
		refused(name, f.post(t, body), id)
		refused(name, f.post(t, body, "Accept", "application/graphql-response+json"), id)
		refused(name+" by GET", f.get(t, url.Values{"documentId": {id}}), id)
		ws.say(`{"id":"1","type":"subscribe","payload":` + body + `}`)
		ws.hearError("1", "BAD_REQUEST")
	}
	named := `"documentId":"x-app:count.v1"`
	for name, body := range map[string]string{
		"and a query":                   `{` + named + `,"query":"{hello}"}`,
		"and a hash":                    `{` + named + `,"extensions":` + persistedQuery(hash) + `}`,
		"all of them":                   `{` + named + `,"query":"{hello}","extensions":` + persistedQuery(hashOf("{hello}")) + `}`,
		"no text":                       `{"documentId":5}`,
		"no text, and":                  `{"documentId":["x"],"query":"{hello}"}`,
		"nothing":                       `{"documentId":null}`,
		"the key with which it goes on": `{"extensions":{"documentId\u0000":"x-app:count.v1"}}`,
	} {
		refused(name, f.post(t, body), "")
	}
	refused("a query by GET", f.get(t, url.Values{"documentId": {"x-app:count.v1"}, "query": {"{hello}"}}), "")
	refused("a hash by GET", f.get(t, url.Values{"documentId": {"x-app:count.v1"}, "extensions": {persistedQuery(hash)}}), "")
	ws.say(`{"id":"2","type":"subscribe","payload":{` + named + `,"query":"{hello}"}}`)
	ws.hearError("2", "BAD_REQUEST")
	if n := store.asked.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
}

// A well-formed identifier of no document gets one error, and a hash finds what clients have sent under it.
func TestUnknownDocumentIDs(t *testing.T) {
	t.Parallel()
	f, _ := withDocuments(t, false)
	for _, id := range []string{
		"sha256:" + hashOf("{hello}"), hashOf("{hello}"), "x-app:none", "none", strings.Repeat("a", transport.MaxDocumentID),
	} {
		for media, status := range map[string]int{"application/json": 200, "application/graphql-response+json": 400} {
			a := f.post(t, `{"documentId":"`+id+`"}`, "Accept", media)
			if a.code() != "PERSISTED_QUERY_NOT_FOUND" || len(a.Errors) != 1 || a.Data != nil || a.status != status {
				t.Errorf("%s as %s: %d %s", id, media, a.status, a.body)
			}
		}
	}
	f.post(t, `{"query":"{hello}","extensions":`+persistedQuery(hashOf("{hello}"))+`}`)
	if a := f.post(t, `{"documentId":"sha256:`+hashOf("{hello}")+`"}`); string(a.Data) != `{"hello":"world"}` {
		t.Errorf("after it was sent: %s", a.body)
	}
	if a := f.post(t, `{"documentId":"`+hashOf("{hello}")+`"}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("without the prefix: %s", a.body)
	}
	if a := f.post(t, `{"documentId":"broken"}`, "Accept", "application/graphql-response+json"); a.code() != "BAD_REQUEST" || a.status != 400 {
		t.Errorf("a document that cannot run: %s", a.body)
	}
}

// Where only the operator's documents run, whatever brings a document is refused before any store is asked, also a document that the
// operator has given; and so are hashes of others.
func TestDocumentsOnly(t *testing.T) {
	t.Parallel()
	f, store := withDocuments(t, true)
	ws := f.connected(t)
	for _, body := range []string{
		`{"query":"{hello}"}`, `{"query":` + quoted(countText) + `}`, `{"query":"{__typename}"}`, `{"query":"not GraphQL"}`,
		`{"query":"{hello}","extensions":` + persistedQuery(hashOf("{hello}")) + `}`,
		`{"query":"{hello}","extensions":{"persistedQuery":{"version":7}}}`,
		`{"query":` + quoted(countText) + `,"extensions":` + persistedQuery(hashOf(countText)) + `}`,
	} {
		if a := f.post(t, body); a.code() != "FORBIDDEN" || a.status != http.StatusForbidden || len(a.Errors) != 1 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
		ws.say(`{"id":"1","type":"subscribe","payload":` + body + `}`)
		ws.hearError("1", "FORBIDDEN")
	}
	if a := f.get(t, url.Values{"query": {countText}}); a.code() != "FORBIDDEN" || a.status != http.StatusForbidden {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
	for _, unknown := range []string{
		`{"extensions":` + persistedQuery(hashOf("{hello}")) + `}`, `{"documentId":"sha256:` + hashOf("{hello}") + `"}`, `{"documentId":"none"}`,
	} {
		if a := f.post(t, unknown); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("%s: %d %s", unknown, a.status, a.body)
		}
	}
	for _, known := range []string{
		`{"extensions":` + persistedQuery(hashOf(countText)) + `,"variables":{"n":3}}`, `{"documentId":"x-app:count.v1","variables":{"n":3}}`,
	} {
		if a := f.post(t, known); string(a.Data) != `{"count":3}` {
			t.Errorf("%s: %s", known, a.body)
		}
		ws.say(`{"id":"1","type":"subscribe","payload":` + known + `}`)
		ws.expect(`{"id":"1","type":"next","payload":{"data":{"count":3}}}`, `{"id":"1","type":"complete"}`)
	}
	if a := f.get(t, url.Values{"documentId": {"x-app:count.v1"}, "variables": {`{"n":3}`}}); string(a.Data) != `{"count":3}` {
		t.Errorf("GET: %s", a.body)
	}
	if n := store.asked.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
}
