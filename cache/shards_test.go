package cache

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/testkit/redistest"
)

// errorsSeen keeps every error that a server answered.
type errorsSeen struct {
	mu  sync.Mutex
	all []string
}

func (e *errorsSeen) note(err error) {
	if err != nil && err != redis.Nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.all = append(e.all, err.Error())
	}
}

func (e *errorsSeen) DialHook(next redis.DialHook) redis.DialHook { return next }

func (e *errorsSeen) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		e.note(err)
		return err
	}
}

func (e *errorsSeen) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			e.note(cmd.Err())
		}
		return err
	}
}

func (e *errorsSeen) has(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.all, func(s string) bool { return strings.Contains(s, text) })
}

// onShards runs a test on a cluster of three primaries and on a ring of three servers.
func onShards(t *testing.T, fn func(t *testing.T, servers []*redistest.Redis, url string)) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t, 3)
		fn(t, c.Nodes, c.URL())
	})
	t.Run("ring", func(t *testing.T) {
		t.Parallel()
		servers := []*redistest.Redis{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
		fn(t, servers, redistest.RingURL(servers...))
	})
}

// One of three servers goes. Its keys come from SQL, soon; all others stay warm, nothing is stale, and
// no batch is refused for its mixture of keys.
func TestOneShardAway(t *testing.T) {
	onShards(t, func(t *testing.T, servers []*redistest.Redis, url string) {
		x, y, b := tierAt(t, url), tierAt(t, url), newTable()
		seen := &errorsSeen{}
		all, err := x.redis.all(t.Context())
		if err != nil || len(all) != 3 {
			t.Fatalf("%d servers, %v", len(all), err)
		}
		for _, s := range all {
			s.client.AddHook(seen)
		}
		keys := make([]string, 300)
		home := map[string]string{}
		for i := range keys {
			keys[i] = key(fmt.Sprint("k", i))
			b.write(keys[i])
			s, err := x.redis.route(t.Context(), keys[i])
			if err != nil {
				t.Fatal(err)
			}
			home[keys[i]] = s.name()
		}
		check := func(x *Tier, version int64) (fromSQL []string) {
			t.Helper()
			b.hold(func(keys []string) { fromSQL = append(fromSQL, keys...) })
			defer b.hold(nil)
			for i, v := range get(t, x, b, keys...) {
				if v.Version != version {
					t.Fatalf("%s is at %d, want %d", keys[i], v.Version, version)
				}
			}
			return fromSQL
		}
		if n := len(check(x, 1)); n != len(keys) {
			t.Fatalf("%d of %d cold keys are read in SQL", n, len(keys))
		}
		if n := len(check(y, 1)); n != 0 {
			t.Fatalf("%d warm keys are read in SQL", n)
		}
		invalidateAll(t, x, b, keys)
		check(y, 2)
		if n := len(check(x, 2)); n != 0 {
			t.Fatalf("%d warm keys are read in SQL", n)
		}

		gone := servers[1]
		gone.Stop()
		quickest := patience // of the rounds after the breaker has opened
		for round := range 20 {
			start := time.Now()
			for _, key := range check(x, 2) {
				if home[key] != gone.Addr() {
					t.Fatalf("round %d: %s of %s is read in SQL, %s is away", round, key, home[key], gone.Addr())
				}
			}
			if round > breakAfter {
				quickest = min(quickest, time.Since(start))
			}
		}
		if quickest > time.Second {
			t.Errorf("no round took less than %s", quickest)
		}
		// Writes go on; what could not be invalidated is read in SQL by who wrote it, when the server is back.
		var invs []Invalidation
		for _, key := range keys {
			invs = append(invs, Invalidation{Kind: rowsOf(x), Key: key, Version: b.write(key).Version})
		}
		if err := x.Invalidate(t.Context(), Announcement{}, invs...); err == nil {
			t.Error("nothing is said of the invalidations that did not arrive")
		}
		check(x, 3)
		gone.Restart()
		wait(t, "its keys to be warm", func() bool { return len(check(x, 3)) == 0 })
		check(y, 3)
		if seen.has("CROSSSLOT") {
			t.Error("CROSSSLOT")
		}
		if err := x.Clear(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(check(x, 3)); n != len(keys) {
			t.Errorf("after Clear %d of %d keys are read in SQL", n, len(keys))
		}
	})
}

func invalidateAll(t *testing.T, x *Tier, b *table, keys []string) {
	t.Helper()
	var all []Invalidation
	for _, key := range keys {
		all = append(all, Invalidation{Kind: rowsOf(x), Key: key, Version: b.write(key).Version})
	}
	if err := x.Invalidate(t.Context(), Announcement{}, all...); err != nil {
		t.Fatal(err)
	}
}

// Slots that move to another node are followed: nothing stale, nothing lost but the entries.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	x, b, a := tierAt(t, c.URL()), newTable(), key("a")
	b.write(a)
	get(t, x, b, a)
	s, err := x.redis.route(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := s.client.ClusterKeySlot(t.Context(), a).Result()
	if err != nil {
		t.Fatal(err)
	}
	to := c.Nodes[0]
	if to.Addr() == s.name() {
		to = c.Nodes[1]
	}
	id, err := to.Do("CLUSTER MYID")
	if err != nil {
		t.Fatal(err)
	}
	s.client.Del(t.Context(), a)
	for _, node := range c.Nodes {
		if _, err := node.Do(fmt.Sprintf("CLUSTER SETSLOT %d NODE %s", slot, id)); err != nil {
			t.Fatal(err)
		}
	}
	for version := int64(2); version < 5; version++ {
		b.write(a)
		invalidate(t, x, Announcement{}, a, version)
		if v := get(t, x, b, a)[0]; v.Version != version {
			t.Errorf("version %d after %d was acknowledged", v.Version, version)
		}
	}
	wait(t, "the key to be warm at its new place", func() bool {
		loads := b.loads.Load()
		get(t, x, b, a)
		return b.loads.Load() == loads
	})
}

// When a ring grows by one, only the share of the new shard moves, from all others, and to it.
func TestRingGrows(t *testing.T) {
	t.Parallel()
	const all = 100_000
	for n := 3; n <= 10; n++ {
		var names []string
		for i := range n + 1 {
			names = append(names, fmt.Sprintf("10.0.0.%d:6379", i))
		}
		before, after := newHashRing(names[:n]), newHashRing(names)
		turned := newHashRing([]string{names[1], names[0], names[2]})
		ring, modulo := 0, 0
		load := map[string]int{}
		for i := range all {
			key := fmt.Sprintf("%suser:%d", EntryPrefix, i)
			from, to := before.Get(key), after.Get(key)
			load[from]++
			if from != to {
				ring++
				if to != names[n] {
					t.Fatalf("%s moves from %s to %s", key, from, to)
				}
			}
			if h := ringHash(key); h%uint64(n) != h%uint64(n+1) {
				modulo++
			}
			if n == 3 && turned.Get(key) != from {
				t.Fatal("the order of names matters")
			}
		}
		most := 0
		for _, keys := range load {
			most = max(most, keys)
		}
		t.Logf("%d to %d shards: %.1f %% of the keys move, by modulo %.1f %%; the largest shard holds %.2f of the mean",
			n, n+1, 100*float64(ring)/all, 100*float64(modulo)/all, float64(most*n)/all)
		if share := float64(ring) / all; math.Abs(share-1/float64(n+1)) > 0.25/float64(n+1) {
			t.Errorf("from %d shards %.3f of the keys move", n, share)
		}
		if float64(most*n)/all > 1.25 {
			t.Errorf("the largest of %d shards holds %.2f of the mean", n, float64(most*n)/all)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://:secret@a:1/2":               " [a:1] secret 2 ",
		"redis+cluster://u:p@b:2,a":           "+cluster [a:6379 b:2] p 0 ",
		"redis://a:1,b:2":                     "+cluster [a:1 b:2]  0 ",
		"redis+ring://:p@a:1,b:2,c:3/4":       "+ring [a:1 b:2 c:3] p 4 ",
		"redis+sentinel://:p@a:1,b:2/primary": "+sentinel [a:1 b:2] p 0 primary",
	} {
		a, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := fmt.Sprint(a.form, " ", a.hosts, " ", a.options.Password, " ", a.options.DB, " ", a.sentinel)
		if want != got {
			t.Errorf("%s is read as %q, want %q", url, got, want)
		}
	}
	for _, url := range []string{"", "a:1", "redis+x://a:1", "redis+ring://a:1,a:1", "redis+cluster://a/3", "redis+sentinel://a:1",
		"redis+ring://a:1,:2", "redis+ring://"} {
		if _, err := parseURL(url); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}
