//go:build !race

package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/budget"
)

// sink is a ResponseWriter without allocations of its own.
type sink struct {
	header http.Header
	body   bytes.Buffer
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return s.body.Write(p) }

// allocations counts what one request allocates in the handler of the public address, after it has been sent before.
func allocations(t *testing.T, h http.Handler, body string) float64 {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, graphqlPath, http.NoBody)
	r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = int64(len(body))
	raw, reader := []byte(body), bytes.NewReader(nil)
	r.Body = io.NopCloser(reader)
	w := &sink{header: http.Header{}}
	once := func() {
		reader.Reset(raw)
		w.body.Reset()
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	once()
	if want := "{\"data\":"; w.status != http.StatusOK || !bytes.HasPrefix(w.body.Bytes(), []byte(want)) {
		t.Fatalf("%d %s", w.status, w.body.Bytes())
	}
	return testing.AllocsPerRun(200, once)
}

// instant is an executor that answers at once, so that only the server's own work is left.
type instant struct{ *operations }

var instantAnswer = &graphql.Response{Data: []byte(`{"hello":"world"}`)}

// DispatchOperation returns the answer.
func (instant) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	return answerInstantly, ctx
}

func answerInstantly(context.Context) *graphql.Response { return instantAnswer }

// Whoever adds an allocation to each request sees it here. The allocations of one request are the server's request, net/http's
// request with another context, the id, the request object, the context with the deadline, the operation's context, and the
// headers of the length and of the timing.
//
//nolint:paralleltest // it counts allocations
func TestAllocationsOfARequest(t *testing.T) {
	s := newTestServer(t, func(c *Config) {
		c.Documents = []PersistedDocument{{ID: "x-app:typename", Text: "query T{__typename}"}}
	})
	exec, err := s.newExecutor()
	if err != nil {
		t.Fatal(err)
	}
	s.answer(exec, 0, `{"query":"{hello}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"`+helloHash+`"}}}`)
	h := s.begin(s.withRecovery(s.withHost(s.graphql(instant{exec}))))
	for _, c := range []struct {
		name, body string
		most       float64
	}{
		{"text", `{"query":"{__typename}"}`, 8},
		{"hash", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + helloHash + `"}}}`, 8},
		{"document", `{"documentId":"x-app:typename"}`, 8},
		{"document of clients", `{"documentId":"sha256:` + helloHash + `"}`, 8},
	} {
		if got := allocations(t, h, c.body); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
		exec.budgets = budget.New(budget.Config{Address: 1_000_000})
		if got := allocations(t, h, c.body); got > c.most+1 { // the values of the headers
			t.Errorf("%s, with a budget: %v allocations, want at most %v", c.name, got, c.most+1)
		}
		exec.budgets = nil
	}
}
