//go:build !race

package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"roost/server/budget"
)

// A request that is refused because its caller's budget is spent costs at most one and a half times what `{ __typename }` costs.
// The document of the refused request is known, as that of every client which sends one again.
//
//nolint:paralleltest // it measures time
func TestPriceOfARefusal(t *testing.T) {
	s := newTestServer(t)
	exec, err := s.newExecutor()
	if err != nil {
		t.Fatal(err)
	}
	h := s.begin(s.withRecovery(s.withHost(s.graphql(exec))))
	budgets := budget.New(budget.Config{Address: 10, Now: func() time.Duration { return 0 }})
	ask := asker(h)
	const typename, other = `{"query":"{__typename}"}`, `{"query":"{a:hello b:hello c:hello d:hello e:hello}"}`
	served := func() time.Duration { return timeOf(func() { ask(typename, http.StatusOK) }) }
	refused := func() time.Duration {
		exec.budgets = budgets
		defer func() { exec.budgets = nil }()
		return timeOf(func() { ask(other, http.StatusTooManyRequests) })
	}
	ask(other, http.StatusOK)
	exec.budgets = budgets
	ask(other, http.StatusOK)
	exec.budgets = nil
	ratio := 0.0
	for range 20 { // the machine may be busy with something else
		one, two := served(), refused()
		if ratio = float64(two) / float64(one); ratio <= 1.5 {
			t.Logf("a refusal takes %s, `{ __typename }` %s: %.2f", two, one, ratio)
			return
		}
	}
	t.Errorf("a refusal takes %.2f times what `{ __typename }` takes", ratio)
}

// timeOf returns the shortest time of a call, in a few hundred.
func timeOf(fn func()) time.Duration {
	best := time.Hour
	for range 300 {
		began := time.Now()
		fn()
		best = min(best, time.Since(began))
	}
	return best
}

// asker returns a function that sends a body to a handler, and fails unless the answer has the status.
func asker(h http.Handler) func(body string, status int) int {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, graphqlPath, http.NoBody)
	r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/json")
	reader := bytes.NewReader(nil)
	r.Body = io.NopCloser(reader)
	w := &sink{header: http.Header{}}
	return func(body string, status int) int {
		r.ContentLength = int64(len(body))
		reader.Reset([]byte(body))
		w.body.Reset()
		clear(w.header)
		h.ServeHTTP(w, r)
		if status != 0 && w.status != status {
			panic(w.body.String())
		}
		return w.status
	}
}
