package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/transport"
)

const (
	asJSON    = "application/json; charset=utf-8"
	asGraphQL = "application/graphql-response+json; charset=utf-8"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
	Extensions map[string]any
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("not JSON: %s", body)
		}
	}
	return a
}

// post sends a body; headers are pairs.
func (f *fixture) post(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return do(t, r)
}

func (f *fixture) query(t *testing.T, query string) answer {
	t.Helper()
	raw, _ := json.Marshal(map[string]string{"query": query})
	return f.post(t, string(raw))
}

func (f *fixture) get(t *testing.T, params url.Values) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"?"+params.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

func TestPostRules(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.http.MaxBody = 1000 })
	const hello = `{"query":"{hello}"}`
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		code       string
		media      string
	}{
		{"plain", hello, nil, 200, "", asJSON},
		{"charset", hello, []string{"Content-Type", "application/json; charset=UTF-8"}, 200, "", asJSON},
		{"accept graphql", hello, []string{"Accept", "application/graphql-response+json"}, 200, "", asGraphQL},
		{"accept both, equal", hello, []string{"Accept", "application/graphql-response+json, application/json"}, 200, "", asGraphQL},
		{"accept weighted", hello, []string{"Accept", "application/graphql-response+json;q=0.5, application/json"}, 200, "", asJSON},
		{"accept nothing of ours", hello, []string{"Accept", "text/html"}, 406, "BAD_REQUEST", asJSON},
		{"accept refused by weight", hello, []string{"Accept", "application/json;q=0"}, 406, "BAD_REQUEST", asJSON},
		{"no type", hello, []string{"Content-Type", ""}, 415, "BAD_REQUEST", asJSON},
		{"text", hello, []string{"Content-Type", "text/plain"}, 415, "BAD_REQUEST", asJSON},
		{"form", "query={hello}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "BAD_REQUEST", asJSON},
		{"utf-16", hello, []string{"Content-Type", "application/json; charset=utf-16"}, 415, "BAD_REQUEST", asJSON},
		{"compressed", hello, []string{"Content-Encoding", "gzip"}, 415, "BAD_REQUEST", asJSON},
		{"too long", `{"query":"{hello}` + strings.Repeat(" ", 1000) + `"}`, nil, 413, "BAD_REQUEST", asJSON},
		{"empty", "", nil, 400, "BAD_REQUEST", asJSON},
		{"not JSON", `{"query":"{hello}"`, nil, 400, "BAD_REQUEST", asJSON},
		{"trailing junk", hello + "x", nil, 400, "BAD_REQUEST", asJSON},
		{"two requests", hello + hello, nil, 400, "BAD_REQUEST", asJSON},
		{"batch", "[" + hello + "]", nil, 400, "BAD_REQUEST", asJSON},
		{"null", "null", nil, 400, "BAD_REQUEST", asJSON},
		{"no query", `{"operationName":"x"}`, nil, 400, "BAD_REQUEST", asJSON},
		{"query of a number", `{"query":5}`, nil, 400, "BAD_REQUEST", asJSON},
		{"name in other case", `{"Query":"{hello}"}`, nil, 400, "BAD_REQUEST", asJSON},
		{"variables of text", `{"query":"{hello}","variables":"x"}`, nil, 400, "BAD_REQUEST", asJSON},
		{"variables of a list", `{"query":"{hello}","variables":[1]}`, nil, 400, "BAD_REQUEST", asJSON},
		{"nulls", `{"query":"{hello}","variables":null,"operationName":null,"extensions":null}`, nil, 200, "", asJSON},
		{"unknown name", `{"query":"{hello}","id":7}`, nil, 200, "", asJSON},
		{"syntax", `{"query":"{hello"}`, nil, 200, "BAD_REQUEST", asJSON},
		{"syntax, graphql", `{"query":"{hello"}`, []string{"Accept", "application/graphql-response+json"}, 400, "BAD_REQUEST", asGraphQL},
		{"validation", `{"query":"{nothing}"}`, nil, 200, "BAD_REQUEST", asJSON},
		{"validation, graphql", `{"query":"{nothing}"}`, []string{"Accept", "application/graphql-response+json"}, 400, "BAD_REQUEST", asGraphQL},
		{"coercion, graphql", `{"query":"query($n:Int){count(n:$n)}","variables":{"n":"x"}}`,
			[]string{"Accept", "application/graphql-response+json"}, 400, "BAD_REQUEST", asGraphQL},
		{"no such operation", `{"query":"query A{hello}","operationName":"B"}`, nil, 200, "BAD_REQUEST", asJSON},
		{"subscription", `{"query":"subscription{ticks(n:1)}"}`, nil, 400, "BAD_REQUEST", asJSON},
		{"mutation", `{"query":"mutation{bump}"}`, nil, 200, "", asJSON},
		{"resolver's error", `{"query":"{fail}"}`, nil, 200, "UNAVAILABLE", asJSON},
		{"panic in a resolver", `{"query":"{panic}"}`, nil, 200, "INTERNAL", asJSON},
		{"panic below", `{"query":"{items{nodes{panic}}}"}`, nil, 200, "INTERNAL", asJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := f.post(t, c.body, c.headers...)
			if a.status != c.status || a.code() != c.code || a.header.Get("Content-Type") != c.media {
				t.Errorf("got %d %q %q: %s", a.status, a.code(), a.header.Get("Content-Type"), a.body)
			}
			if a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
				t.Errorf("Content-Length %q of %d bytes", a.header.Get("Content-Length"), len(a.body))
			}
			if strings.Contains(a.body, "secret") {
				t.Errorf("a panic leaks: %s", a.body)
			}
		})
	}
}

func TestGetRules(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct {
		name   string
		params url.Values
		status int
		code   string
	}{
		{"query", url.Values{"query": {"{hello}"}}, 200, ""},
		{"variables", url.Values{"query": {"query($n:Int){count(n:$n)}"}, "variables": {`{"n":3}`}}, 200, ""},
		{"operationName", url.Values{"query": {"query A{hello} query B{count(n:1)}"}, "operationName": {"A"}}, 200, ""},
		{"mutation", url.Values{"query": {"mutation{bump}"}}, 405, "BAD_REQUEST"},
		{"chosen mutation", url.Values{"query": {"query A{hello} mutation B{bump}"}, "operationName": {"B"}}, 405, "BAD_REQUEST"},
		{"subscription", url.Values{"query": {"subscription{ticks(n:1)}"}}, 400, "BAD_REQUEST"},
		{"none", url.Values{}, 400, "BAD_REQUEST"},
		{"variables of text", url.Values{"query": {"{hello}"}, "variables": {`"x"`}}, 400, "BAD_REQUEST"},
		{"broken variables", url.Values{"query": {"{hello}"}, "variables": {`{`}}, 400, "BAD_REQUEST"},
		{"junk after variables", url.Values{"query": {"{hello}"}, "variables": {`{}x`}}, 400, "BAD_REQUEST"},
		{"NUL", url.Values{"query": {"{hello}\x00"}}, 400, "BAD_REQUEST"},
		{"UTF-8", url.Values{"query": {"{hello}\xff"}}, 400, "BAD_REQUEST"},
		{"NUL in the name", url.Values{"query": {"{hello}"}, "operationName": {"\x00"}}, 400, "BAD_REQUEST"},
		{"NUL in variables", url.Values{"query": {"{hello}"}, "variables": {`{"a":"\u0000"}`}}, 400, "BAD_REQUEST"},
		{"surrogate in a literal", url.Values{"query": {`{echo(text:"\ud800")}`}}, 400, "BAD_REQUEST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := f.get(t, c.params)
			if a.status != c.status || a.code() != c.code {
				t.Errorf("got %d %q: %s", a.status, a.code(), a.body)
			}
		})
	}
	if n := f.res.Bumped.Load(); n != 0 {
		t.Errorf("GET ran %d mutations", n)
	}
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
		r, _ := http.NewRequestWithContext(t.Context(), method, f.URL, strings.NewReader(`{"query":"{hello}"}`))
		r.Header.Set("Content-Type", "application/json")
		if a := do(t, r); a.status != 405 || a.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
}

// What is refused must not come back, were it a password.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, body := range []string{
		`{"query":"{hello}","variables":{"password":"hunter2"}`,
		`hunter2`, `["hunter2"]`, `{"query":"{hello}","variables":"hunter2"}`,
		`{"query":"{hello}","extensions":"hunter2"}`, "{\"query\":\"hunter2\x00\"}",
		`{"query":"{hello}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"hunter2"}}}`,
		`{"query":"{echo(text: hunter2)}"}`, `{"query":"{echo(text: [hunter2])}"}`, `{"query":"{item(id: {a: hunter2})}"}`,
		`{"query":"{items(first: \"hunter2\"){nodes{id}}}"}`, `{"query":"{echo(text: \"\" hunter2)}"}`, `{"query":"hunter2"}`,
		`{"query":"{echo(text: \"hunter2)}"}`, `{"query":"{echo(text: \"\\q hunter2\")}"}`, `{"query":"{echo(text: \"\" \"hunter2\")}"}`,
		`{"query":"{echo(text: \"\\uhunter2\")}"}`, `{"query":"{hello} #hunter2\n%"}`, `{"query":"fragment F hunter2 Query{hello}"}`,
	} {
		if a := f.post(t, body); strings.Contains(a.body, "hunt") {
			t.Errorf("%s is echoed: %s", body, a.body)
		}
	}
}

func TestErrorsAreCapped(t *testing.T) {
	t.Parallel()
	f := start(t)
	a := f.query(t, `{failing(times:50){id fail}}`)
	if len(a.Errors) != 20 || a.Extensions["errorsOmitted"] != 30.0 {
		t.Errorf("%d errors, extensions %v", len(a.Errors), a.Extensions)
	}
	if strings.Count(string(a.Data), `"fail":null`) != 50 {
		t.Errorf("data is cut: %s", a.Data)
	}
	a = f.query(t, "{"+strings.Repeat(" nothing", 100)+"}")
	if len(a.Errors) > 20 || a.Data != nil {
		t.Errorf("%d errors of validation, data %s", len(a.Errors), a.Data)
	}
	long := f.query(t, `query($k:Kind){hello} {`+strings.Repeat("n", 5000)+"}")
	for _, e := range long.Errors {
		if len(e.Message) > 510 {
			t.Errorf("a message of %d bytes", len(e.Message))
		}
	}
}

func TestBeforeWriteSeesTheOperationsEnd(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.http.BeforeWrite = func(_ context.Context, h http.Header) { h.Set("X-Ran", "yes") }
	})
	for _, body := range []string{`{"query":"{hello}"}`, `{"query":"{"}`, `{`} {
		if a := f.post(t, body); a.header.Get("X-Ran") != "yes" {
			t.Errorf("%s: no header", body)
		}
	}
}

// panicker is an extension that fails where gqlgen does not recover.
type panicker struct{}

func (panicker) ExtensionName() string                   { return "Panicker" }
func (panicker) Validate(graphql.ExecutableSchema) error { return nil }
func (panicker) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if strings.Contains(graphql.GetOperationContext(ctx).RawQuery, "count") {
		panic("a secret in a panic")
	}
	return next(ctx)
}

func TestPanicOutsideResolvers(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.extensions = []graphql.HandlerExtension{panicker{}} })
	a := f.query(t, "{count(n:1)}")
	if a.status != 500 || a.code() != "INTERNAL" || a.header.Get("Content-Type") != asJSON || strings.Contains(a.body, "secret") {
		t.Errorf("got %d: %s", a.status, a.body)
	}
	if a := f.query(t, "{hello}"); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

// The time is up before anything ran.
func TestTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.http.Timeout = 1 })
	if a := f.query(t, "{hang}"); a.status != 503 || a.code() != "UNAVAILABLE" {
		t.Errorf("got %d: %s", a.status, a.body)
	}
}

// The data goes out as gqlgen wrote it, spaces and all.
func TestDataIsNotRewritten(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.extensions = []graphql.HandlerExtension{spacious{}} })
	if a := f.query(t, "{hello}"); a.body != `{"data":{"hello":   "world"}}` {
		t.Errorf("got %s", a.body)
	}
}

type spacious struct{}

func (spacious) ExtensionName() string                   { return "Spacious" }
func (spacious) Validate(graphql.ExecutableSchema) error { return nil }
func (spacious) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	resp.Data = []byte(strings.ReplaceAll(string(resp.Data), ":", ":   "))
	return resp
}

var _ transport.Observer = (*record)(nil)
