package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"roost/internal/errs"
	"roost/server"
)

// A bearable failure leaves the server in traffic; any other takes it out. An error's message for clients is the reason, and
// nothing else of it shows.
func TestReadinessByFailure(t *testing.T) {
	t.Parallel()
	away := errors.New("dial a secret address")
	standby := &errs.Error{Kind: errs.Unavailable, Message: "the database is a standby", Err: away}
	var failure atomic.Pointer[error]
	f := start(t, func(c *server.Config) {
		c.Checks = []server.Check{{
			Name:     "database",
			Run:      func(context.Context) error { return *failure.Load() },
			Bearable: func(err error) bool { return errors.Is(err, away) && !errs.Is(err, errs.Unavailable) },
		}}
	})
	for _, c := range []struct {
		fails  error
		status int
		want   string
	}{
		{nil, 200, `{"status":"ready","checks":{"database":"ok"}}`},
		{away, 200, `{"status":"degraded","checks":{"database":"degraded"}}`},
		{standby, 503, `{"status":"unready","checks":{"database":"failing"},"reasons":{"database":"the database is a standby"}}`},
		{nil, 200, `{"status":"ready","checks":{"database":"ok"}}`},
	} {
		failure.Store(&c.fails)
		eventually(t, c.want, func() bool {
			a := send(t, "GET", f.url+"/readyz", "")
			if strings.Contains(a.body, "secret") {
				t.Fatalf("%s", a.body)
			}
			return a.status == c.status && strings.TrimSpace(a.body) == c.want
		})
	}
}

// failures counts the lines of a log about checks that failed.
type failures struct{ *atomic.Int64 }

func (f failures) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "check failed") {
		f.Add(1)
	}
	return len(line), nil
}

// A failure is logged once for each run of its check, however many ask.
func TestFailedChecksAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var lines atomic.Int64
	runs := 0
	f := start(t, func(c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(failures{&lines}, nil))
		c.Checks = []server.Check{{Name: "sql", Run: func(context.Context) error { runs++; return errors.New("away") }}}
	})
	for range 10 {
		send(t, "GET", f.url+"/readyz", "")
	}
	if lines.Load() != int64(runs) || runs == 10 {
		t.Errorf("%d runs were logged in %d lines", runs, lines.Load())
	}
}

// A closed server listens, says that it lives and that it starts, and refuses operations until it is opened.
func TestStartsClosed(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) { c.Closed = true })
	if a := send(t, "GET", f.url+"/healthz", ""); a.status != 200 {
		t.Errorf("/healthz: %d", a.status)
	}
	if a := send(t, "GET", f.url+"/readyz", ""); !a.has(503, `"status":"starting"`) {
		t.Errorf("/readyz: %d %s", a.status, a.body)
	}
	a := f.query(t, "{hello}")
	if !a.has(503, `"UNAVAILABLE"`) || !a.has(503, `"retryAfter":1`) || a.header.Get("Retry-After") != "1" {
		t.Errorf("a query: %d %v %s", a.status, a.header, a.body)
	}
	if _, resp, err := f.dial(t, ""); err == nil || resp.StatusCode != 503 {
		t.Errorf("a socket: %v", err)
	}
	if a := send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", ""); a.status != 200 {
		t.Errorf("/metrics: %d", a.status)
	}
	f.Open()
	if a := f.query(t, "{hello}"); a.status != 200 {
		t.Errorf("a query when it is open: %d %s", a.status, a.body)
	}
	if a := send(t, "GET", f.url+"/readyz", ""); !a.has(200, `"status":"ready"`) {
		t.Errorf("/readyz when it is open: %d %s", a.status, a.body)
	}
}
