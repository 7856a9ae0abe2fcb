package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/internal/redistest"
	"roost/internal/reqstats"
)

func open(t *testing.T, url string) *Redis {
	t.Helper()
	r, err := Open(Config{URL: url})
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
func untilUp(t *testing.T, r *Redis) (took time.Duration) {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.Ping(t.Context()) != nil {
		if <-tick.C; time.Since(start) > 20*time.Second {
			t.Fatal("Redis is back and not used")
		}
	}
	return time.Since(start)
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
	if took := time.Since(start); took > 8*callTimeout {
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
		q := queries(t, open(t, url))
		for i := range 10 * breakAfter {
			if text, ok := q.Get(t.Context(), strconv.Itoa(i)); ok {
				t.Errorf("there is %q", text)
			}
		}
		if err := q.redis.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"localhost:6379", "http://localhost", "redis://localhost:x"} {
		if r, err := Open(Config{URL: url}); err == nil {
			t.Errorf("%s is taken: %v", url, r.Close())
		}
	}
}

func queries(t *testing.T, r *Redis) *PersistedQueries {
	t.Helper()
	q, err := NewPersistedQueries(r)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What one node keeps another finds; without Redis each knows its own.
func TestPersistedQueries(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		first := open(t, url)
		one, other := queries(t, first), queries(t, first)
		one.Put(t.Context(), "hash", "{ limits { pageSize } }")
		ctx, stats := reqstats.With(t.Context())
		for range 3 {
			if text, ok := other.Get(ctx, "hash"); !ok || text != "{ limits { pageSize } }" {
				t.Errorf("the other node finds %q", text)
			}
		}
		if n := stats.RoundTrips(); n != 1 {
			t.Errorf("three lookups took %d round trips, want 1", n)
		}
		left, err := first.client.TTL(t.Context(), persistedQueryKey("hash")).Result()
		if err != nil || left <= persistedFor-time.Minute || left > persistedFor {
			t.Errorf("it is kept for %s, %v", left, err)
		}
		if err := first.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if _, ok := one.Get(t.Context(), "hash"); !ok {
			t.Error("a node forgot its own with Redis")
		}
	})
}

// A node keeps a thousand documents, and no more.
func TestPersistedQueriesAreBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	q := queries(t, open(t, server.URL()))
	server.Stop()
	for i := range 3 * persistedLocal {
		q.Put(t.Context(), fmt.Sprint(i), strings.Repeat("x", 10))
	}
	if n := q.local.Len(); n != persistedLocal {
		t.Errorf("%d documents are kept, want %d", n, persistedLocal)
	}
	if _, ok := q.Get(t.Context(), fmt.Sprint(3*persistedLocal-1)); !ok {
		t.Error("the newest is gone")
	}
	if _, ok := q.Get(t.Context(), "0"); ok {
		t.Error("the oldest is there")
	}
}
