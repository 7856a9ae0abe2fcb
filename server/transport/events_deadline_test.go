package transport_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// noting is an answer of which the deadlines of reading are noted.
type noting struct {
	http.ResponseWriter
	deadlines chan time.Time
}

// SetReadDeadline is called through an http.ResponseController.
func (n noting) SetReadDeadline(at time.Time) error {
	n.deadlines <- at
	return http.NewResponseController(n.ResponseWriter).SetReadDeadline(at)
}

// Unwrap has an http.ResponseController find the rest.
func (n noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// The deadline by which a request must have been read does not end the stream that answers it: a server's ReadTimeout would.
func TestEventStreamsOutliveTheReadTimeout(t *testing.T) {
	t.Parallel()
	f := start(t)
	deadlines := make(chan time.Time, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.Config.Handler.ServeHTTP(noting{w, deadlines}, r)
	}))
	defer s.Close()
	r := f.postEvents(t, `{"query":"subscription{ticks(n:2)}"}`)
	to, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, r.Body)
	if err != nil {
		t.Fatal(err)
	}
	to.Header = r.Header
	e := f.events(t, to)
	if got, err := e.block(); err != nil || got != retryBlock {
		t.Fatalf("the stream begins with %q, %v", got, err)
	}
	select {
	case at := <-deadlines:
		if !at.IsZero() {
			t.Errorf("the stream is read until %v", at)
		}
	default:
		t.Error("the deadline of the request is left to the stream")
	}
}
