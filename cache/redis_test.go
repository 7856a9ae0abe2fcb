package cache

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
		r := open(t, url)
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
