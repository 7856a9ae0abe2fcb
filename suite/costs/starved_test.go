package costs

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A node that gets no processor for a while finds, when it goes on, that its calls to Redis have had no answer in time.
// It does not take that for an outage of Redis, which answers at once when the node goes on.
func TestAStarvedNodeDoesNotBlameRedis(t *testing.T) {
	t.Parallel()
	// A call has 250 ms, and up to 750 ms more after the node ran late, as it did in the round before: starved is longer than both. On a busy
	// machine the readers may be at other things for some milliseconds, so quiet is as long as that.
	const readers, rounds, starved, quiet = 16, 5, 1200 * time.Millisecond, 50 * time.Millisecond
	// Without copies, so that each reader has a call of its own: with them all share one, of which it is chance whether it is late.
	p := rig.NewProcess(t, apitest.Server, "--copies-mib=-1")
	admin := p.WithAdmin(t)
	p.Start(t, rig.Plain.Build(t))
	ada := p.SignUp(t, "ada")
	ada.Tweet(t, "hello")
	const page = `{ viewer { homeTimeline(first: 10) { nodes { id text author { name } } } } }`
	ada.Must(t, page, nil)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var answered atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		apitest.Parallel(t, readers, func(int) error {
			for ctx.Err() == nil {
				if _, err := ada.Try(page, nil); err != nil {
					return err
				}
				answered.Add(1)
			}
			return nil
		})
	}()
	doubtful := 0.0
	for round := 0; round < rounds || doubtful == 0 && round < 10*rounds; round++ {
		before := answered.Load()
		apitest.Until(t, "answers", func() bool { return answered.Load() > before+readers })
		p.Redis.Pause()
		last, since := int64(-1), time.Now()
		apitest.Until(t, "all readers to wait for Redis", func() bool {
			if now := answered.Load(); now != last {
				last, since = now, time.Now()
			}
			return time.Since(since) > quiet
		})
		rig.Signal(t, syscall.SIGSTOP, p)
		began := time.Now()
		apitest.Until(t, "the calls' time to be up", func() bool { return time.Since(began) > starved })
		rig.Signal(t, syscall.SIGCONT, p)
		p.Redis.Resume() // now, or the node might find the answers before it finds that the time is up
		before = answered.Load()
		apitest.Until(t, "answers", func() bool { return answered.Load() > before+readers })
		var err error
		if doubtful, err = rig.Metric(t.Context(), admin, "roost_redis_doubtful_total"); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	<-ended
	refused, err := rig.Metric(t.Context(), admin, "roost_redis_refused_total")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d answers; %v calls had no answer in time", answered.Load(), doubtful)
	if doubtful == 0 {
		t.Error("no call was under way while the node stood still")
	}
	if refused > 0 {
		t.Errorf("Redis was taken to be down: %v calls were not made", refused)
	}
}
