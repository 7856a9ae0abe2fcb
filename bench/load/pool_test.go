package load

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// poolOf makes a pool of connections to a server that takes some time for each request; answer returns what
// it says to the n-th request of a connection. It is for a synctest bubble, where time is not real.
func poolOf(t *testing.T, conns int, takes time.Duration, answer func(n int) string) *Pool {
	t.Helper()
	p := &Pool{traffic: Traffic{Good: []byte("ok")}}
	t.Cleanup(func() {
		_ = p.Close()
		<-time.After(takes) // servers that are at work end now
	})
	for range conns {
		client, server := net.Pipe()
		go func() {
			in := bufio.NewReader(server)
			for n := 0; ; n++ {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
				<-time.After(takes)
				if _, err := server.Write([]byte(answer(n))); err != nil {
					return
				}
			}
		}()
		p.workers = append(p.workers, &worker{conn: &Conn{nc: client, buf: make([]byte, 1024)},
			source: func(buf []byte) []byte { return append(buf, "GET\n"...) }})
	}
	return p
}

func always(text string) func(int) string { return func(int) string { return text } }

// near reports whether a quantile is a duration, to the histogram's precision.
func near(got, want time.Duration) bool { return got >= want && float64(got) <= float64(want)*1.008 }

func TestClosedLoopCountsFromSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, 2, 25*time.Millisecond, always(okAnswer))
		r, err := p.Closed(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if r.Latency.Count() != 2*40 || !near(r.Latency.Quantile(0.5), 25*time.Millisecond) || r.Elapsed != time.Second {
			t.Errorf("%d answers in %v, p50 %v; want 80 in 1s, 25ms", r.Latency.Count(), r.Elapsed, r.Latency.Quantile(0.5))
		}
	})
}

// A server that takes 25 ms gets a request every 10 ms on one connection: request i is due at 10i ms and
// answered at 25(i+1) ms, so the last of 100 waits 1,510 ms. A loop that counted from sending would say 25 ms.
func TestOpenLoopCountsFromDueTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, 1, 25*time.Millisecond, always(okAnswer))
		r, err := p.open(t.Context(), 100, time.Second, sleepUntil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Latency.Count() != 100 || r.Latency.Max() != 1510*time.Millisecond || r.Elapsed != 2500*time.Millisecond {
			t.Errorf("%d answers in %v, longest %v; want 100 in 2.5s, 1.51s", r.Latency.Count(), r.Elapsed, r.Latency.Max())
		}
		// Request 49 is in the middle: due at 490 ms, answered at 1,250 ms.
		if got := r.Latency.Quantile(0.5); !near(got, 760*time.Millisecond) {
			t.Errorf("p50 %v, want 760ms", got)
		}
	})
}

// With room enough the latency is the server's, and the rate is what was asked for.
func TestOpenLoopKeepsItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, 8, 25*time.Millisecond, always(okAnswer))
		r, err := p.open(t.Context(), 100, time.Second, sleepUntil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Latency.Count() != 100 || r.Latency.Max() != 25*time.Millisecond || r.Elapsed != 990*time.Millisecond+25*time.Millisecond {
			t.Errorf("%d answers in %v, longest %v; want 100 in 1.015s, 25ms", r.Latency.Count(), r.Elapsed, r.Latency.Max())
		}
	})
}

func sleepUntil(at time.Time) { <-time.After(time.Until(at)) }

func TestWrongAnswersEndARun(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]string{
		"status": "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nok",
		"body":   "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
	} {
		synctest.Test(t, func(t *testing.T) {
			for load, run := range map[string]func(*Pool) (*Result, error){
				"closed": func(p *Pool) (*Result, error) { return p.Closed(t.Context(), time.Hour) },
				"open":   func(p *Pool) (*Result, error) { return p.open(t.Context(), 1000, time.Hour, sleepUntil) },
			} {
				p := poolOf(t, 3, time.Millisecond, func(n int) string {
					if n == 10 {
						return wrong
					}
					return okAnswer
				})
				if _, err := run(p); err == nil || !strings.Contains(err.Error(), "a wrong answer") {
					t.Errorf("%s, %s loop: %v", name, load, err)
				}
			}
		})
	}
}

func TestRunsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := poolOf(t, 2, time.Hour, always(okAnswer))
		if _, err := p.Closed(ctx, 2*time.Hour); err == nil {
			t.Error("no error")
		}
	})
}

func TestRefusalsDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, 1, 25*time.Millisecond, func(n int) string {
			if n%4 == 0 {
				return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
			}
			return okAnswer
		})
		p.traffic.MayRefuse = true
		if r, err := p.Closed(t.Context(), time.Second); err != nil || r.Latency.Count() != 30 {
			t.Errorf("%d of 40 answers count, %v; a quarter of them are refusals", r.Latency.Count(), err)
		}
	})
}

// The magic number of an encoded answer is looked at, its size counts as it came, and an encoding that nobody asked for is wrong.
func TestEncodedAnswers(t *testing.T) {
	t.Parallel()
	const zipped = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b."
	for name, c := range map[string]struct {
		accept, answer string
		wrong          bool
	}{
		"as asked":     {accept: "gzip", answer: zipped},
		"not asked":    {answer: zipped, wrong: true},
		"another":      {accept: "zstd", answer: zipped, wrong: true},
		"not encoded":  {accept: "gzip", answer: okAnswer},
		"no such text": {accept: "gzip", answer: strings.Replace(zipped, "\x1f\x8b", "ok", 1), wrong: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := poolOf(t, 1, 25*time.Millisecond, always(c.answer))
			p.traffic.Encoding = c.accept
			r, err := p.Closed(t.Context(), time.Second)
			if (err != nil) != c.wrong {
				t.Fatalf("%s: %v", name, err)
			}
			bytes, encoded := int64(2*40), int64(0)
			if c.answer == zipped {
				bytes, encoded = 3*40, 40
			}
			if err == nil && (r.Bytes != bytes || r.Encoded != encoded) {
				t.Errorf("%s: %d bytes, %d encoded, want %d and %d", name, r.Bytes, r.Encoded, bytes, encoded)
			}
		})
	}
}

func TestConnectionsThatWaitedAreOpenedAgain(t *testing.T) {
	t.Parallel()
	const conns = 3
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(s.Close)
	p, err := NewPool(t.Context(), s.Listener.Addr().String(), conns, Traffic{Good: []byte("ok"), Source: func(int, int) Source {
		return func(buf []byte) []byte { return append(buf, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"...) }
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	for range conns { // closed, as by a server that waits no longer
		c, err := s.Listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	s.Start()
	p.opened = time.Now().Add(-2 * maxUnused)
	if r, err := p.Pass(t.Context(), conns); err != nil || r.Latency.Count() != conns {
		t.Errorf("the pass ends with %v", err)
	}
}
