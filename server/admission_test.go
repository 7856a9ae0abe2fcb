package server_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/internal/admission"
	"roost/server"
)

// oneAtATime lets one request run, and refuses others soon.
func oneAtATime(c *server.Config) {
	c.Admission = admission.Config{Running: 1, Wait: time.Millisecond, PatientWait: patience}
	c.AllowLocalhost = true
}

// hold has an operation run until the test lets it end.
func (f *fixture) hold(t *testing.T) (end func()) {
	t.Helper()
	done := make(chan answer, 1)
	go func() { done <- f.query(t, "{gate}") }()
	eventually(t, "the operation to run", func() bool { return f.res.Running.Load() == 1 })
	return func() {
		close(f.res.Gate)
		if a := <-done; !a.has(200, "open") {
			t.Errorf("the one that ran: %d %s", a.status, a.body)
		}
	}
}

// What a node cannot bear is refused at the door: nobody is asked who the caller is, and the answer says when to come
// back, also a browser's. Health, readiness and metrics are answered all the same.
func TestExcessIsRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	f := start(t, oneAtATime)
	end := f.hold(t)
	f.accounts.setAway(true) // whoever asks it now fails otherwise
	const origin = "http://localhost:5173"
	for range 20 {
		a := f.query(t, "{hello}", "Authorization", "Bearer key-1", "Origin", origin)
		if !a.has(503, `"code":"UNAVAILABLE"`) || !strings.Contains(a.body, "the server is busy") || a.header.Get("Retry-After") != "1" ||
			a.header.Get("Access-Control-Allow-Origin") != origin {
			t.Fatalf("%d %s, %v", a.status, a.body, a.header)
		}
	}
	for _, url := range []string{f.url + "/healthz", f.url + "/readyz", f.url + "/schema.graphqls", "http://" + f.AdminAddr().String() +
		"/metrics"} {
		if a := send(t, "GET", url, ""); a.status != 200 {
			t.Errorf("%s: %d %s", url, a.status, a.body)
		}
	}
	metrics := send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", "").body
	for _, want := range []string{`roost_requests_refused_total{transport="http"} 20`, "roost_requests_running 1", "roost_requests_limit 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	f.accounts.setAway(false)
	end()
	eventually(t, "requests to be answered", func() bool { return f.query(t, "{hello}").has(200, "world") })
}

// Operations of sockets, and their initialisation, take longer to be refused: a client would not soon try again.
func TestSocketsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	f := start(t, oneAtATime)
	ready, _, err := f.dial(t, "")
	if err != nil {
		t.Fatal(err)
	}
	receive(t, ready)
	end := f.hold(t)
	late, _, err := f.dial(t, "")
	if err != nil {
		t.Fatal(err)
	}
	say(t, ready, `{"id":"1","type":"subscribe","payload":{"query":"{hello}"}}`)
	eventually(t, "both to wait", func() bool {
		return strings.Contains(send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", "").body,
			`roost_requests_waiting{transport="socket"} 2`)
	})
	end()
	if got, _ := receive(t, ready); !strings.Contains(got, "world") {
		t.Errorf("the operation that waited: %s", got)
	}
	if got, _ := receive(t, late); !strings.Contains(got, "connection_ack") {
		t.Errorf("the socket that waited: %s", got)
	}
}

// A subscription takes a turn to start, and none while it waits for events.
func TestSubscriptionsTakeNoTurn(t *testing.T) {
	t.Parallel()
	f := start(t, oneAtATime)
	for range 3 {
		ws, _, err := f.dial(t, "")
		if err != nil {
			t.Fatal(err)
		}
		receive(t, ws)
		say(t, ws, `{"id":"1","type":"subscribe","payload":{"query":"subscription{silent}"}}`)
	}
	eventually(t, "all to run", func() bool { return f.res.Running.Load() == 3 })
	eventually(t, "a request to be answered", func() bool { return f.query(t, "{hello}").has(200, "world") })
}

// Whoever sends a body slowly, or does not read an answer, does not keep others out.
func TestSlowClientsTakeNoTurn(t *testing.T) {
	t.Parallel()
	const long = 100_000
	f := start(t, oneAtATime, func(c *server.Config) { c.SendBuffer = 4 << 10 })
	sayOver := func(text string) {
		t.Helper()
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s", text); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		sayOver("Content-Length: 100\r\n\r\n{\"query\":")
	}
	body := `{"query":"query($t:String){echo(text:$t)}","variables":{"t":"` + strings.Repeat("x", long) + `"}}`
	for i := range 3 {
		sayOver(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
		eventually(t, "the answer to be held", func() bool { return f.metric(t, "roost_unread_bytes") >= float64(long*(i+1)) })
	}
	for range 20 {
		if a := f.query(t, "{hello}"); !a.has(200, "world") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// metric is a figure without labels.
func (f *fixture) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, after, _ := strings.Cut(send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", "").body, "\n"+name+" ")
	text, _, _ := strings.Cut(after, "\n")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
