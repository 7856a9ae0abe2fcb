package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/document"
)

const (
	countText = "query Count($n: Int) { count(n: $n) }"
	pairText  = "query A { hello } mutation B { bump }"
)

func sha256ID(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

func testDocuments() []PersistedDocument {
	return []PersistedDocument{
		{ID: sha256ID("{hello}"), Text: "{hello}"}, {ID: "x-app:hello", Text: "{hello}"}, {ID: "count", Text: countText},
		{ID: "pair", Text: pairText},
		{ID: "long", Text: "{hello" + strings.Repeat(" ", 20<<10) + "}"},
	}
}

// preparing is an extension that notes what it prepares.
type preparing struct {
	mu    sync.Mutex
	names []string
}

func (*preparing) ExtensionName() string                   { return "preparing" }
func (*preparing) Validate(graphql.ExecutableSchema) error { return nil }

func (*preparing) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	return next(ctx)
}

func (p *preparing) PrepareOperation(op *graphql.OperationContext) {
	p.mu.Lock()
	defer p.mu.Unlock()
	document.Of(op).Value(func() any { return op.OperationName })
	p.names = append(p.names, op.OperationName)
}

// The operator's documents are prepared before the first request: each of their operations has its template, which the first request
// finds. They are kept whatever else is kept, and however long they are.
func TestPinnedDocumentsArePrepared(t *testing.T) {
	t.Parallel()
	p := &preparing{}
	s := newTestServer(t, func(c *Config) {
		c.Documents, c.Extensions, c.QueryCacheEntries, c.QueryCacheNodes = testDocuments(), []graphql.HandlerExtension{p}, 2, 20
	})
	p.names = nil // of the executor of the server itself
	exec, err := s.newExecutor()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.names); got != "[ Count A B ]" {
		t.Errorf("prepared %s", got)
	}
	first := &seen{operations: exec, t: t}
	for i := range 10 { // which drops what can be dropped
		s.answer(exec, 0, fmt.Sprintf(`{"query":"{a%d:hello}"}`, i))
	}
	bodies := []string{
		`{"documentId":"` + sha256ID("{hello}") + `"}`, `{"documentId":"x-app:hello"}`, `{"documentId":"count","variables":{"n":3}}`,
		`{"documentId":"` + sha256ID(countText) + `","variables":{"n":3}}`, `{"documentId":"pair","operationName":"A"}`,
		`{"documentId":"pair","operationName":"B"}`, `{"documentId":"long"}`, `{"query":"{hello}"}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	}
	for _, body := range bodies {
		if got := s.answer(first, 0, body); !strings.HasPrefix(got, "200") || !strings.Contains(got, `{"data":{`) {
			t.Errorf("%s: %s", body, got)
		}
	}
	if first.known != len(bodies) {
		t.Errorf("%d of %d requests went the short way at once", first.known, len(bodies))
	}
	for _, body := range []string{
		`{"documentId":"pair"}`, `{"documentId":"pair","operationName":"C"}`, `{"documentId":"count","variables":{"n":"x"}}`,
	} {
		if got := s.answer(first, 0, body); !strings.Contains(got, "BAD_REQUEST") {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// A document that no client could run is refused when the server is built, by an error that names it and says why.
func TestPinnedDocumentsAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		list []PersistedDocument
		want []string
	}{
		"parse": {[]PersistedDocument{{"good", "{hello}"}, {"bad", "query Q { hello"}},
			[]string{`the document "bad" (Q): line 1, column `}},
		"validate": {[]PersistedDocument{{"bad", "query Q { nothing }"}},
			[]string{`"bad" (Q): line 1, column 11: Cannot query field "nothing"`}},
		"two": {[]PersistedDocument{{"one", "{nothing}"}, {"two", "{no}"}},
			[]string{`the document "one": `, `the document "two": `}},
		"none": {[]PersistedDocument{{"bad", "fragment F on Item { id }"}}, []string{"no operation"}},
		"shape": {[]PersistedDocument{{"bad", "{" + strings.Repeat("hello ", 200) + "}"}},
			[]string{`"bad": a selection set has more than`}},
		"long": {[]PersistedDocument{{"bad", "{hello}" + strings.Repeat(" ", 40<<10)}}, []string{"is longer than 32768 bytes"}},
		"cost": {[]PersistedDocument{{"bad", dear("100")}}, []string{`"bad" (Dear): the operation costs more than 20000 points`}},
		"cost of B": {[]PersistedDocument{{"bad", dear("100") + " query A { hello }"}},
			[]string{`"bad" (Dear, A): Dear: the operation costs`}},
		"NUL":     {[]PersistedDocument{{"bad", `{echo(text:"\u0000")}`}}, []string{`"bad": the request holds a NUL`}},
		"id":      {[]PersistedDocument{{"md5:1", "{hello}"}}, []string{`"md5:1": the prefix of its id must be`}},
		"hash":    {[]PersistedDocument{{"sha256:" + helloHash, "{ hello }"}}, []string{`its id is not the SHA-256 of its text`}},
		"same id": {[]PersistedDocument{{"same", "{hello}"}, {"same", "{ hello }"}}, []string{`"same": there is another document`}},
	} {
		_, err := newServerWith(c.list)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), `"good"`) {
			t.Errorf("%s: the error names a good document: %v", name, err)
		}
	}
	// What depends on variables is decided when they are known.
	if _, err := newServerWith([]PersistedDocument{{"good", strings.Replace(dear("$n"), "Dear", "Dear($n: Int!)", 1)}}); err != nil {
		t.Error(err)
	}
	_, err := New(Config{DocumentsOnly: true, NoPlayground: true})
	if err == nil || !strings.Contains(err.Error(), "DocumentsOnly needs Documents") {
		t.Errorf("without documents: %v", err)
	}
	_, err = New(Config{DocumentsOnly: true, Documents: testDocuments()})
	if err == nil || !strings.Contains(err.Error(), "NoPlayground") {
		t.Errorf("with the playground: %v", err)
	}
}

// dear is an operation that costs too much if its pages have so many items.
func dear(size string) string {
	return "query Dear { items(first: " + size + ") { nodes { items(first: " + size + ") { nodes { id name } } } } }"
}

func TestManifests(t *testing.T) {
	t.Parallel()
	const apollo = `{"format":"apollo-persisted-query-manifest","version":1,"operations":[`
	for _, c := range []struct{ raw, want string }{
		{`{"` + helloHash + `":"{hello}","x-a:b":"{ hello }"}`, "[" + helloHash + "={hello} x-a:b={ hello }]"},
		{`{"sha256:` + helloHash + `":"{hello}"}`, "[sha256:" + helloHash + "={hello}]"},
		{`{"format":"{hello}","operations":"{ hello }"}`, "[format={hello} operations={ hello }]"},
		{apollo + `{"id":"` + helloHash + `","name":"H","type":"query","body":"{hello}"}]}`, "[" + helloHash + "={hello}]"},
		{`{"a":"{hello}","a":"{hello}"}`, "[a={hello} a={hello}]"},
		{`{"a":"{hello}","a":"{ hello }"}`, `the document "a": there is another document with this id`},
		{`{"` + helloHash + `":"query Hello {hello}"}`, `(Hello): its id is not the SHA-256 of its text, which is `},
		{`{"sha256:abc":"{hello}"}`, `the document "sha256:abc": its id must have 64`},
		{`{"a b":"{hello}"}`, `the document "a b": its id without a prefix must be`},
		{`{"a":"{echo(text:\"\\u0000\")}"}`, `the document "a": the request holds a NUL`},
		{`{"a":5}`, `the document "a" is no text`},
		{`{"a":null}`, `the document "a" is no text`},
		{`{"a":"{hello}"`, "it is no JSON: "},
		{`{}`, "it has no documents"},
		{``, "it is no JSON object"},
		{`[]`, "it is no JSON object"},
		{`{"a":"{hello}"}{}`, "something follows"},
		{`{"format":"other","version":1,"operations":[]}`, "it is no `apollo-persisted-query-manifest` of version 1"},
		{`{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`, "of version 1"},
		{apollo + `]}`, "it has no documents"},
	} {
		list, err := ParseManifest([]byte(c.raw))
		var all []string
		for _, d := range list {
			all = append(all, d.ID+"="+d.Text)
		}
		if got := fmt.Sprint(all); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v, want %s", c.raw, got, err, c.want)
		}
	}
}

// Also behind the transports a text that the operator has given is refused if only his documents run.
func TestExecutorOfDocumentsOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, func(c *Config) { c.Documents, c.DocumentsOnly = testDocuments(), true })
	exec, err := s.newExecutor()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"query":"{hello}"}`, `{"query":"{hello}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	} {
		if got := s.answer(exec, 0, body); !strings.HasPrefix(got, "403") || !strings.Contains(got, "FORBIDDEN") {
			t.Errorf("%s: %s", body, got)
		}
	}
	for _, body := range []string{
		`{"documentId":"x-app:hello"}`, `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	} {
		if got := s.answer(exec, 0, body); !strings.Contains(got, `{"data":{"hello":"world"}}`) {
			t.Errorf("%s: %s", body, got)
		}
	}
}
