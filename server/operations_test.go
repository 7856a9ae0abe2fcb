package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
	"roost/server/document"
	"roost/server/guard"
	"roost/server/internal/testschema"
	"roost/server/transport"
)

type noAccounts struct{}

func (noAccounts) Authenticate(context.Context, string) (Session, error) { return Session{}, nil }
func (noAccounts) Watch(int64) (context.Context, func())                 { return context.Background(), func() {} }

// newTestServer returns a server on the test schema that does not listen.
func newTestServer(t testing.TB, change ...func(*Config)) *Server {
	t.Helper()
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newServerWith returns a server with persisted documents, or why there is none.
func newServerWith(list []PersistedDocument) (*Server, error) {
	cfg := testConfig()
	cfg.Documents = list
	return New(cfg)
}

func testConfig() Config {
	return Config{
		Schema:        testschema.NewExecutableSchema(testschema.Config{Resolvers: &testschema.Resolvers{}}),
		Authenticator: noAccounts{}, ServerTiming: true, ErrorPresenter: testschema.Present, Recover: testschema.Recover,
		NoPlayground: true,
	}
}

// seen is a context of an operation that Known made, beside the one that CreateOperationContext makes for the same request.
type seen struct {
	*operations
	t       *testing.T
	known   int
	refused int
}

// Known compares.
func (s *seen) Known(ctx context.Context, r *transport.Request, h http.Header, start time.Time) *graphql.OperationContext {
	got := s.operations.Known(ctx, r, h, start)
	params := r.Params()
	params.Headers = h
	want, list := s.CreateOperationContext(graphql.StartOperationTrace(ctx), params)
	if got == nil {
		s.refused++
		return nil
	}
	s.known++
	if list != nil {
		s.t.Errorf("%s: the whole way refuses it: %v", r.Text, list)
		return nil
	}
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"RawQuery", got.RawQuery, want.RawQuery},
		{"Variables", got.Variables, want.Variables},
		{"OperationName", got.OperationName, want.OperationName},
		{"Doc", got.Doc, want.Doc},
		{"Extensions", got.Extensions, want.Extensions},
		{"Headers", got.Headers, want.Headers},
		{"Operation", got.Operation, want.Operation},
		{"DisableIntrospection", got.DisableIntrospection, want.DisableIntrospection},
		{"cost", guard.CostOf(got), guard.CostOf(want)},
		{"RecoverFunc", funcOf(got.RecoverFunc), funcOf(want.RecoverFunc)},
		{"ResolverMiddleware", funcOf(got.ResolverMiddleware), funcOf(want.ResolverMiddleware)},
		{"RootResolverMiddleware", funcOf(got.RootResolverMiddleware), funcOf(want.RootResolverMiddleware)},
		{"slot", document.Of(got), document.Of(want)},
		{"a slot", document.Of(got) != nil, true},
		{"Read.Start", got.Stats.Read.Start, start},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			s.t.Errorf("%s: %s is %v, want %v", r.Text, c.name, c.got, c.want)
		}
	}
	for _, at := range []time.Time{
		got.Stats.OperationStart, got.Stats.Read.End, got.Stats.Parsing.Start, got.Stats.Parsing.End,
		got.Stats.Validation.Start, got.Stats.Validation.End,
	} {
		if at.IsZero() || time.Since(at) > time.Hour {
			s.t.Errorf("%s: a time is missing: %+v", r.Text, got.Stats)
		}
	}
	return got
}

func funcOf(f any) uintptr { return reflect.ValueOf(f).Pointer() }

// requests are bodies in the order in which they are sent; each is sent three times.
var knownRequests = []string{
	`{"query":"{__typename}"}`,
	`{"query":"{hello}"}`,
	`{"query":"query A{hello} query B{count(n:1)}","operationName":"B"}`,
	`{"query":"query A{hello} query B{count(n:1)}","operationName":"A"}`,
	`{"query":"query A{hello} query B{count(n:1)}"}`,
	`{"query":"query A{hello} query B{count(n:1)}","operationName":"C"}`,
	`{"query":"query($n:Int){count(n:$n)}","variables":{"n":3}}`,
	`{"query":"query($n:Int){count(n:$n)}","variables":{"n":4}}`,
	`{"query":"query($n:Int){count(n:$n)}","variables":{"n":"x"}}`,
	`{"query":"query($n:Int){count(n:$n)}"}`,
	`{"query":"query($n:Int=7){count(n:$n)}","variables":{}}`,
	`{"query":"{hello}","variables":{"unused":[1]}}`,
	`{"query":"{hello}","extensions":{"other":1}}`,
	`{"query":"{__schema{queryType{name}}}"}`,
	`{"query":"{nothing}"}`,
	`{"query":"{hello"}`,
	`{"query":"mutation{bump}"}`,
	`{"query":"{items(first:50){nodes{id items{nodes{id}}}}}"}`,
	`{"query":"query($f:Int){items(first:$f){nodes{id}}}","variables":{"f":5}}`,
	`{"query":"query($f:Int){items(first:$f){nodes{id}}}","variables":{"f":100}}`,
	`{"query":"query($y:Boolean!){hello @include(if:$y) count(n:1)}","variables":{"y":false}}`,
	`{"query":"query($y:Boolean!){hello @include(if:$y) count(n:1)}","variables":{"y":true}}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	`{"query":"{hello}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"},"other":2}}`,
	`{"documentId":"sha256:` + helloHash + `"}`,
	`{"documentId":"sha256:` + helloHash + `","extensions":{"other":2}}`,
	`{"documentId":"sha256:` + helloHash + `","query":"{hello}"}`,
	`{"documentId":"count","variables":{"n":3}}`,
	`{"documentId":"pair","operationName":"A"}`,
}

const helloHash = "9dd7ff987fac8d0d1979084ebde5ce8bd855cd066d1a34e98432275cc6bc264c"

// Whatever is asked how often, an operation whose context comes from a template has the same context as on the whole way, and
// every answer has the same bytes.
func TestKnownOperationsAreTheSame(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"plain":            func(*Config) {},
		"no introspection": func(c *Config) { c.NoIntrospection = true },
		"a low limit":      func(c *Config) { c.Guard.AnonymousCost = 100 },
		"few documents":    func(c *Config) { c.QueryCacheEntries = 3 },
		"own documents":    func(c *Config) { c.Documents = testDocuments() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, plain := newTestServer(t, change), newTestServer(t, change)
			exec, err := s.newExecutor()
			if err != nil {
				t.Fatal(err)
			}
			whole, err := plain.newExecutor()
			if err != nil {
				t.Fatal(err)
			}
			whole.whole = true
			both := &seen{operations: exec, t: t}
			for _, body := range knownRequests {
				for _, user := range []int64{0, 1, 0, 1} { // they have different limits
					got, want := s.answer(both, user, body), plain.answer(whole, user, body)
					if got != want {
						t.Errorf("user %d, %s:\n got %s\nwant %s", user, body, got, want)
					}
				}
			}
			if both.known < 10 || both.refused < 10 {
				t.Errorf("%d operations were known, %d not", both.known, both.refused)
			}
		})
	}
}

// answer sends a body to an executor, as a user, or without a session if that is 0.
func (s *Server) answer(exec transport.Kept, user int64, body string) string {
	h := s.cfg.HTTP.Handler(exec)
	r := httptest.NewRequest(http.MethodPost, graphqlPath, bytes.NewBufferString(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(caller.With(r.Context(), caller.New(user, user))))
	headers, _ := json.Marshal(w.Header())
	return fmt.Sprintf("%d %s %s", w.Code, headers, w.Body)
}
