package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// Without Redis everything comes from SQL, soon; a key that many ask for costs SQL one read at a time.
// When Redis is back it is used, and who wrote without it does not read what was there before.
func TestAway(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]struct {
		begin, end func(*redistest.Redis)
		keeps      bool // its memory
	}{
		"stopped": {(*redistest.Redis).Stop, (*redistest.Redis).Restart, false},
		"hanging": {(*redistest.Redis).Pause, (*redistest.Redis).Resume, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			x, y, b, a := tier(t, open(t, server.URL())), tierAt(t, server.URL()), newTable(), key("a")
			b.write(a)
			get(t, x, b, a)
			get(t, y, b, a)
			outage.begin(server)
			for range breakAfter + 1 {
				if v := get(t, x, b, a)[0]; v.Version != 1 {
					t.Errorf("version %d", v.Version)
				}
			}
			if h := x.redis.Health(); !h.Open {
				t.Errorf("the breaker is not open after %d reads: %+v", breakAfter+1, h)
			}
			readTogether(t, x, b, a)
			b.write(a)
			begin := time.Now()
			if err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: a, Version: 2}); err == nil {
				t.Error("an invalidation that did not arrive is no error")
			}
			if took := time.Since(begin); took > testtime.Soak(patience/2, 3*invalidateTimeout) {
				t.Errorf("the writer waited %s", took)
			}
			if v := get(t, x, b, a)[0]; v.Version != 2 {
				t.Errorf("version %d after the write", v.Version)
			}
			outage.end(server)
			wait(t, "Redis to be used again", func() bool {
				loads := b.loads.Load()
				if v := get(t, x, b, a)[0]; v.Version != 2 {
					t.Fatalf("version %d, written through this node was 2", v.Version)
				}
				return b.loads.Load() == loads
			})
			if n := x.pending.len(); n != 0 {
				t.Errorf("%d invalidations are pending", n)
			}
			if v := get(t, y, b, a)[0]; v.Version != 2 {
				t.Errorf("the other node has version %d", v.Version)
			}
		})
	}
}

// readTogether reads one key from many goroutines, without Redis.
func readTogether(t *testing.T, x *Tier, b *table, key string) {
	t.Helper()
	var running, asked atomic.Int64
	begin := make(chan struct{})
	slow := func(ctx context.Context, keys []string) ([]Value, error) {
		if running.Add(1) != 1 {
			t.Error("two reads of one key at a time")
		}
		defer running.Add(-1)
		<-begin
		return b.load(ctx, keys)
	}
	before := b.loads.Load()
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			asked.Add(1)
			if err := x.Load(t.Context(), &Request{Kind: rowsOf(x), Keys: []string{key}, Load: slow}); err != nil {
				t.Error(err)
			}
		})
	}
	wait(t, "all to ask", func() bool { return asked.Load() == 500 })
	close(begin)
	all.Wait()
	t.Logf("500 reads without Redis: %d statements", b.loads.Load()-before)
}

// If more invalidations are pending for a server than can be remembered, the process reads nothing from it until Resume, which is called
// once Redis has taken all that came before. It still reads from the other servers.
func TestForgottenPendingInvalidations(t *testing.T) {
	t.Parallel()
	x, b := tier(t, open(t, redistest.RingURL(redistest.Start(t), redistest.Start(t)))), newTable()
	byServer := map[*shard][]string{}
	for i := range 2*maxPending + 1000 {
		for _, g := range x.redis.groups(t.Context(), []string{key(strconv.Itoa(i))}) {
			byServer[g.shard] = append(byServer[g.shard], key(strconv.Itoa(i)))
		}
	}
	var one, other *shard
	for s, keys := range byServer {
		if one, other = s, one; len(keys) < maxPending/2 {
			t.Fatalf("a server has %d keys", len(keys))
		}
	}
	if len(byServer[one]) < len(byServer[other]) {
		one, other = other, one
	}
	here, there := byServer[one], byServer[other]
	get(t, x, b, here[0], here[maxPending], there[0])
	pend := func(key string, version int64) {
		x.addPending(t.Context(), []Invalidation{{Key: key, Version: version}})
	}
	for _, key := range here[:maxPending] {
		pend(key, 1)
	}
	warm := func(key string) bool {
		loads := b.loads.Load()
		get(t, x, b, key)
		return b.loads.Load() == loads
	}
	x.pending.sending.Lock() // nothing is sent
	if warm(here[0]) || !warm(here[maxPending]) || x.Suspension() != 0 {
		t.Errorf("as many pending invalidations as can be remembered: suspension %d", x.Suspension())
	}
	pend(here[maxPending+1], 1)
	first := x.Suspension()
	pend(here[1], 7)
	x.pending.sent([]Invalidation{{Key: here[1], Version: 6}})
	if x.pending.len() != maxPending || first == 0 || x.Suspension() != first || warm(here[maxPending]) || !warm(there[0]) {
		t.Errorf("%d pending, suspensions %d and %d", x.pending.len(), first, x.Suspension())
	}
	pend(here[maxPending+2], 1)
	if x.Resume(first); warm(here[maxPending]) {
		t.Error("it resumes although more was forgotten since")
	}
	x.pending.sent(x.pending.pick(maxPending))
	if x.pending.len() != 0 || warm(here[0]) {
		t.Error("it reads from Redis without Resume")
	}
	x.Resume(x.Suspension())
	get(t, x, b, here[0])
	if !warm(here[0]) || x.pending.any.Load() || x.Suspension() != 0 {
		t.Error("it never trusts Redis again")
	}
	if x.Suspend(); warm(here[0]) || warm(there[0]) {
		t.Error("it reads from Redis although all is suspended")
	}
}

// A full Redis that evicts nothing still takes invalidations, announcements and published versions, and
// holds no more than before; what it cannot fill is read in SQL without waiting.
func TestFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	x, b := tierAt(t, server.URL()), newTable()
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = key(fmt.Sprint(i))
		b.write(keys[i])
	}
	get(t, x, b, keys...)
	if _, err := server.Do("CONFIG SET maxmemory 1"); err != nil {
		t.Fatal(err)
	}
	loads := b.loads.Load()
	if get(t, x, b, keys...); b.loads.Load() != loads {
		t.Error("warm keys are read in SQL")
	}
	invalidateAll(t, x, b, keys)
	in, err := x.Announce(t.Context(), keys[0])
	if err != nil {
		t.Error(err)
	}
	x.Withdraw(t.Context(), in)
	size := func() int64 { return x.redis.client.DBSize(t.Context()).Val() }
	before := size()
	for i := range 50 {
		start := time.Now()
		if v := get(t, x, b, keys[0], key("new"+strconv.Itoa(i))); v[0].Version != 2 || v[1].Version != 0 {
			t.Fatalf("it returns %v", v)
		}
		if took := time.Since(start); took > testtime.Soak(patience/2, 10*minLease) {
			t.Errorf("a read took %s", took)
		}
	}
	if after := size(); after > before {
		t.Errorf("a full Redis went from %d keys to %d", before, after)
	}
	if _, err := server.Do("CONFIG SET maxmemory 0"); err != nil {
		t.Fatal(err)
	}
	get(t, x, b, keys...)
	loads = b.loads.Load()
	if v := get(t, x, b, keys...); b.loads.Load() != loads || v[7].Version != 2 {
		t.Errorf("with room again it fills nothing, or %v", v[7])
	}
}

// A small Redis that evicts stays right under writes to more keys than fit.
func TestEvicting(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lfu")
	x, b := tierAt(t, server.URL()), newTable()
	pad := strings.Repeat("x", 10_000)
	for round := range 3 {
		for i := range 40 {
			keys := make([]string, 10)
			for j := range keys {
				keys[j] = key(fmt.Sprint(i*10 + j))
				b.mu.Lock()
				b.rows[keys[j]] = Value{Version: int64(round + 1), Data: pad}
				b.mu.Unlock()
				invalidate(t, x, Announcement{}, keys[j], int64(round+1))
			}
			for _, v := range get(t, x, b, keys...) {
				if v.Version != int64(round+1) {
					t.Fatalf("version %d in round %d", v.Version, round)
				}
			}
		}
	}
	if info, _ := server.Do("INFO stats"); strings.Contains(info, "evicted_keys:0\r\n") {
		t.Error("nothing was evicted")
	}
}

// A primary that became a replica serves nothing and takes nothing; every read is SQL.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	primary, server := redistest.Start(t, redistest.Fast()...), redistest.Start(t, redistest.Fast()...)
	x, b, a := tierAt(t, server.URL()), newTable(), key("a")
	b.write(a)
	get(t, x, b, a)
	server.Follow(primary)
	loads := b.loads.Load()
	b.write(a)
	err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: a, Version: 2})
	if err == nil || errors.Is(err, ErrDown) {
		t.Errorf("an invalidation on a replica: %v", err)
	}
	for range 5 {
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("version %d", v.Version)
		}
	}
	if n := b.loads.Load() - loads; n != 5 {
		t.Errorf("5 reads on a replica took %d statements", n)
	}
}

// Scripts that a server does not have are sent along.
func TestScriptsAreForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b := tierAt(t, url), newTable()
		var keys []string
		for i := range 5 {
			keys = append(keys, key(strconv.Itoa(i)))
			b.write(keys[i])
		}
		for version := int64(1); version < 4; version++ {
			if err := x.redis.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			get(t, x, b, keys...)
			loads := b.loads.Load()
			if v := get(t, x, b, keys...); b.loads.Load() != loads || v[0].Version != version {
				t.Errorf("version %d of %d", v[0].Version, version)
			}
			if err := x.redis.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			invalidateAll(t, x, b, keys)
		}
	})
}

// A server that comes back with an old snapshot serves nothing of it.
func TestOldSnapshot(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--dbfilename", "old.rdb")
	x, b, a := tierAt(t, server.URL()), newTable(), key("a")
	b.write(a)
	get(t, x, b, a)
	if _, err := server.Do("SAVE"); err != nil {
		t.Fatal(err)
	}
	b.write(a)
	invalidate(t, x, Announcement{}, a, 2)
	get(t, x, b, a)
	server.Restart()
	untilUp(t, x.redis)
	if found := x.redis.client.HGet(t.Context(), a, "v").Val(); found != "1" {
		t.Errorf("the snapshot has version %q, so this shows nothing", found)
	}
	for range 3 {
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("version %d from before the restart", v.Version)
		}
	}
}
