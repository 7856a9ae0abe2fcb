package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/reqstats"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// patience is also the time of a call in tests that are not about time: the machine may be busy.
const patience = testtime.Patience

func open(t testing.TB, url string) *Redis { t.Helper(); return openFor(t, url, callTimeout) }

func openFor(t testing.TB, url string, timeout time.Duration) *Redis {
	t.Helper()
	r, err := openVia(Config{URL: url}, timeout, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func onBoth(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) { t.Parallel(); fn(t, "") })
	t.Run("redis", func(t *testing.T) { t.Parallel(); fn(t, redistest.Start(t).URL()) })
}

// untilUp waits until the breaker lets calls through.
func untilUp(t *testing.T, r *Redis) {
	t.Helper()
	testtime.Until(t, "Redis to be used again", func() bool { return r.Ping(t.Context()) == nil })
}

// Without Redis calls fail soon, then at once, and after it is back they succeed: also when it hangs
// instead of refusing.
func TestRedisGoesAndComes(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]struct{ begin, end func(*redistest.Redis) }{
		"stopped": {(*redistest.Redis).Stop, (*redistest.Redis).Restart},
		"hanging": {(*redistest.Redis).Pause, (*redistest.Redis).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			r := open(t, server.URL())
			if err := r.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			outage.begin(server)
			failures := 0
			for ; failures < breakAfter; failures++ {
				err := r.Ping(t.Context())
				if err == nil || errors.Is(err, ErrDown) {
					t.Fatalf("failure %d: %v", failures, err)
				}
			}
			// The breaker is open: no call touches Redis, but for a probe in half a second.
			touched := 0
			ctx, stats := reqstats.With(t.Context())
			for range 1000 {
				if err := r.Ping(ctx); err == nil {
					t.Fatal("Redis answers")
				} else if !errors.Is(err, ErrDown) {
					touched++
				}
			}
			if int64(touched) != stats.RoundTrips() || touched > 100 {
				t.Errorf("of 1,000 calls %d tried, %d round trips", touched, stats.RoundTrips())
			}
			if h := r.Health(); !h.Open || h.Failed < breakAfter || h.Refused != int64(1000-touched) {
				t.Errorf("its health is %+v", h)
			}
			outage.end(server)
			untilUp(t, r)
			for range 20 {
				if err := r.Ping(t.Context()); err != nil {
					t.Errorf("Redis is back: %v", err)
				}
			}
		})
	}
}

// A call of a hanging Redis takes no longer than its deadline, whatever the caller's is.
func TestHangingCallIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := open(t, server.URL())
	server.Pause()
	defer server.Resume()
	start := time.Now()
	if err := r.Ping(t.Context()); err == nil {
		t.Fatal("a paused Redis answers")
	}
	if took := time.Since(start); took > testtime.Soak[time.Duration](40, 8)*callTimeout {
		t.Errorf("it took %s, the limit is %s", took, callTimeout)
	}
}

// Callers who leave say nothing about Redis.
func TestCancelledCallsDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	r := open(t, redistest.Start(t).URL())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 * breakAfter {
		if err := r.Ping(gone); err == nil || errors.Is(err, ErrDown) {
			t.Fatalf("a cancelled call: %v", err)
		}
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMissingKeysDoNotOpenTheBreaker(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		for i := range 10 * breakAfter {
			err := r.call(t.Context(), "k", func(ctx context.Context, _ *redis.Client) error { return r.client.Get(ctx, strconv.Itoa(i)).Err() })
			if !errors.Is(err, redis.Nil) {
				t.Errorf("a missing key: %v", err)
			}
		}
		if err := r.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if h := r.Health(); h != (Health{}) {
			t.Errorf("its health is %+v", h)
		}
	})
}

// The error about a URL does not quote the URL, which contains the password.
func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"localhost:6379", "http://localhost", "redis://localhost:x", "redis://:hunter2@localhost:x",
		"redis://ada:hunter2@local host", "rediss://:hunt%er2@localhost", "http://:hunter2@localhost", "redis://:hunter2@localhost/hunter2",
		"redis://localhost?password=hunter2&nothing=hunter2", "redis://:hunter2 @localhost"} {
		r, err := Open(Config{URL: url})
		switch {
		case err == nil:
			t.Errorf("%s is taken: %v", url, r.Close())
		case strings.Contains(err.Error(), "hunt") || !strings.Contains(err.Error(), "redis://"):
			t.Errorf("%s: %v", url, err)
		case Config{URL: url}.Check() == nil:
			t.Errorf("%s passes the check", url)
		}
	}
	for _, url := range []string{"", "redis://localhost:6379/0", "rediss://ada:secret@cache.example"} {
		if err := (Config{URL: url}).Check(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A waker that receives nothing stops at once, whether Redis runs or not.
func TestWakerStops(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		quickest := patience // of three: the machine may be busy
		for range 3 {
			heard := make(chan struct{}, 100)
			w := NewWaker(open(t, url), func() {
				select {
				case heard <- struct{}{}:
				default:
				}
			})
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-heard // it listens
			began := time.Now()
			if err := w.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			quickest = min(quickest, time.Since(began))
		}
		if quickest > quiet/2 {
			t.Errorf("it took at least %s", quickest)
		}
	})
}

// A connection that is lost while an answer is under way costs no read its place among the others: what was read from SQL is filled or
// published. Otherwise a later read could show less, if the writer has not invalidated yet.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	d := newDropping(t, server.Addr())
	x, b := tierAt(t, "redis://"+d.listener.Addr().String()+"/0"), newTable()
	x.redis.coherence = nothingKept{} // its connection has an attempt of its own
	for i := range 20 {
		k := key(fmt.Sprint("k", i))
		b.write(k)
		d.next.Store(true)
		if v := get(t, x, b, k)[0]; v.Version != 1 {
			t.Errorf("version %d", v.Version)
		}
		d.next.Store(true)
		if err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: k, Version: b.write(k).Version}); err != nil {
			t.Error(err)
		}
		if x.pending.len() > 0 {
			t.Error("an invalidation is pending")
		}
	}
	if away := counterValue(rowsOf(x).count.away); away > 0 || d.dropped.Load() < 20 {
		t.Errorf("%v reads did without Redis, %d connections were dropped", away, d.dropped.Load())
	}
}

// dropping is a TCP proxy that drops the connection of the next bytes that a client sends, once next is set.
type dropping struct {
	listener net.Listener
	next     atomic.Bool
	dropped  atomic.Int64
}

func newDropping(t *testing.T, to string) *dropping {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dropping{listener: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			all.Go(func() { d.serve(from, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return d
}

func (d *dropping) serve(from net.Conn, to string) {
	defer from.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(from, server)
		_ = from.Close()
	}()
	buf := make([]byte, 64<<10)
	for first := true; ; first = false {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if !first && d.next.CompareAndSwap(true, false) { // the first bytes are those of its setup
			d.dropped.Add(1)
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
