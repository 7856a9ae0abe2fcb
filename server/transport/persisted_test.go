package transport_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/transport"
)

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

func persistedQuery(hash string) string {
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
}

func withPersisted(t *testing.T, store transport.PersistedQueries, maxBytes int) *fixture {
	return start(t, func(s *setup) {
		s.extensions = []graphql.HandlerExtension{transport.Persisted{Store: store, MaxBytes: maxBytes}}
	})
}

func memory(t *testing.T, entries, bytes int) *transport.MemoryQueries {
	t.Helper()
	m, err := transport.NewMemoryQueries(entries, bytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	f := withPersisted(t, memory(t, 10, 1<<20), 0)
	const query = "{hello}"
	hash := hashOf(query)
	only := `{"extensions":` + persistedQuery(hash) + `}`
	both := `{"query":"` + query + `","extensions":` + persistedQuery(hash) + `}`

	if a := f.post(t, only); a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" || a.status != 200 {
		t.Fatalf("unknown hash: %d %s", a.status, a.body)
	}
	if a := f.post(t, both); a.code() != "" {
		t.Fatalf("with the query: %s", a.body)
	}
	if a := f.post(t, only); string(a.Data) != `{"hello":"world"}` {
		t.Errorf("POST: %s", a.body)
	}
	if a := f.post(t, `{"extensions":`+persistedQuery(strings.ToUpper(hash))+`}`); a.code() != "" {
		t.Errorf("upper case: %s", a.body)
	}
	if a := f.get(t, url.Values{"extensions": {persistedQuery(hash)}}); string(a.Data) != `{"hello":"world"}` {
		t.Errorf("GET: %s", a.body)
	}
	ws := f.connected(t)
	ws.say(`{"id":"1","type":"subscribe","payload":` + only + `}`)
	ws.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"1","type":"complete"}`)
	ws.say(`{"id":"2","type":"subscribe","payload":{"extensions":` + persistedQuery(hashOf("{other}")) + `}}`)
	ws.hearError("2", "PERSISTED_QUERY_NOT_FOUND")
}

func TestPersistedQueriesRefuse(t *testing.T) {
	t.Parallel()
	f := withPersisted(t, memory(t, 10, 1<<20), 0)
	for name, extensions := range map[string]string{
		"wrong hash":     persistedQuery(hashOf("{hello }")),
		"short hash":     persistedQuery("abcd"),
		"no hex":         persistedQuery(strings.Repeat("z", 64)),
		"other version":  `{"persistedQuery":{"version":2,"sha256Hash":"` + hashOf("{hello}") + `"}}`,
		"version a text": `{"persistedQuery":{"version":"1","sha256Hash":"` + hashOf("{hello}") + `"}}`,
		"no object":      `{"persistedQuery":true}`,
	} {
		if a := f.post(t, `{"query":"{hello}","extensions":`+extensions+`}`); a.code() != "BAD_REQUEST" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	// A mutation under a hash is still none for GET, and what is not valid is not kept.
	const bump = "mutation{bump}"
	f.post(t, `{"query":"`+bump+`","extensions":`+persistedQuery(hashOf(bump))+`}`)
	if a := f.get(t, url.Values{"extensions": {persistedQuery(hashOf(bump))}}); a.status != 405 {
		t.Errorf("mutation by GET: %d %s", a.status, a.body)
	}
	const wrong = "{nothing}"
	f.post(t, `{"query":"`+wrong+`","extensions":`+persistedQuery(hashOf(wrong))+`}`)
	if a := f.post(t, `{"extensions":`+persistedQuery(hashOf(wrong))+`}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid document was kept: %s", a.body)
	}
}

func TestPersistedQueriesAreBounded(t *testing.T) {
	t.Parallel()
	m := memory(t, 3, 1000)
	f := withPersisted(t, m, 200)
	keep := func(query string) string {
		f.post(t, `{"query":"`+query+`","extensions":`+persistedQuery(hashOf(query))+`}`)
		return hashOf(query)
	}
	known := func(hash string) bool { _, ok := m.Get(context.Background(), hash); return ok }
	if known(keep("{hello" + strings.Repeat(" ", 200) + "}")) {
		t.Error("a document that is too long was kept")
	}
	var hashes []string
	for i := range 5 {
		hashes = append(hashes, keep(fmt.Sprintf("query Q%d{hello}", i)))
	}
	for i, hash := range hashes {
		if known(hash) != (i >= 2) {
			t.Errorf("document %d: known is %t", i, known(hash))
		}
	}
	small := memory(t, 100, 300)
	for i := range 100 {
		small.Put(context.Background(), fmt.Sprint(i), strings.Repeat("x", 98))
	}
	kept := 0
	for i := range 100 {
		if _, ok := small.Get(context.Background(), fmt.Sprint(i)); ok {
			kept++
		}
	}
	if kept != 3 {
		t.Errorf("%d documents of 100 bytes in 300", kept)
	}
	small.Put(context.Background(), "long", strings.Repeat("x", 400))
	if _, ok := small.Get(context.Background(), "long"); ok {
		t.Error("a document longer than the store was kept")
	}
}

// forger is a store that returns another document than it was asked for.
type forger struct{ query string }

func (f forger) Get(context.Context, string) (string, bool) { return f.query, true }
func (forger) Put(context.Context, string, string)          {}

func TestPersistedQueryOfAWrongStore(t *testing.T) {
	t.Parallel()
	f := withPersisted(t, forger{"mutation{bump}"}, 0)
	if a := f.post(t, `{"extensions":`+persistedQuery(hashOf("{hello}"))+`}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("got %s", a.body)
	}
	if f.res.Bumped.Load() != 0 {
		t.Error("it ran")
	}
}
