package cache

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/testkit/redistest"
)

// A call without an outcome does not open the breaker, unless there are many in a row: a server that really is
// away is found to be.
func TestUnclearOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b breaker
	for range doubtAfter - 1 {
		if changed, open := b.report(unclear, now); changed || open {
			t.Fatal("it opens though it is not clear who was late")
		}
	}
	b.report(answered, now) // begins the count again
	calls := 0
	for open := false; !open; calls++ {
		_, open = b.report(unclear, now)
	}
	if calls != breakAfter*doubtAfter {
		t.Errorf("it opens after %d unclear outcomes in a row", calls)
	}
	now = now.Add(probeEvery)
	if !b.allow(now) {
		t.Fatal("an open breaker does not try")
	}
	if changed, open := b.report(unclear, now); changed || !open || b.allow(now) {
		t.Error("an unclear probe changes it")
	}
	now = now.Add(probeEvery)
	if !b.allow(now) {
		t.Fatal("after an unclear probe it does not try again")
	}
	if changed, open := b.report(answered, now); !changed || open {
		t.Error("a good probe does not close it")
	}
}

// While the process runs late calls have more time, and those without an answer say nothing about Redis; as soon as it
// does not, they say what they always did.
func TestALateProcessDoesNotBlameRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var late atomic.Int64
	r, err := Open(Config{URL: server.URL(), Late: func(time.Time) time.Duration { return time.Duration(late.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ping := func() (time.Duration, error) {
		began := time.Now()
		err := r.call(t.Context(), "a", func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() })
		return time.Since(began), err
	}
	if _, err := ping(); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	late.Store(int64(100 * time.Millisecond))
	for range breakAfter + 2 {
		took, err := ping()
		if err == nil || took < callTimeout+300*time.Millisecond {
			t.Errorf("a call of a server that hangs took %v: %v", took, err)
		}
	}
	if h := r.Health(); h.Open || h.Failed != 0 || h.Doubtful != breakAfter+2 {
		t.Errorf("%+v", h)
	}
	late.Store(0)
	for range breakAfter {
		if _, err := ping(); err == nil {
			t.Error("a server that hangs answers")
		}
	}
	if h := r.Health(); !h.Open || h.Failed != breakAfter {
		t.Errorf("%+v", h)
	}
	// A server that cannot be reached is away, however late the process is.
	server.Resume()
	wait(t, "the server to be used again", func() bool { _, err := ping(); return err == nil })
	late.Store(int64(time.Second))
	server.Stop()
	for range breakAfter {
		if _, err := ping(); err == nil {
			t.Error("a server that is stopped answers")
		}
	}
	if h := r.Health(); !h.Open {
		t.Errorf("%+v", h)
	}
}
