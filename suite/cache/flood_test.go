package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// flood is clients that read profiles one after the other, whatever they are answered.
type flood struct {
	good, busy atomic.Int64
	mu         sync.Mutex
	wrong      []string
	end        func()
}

func (f *flood) fail(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = append(f.wrong, what)
}

// startFlood begins one: every answer is the profile, or says when to come back.
func startFlood(t *testing.T, c *rig.Cluster, clients int, users []string) *flood {
	t.Helper()
	f, web := &flood{}, webClient(t)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				n := rand.IntN(len(users))
				res, err := rig.AnonymousAt(c.Nodes[i%len(c.Nodes)], web).Do(ctx, rig.ProfileByID, apitest.Vars{"id": users[n]})
				switch {
				case ctx.Err() != nil:
				case err != nil:
					f.fail(err.Error())
				case len(res.Errors) == 0 && res.String("node.bio") == fmt.Sprint("bio ", n):
					f.good.Add(1)
				default:
					for _, e := range res.Errors {
						if after, _ := e.Extensions["retryAfter"].(float64); e.Code() != "UNAVAILABLE" || after < 1 {
							f.fail(string(res.Body))
						}
					}
					if len(res.Errors) == 0 {
						f.fail(string(res.Body))
					}
					f.busy.Add(1)
				}
			}
		})
	}
	f.end = sync.OnceFunc(func() {
		stop()
		all.Wait()
	})
	t.Cleanup(f.end)
	return f
}

// rate is how many good answers a second come in a while, and how many refusals.
func (f *flood) rate(d time.Duration) (good, busy float64) {
	began, g, b := time.Now(), f.good.Load(), f.busy.Load()
	pass(d)
	s := time.Since(began).Seconds()
	return float64(f.good.Load()-g) / s, float64(f.busy.Load()-b) / s
}

// Redis is flushed under a load of warm reads of many times what SQL carries: what SQL can carry is answered on, the
// rest is refused with a time to come back, and soon everything is warm again.
func TestCacheFlushedUnderLoad(t *testing.T) {
	t.Parallel()
	readers, window := testtime.Soak(120, 400), testtime.Soak(700*time.Millisecond, 3*time.Second)
	// A database far away, of which nodes use two connections at once, carries a known little.
	databaseURL := apitest.Migrated(t)
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	far := rig.NewSlowProxy(t, u.Host, 20*time.Millisecond)
	u.Host = far.Listener.Addr().String()
	c := rig.NewCluster(t, rig.Options{DatabaseURL: u.String(), Args: []string{"--database-conns", "4"}})
	db := rig.OpenURL(t, databaseURL)
	many := testtime.Soak(150, 2000)
	if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO users (id, username, name, bio, email, created_at, version)
		SELECT i + 1000, 'u' || i, 'U', 'bio ' || i, i || '@example.com', now(), 1 FROM generate_series(0, $1 - 1) AS i`, many); err != nil {
		t.Fatal(err)
	}
	var users []string
	for i := range many {
		users = append(users, ids.UserID(int64(i+1000)).String())
	}
	c.Start(t, c.Nodes)

	c.Redis.Stop()
	f := startFlood(t, c, readers, users)
	f.rate(window) // until the nodes have given Redis up
	alone, aloneBusy := f.rate(2 * window)
	c.Redis.Restart()
	warm, busy := 0.0, 1.0
	for end := time.Now().Add(time.Minute); (busy > 0 || warm < 2*alone) && time.Now().Before(end); {
		warm, busy = f.rate(window)
	}
	if busy > 0 {
		t.Fatalf("a minute after its start Redis is not warm: %.0f good answers a second, %.0f refused", warm, busy)
	}
	f.rate(window) // all connections are there
	warm, _ = f.rate(window)
	c.Redis.FlushAll()
	flushed := time.Now()
	var story []string
	least, recovered := warm, time.Duration(0)
	for recovered == 0 && time.Since(flushed) < time.Minute {
		good, busy := f.rate(window)
		story = append(story, fmt.Sprintf("%.0f (%.0f refused)", good, busy))
		least = min(least, good)
		if busy == 0 && good > warm/2 {
			recovered = time.Since(flushed)
		}
	}
	f.end()
	t.Logf("good answers a second: SQL alone %.0f (%.0f refused), warm %.0f, after the flush %s; warm again after %s", alone, aloneBusy, warm,
		strings.Join(story, ", "), recovered)
	if recovered == 0 {
		t.Error("a minute after the flush the cache is not warm")
	}
	if testtime.Soak(false, true) && least < 0.9*alone {
		t.Errorf("after the flush there are %.0f good answers a second, SQL alone carries %.0f", least, alone)
	}
	if aloneBusy == 0 {
		t.Error("SQL alone carries all of it: that shows nothing")
	}
	if len(f.wrong) > 0 {
		t.Errorf("%d answers are wrong, such as %s", len(f.wrong), f.wrong[0])
	}
}
