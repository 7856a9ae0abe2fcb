package cache

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"roost/internal/moment"
	"roost/internal/reqstats"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// A server that does not let its user track keys is used without copies.
func TestCopiesWithoutTracking(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	must(t, server, "ACL SETUSER default -client|tracking")
	x, b, a := tierAt(t, server.URL()), newTable(), key("a")
	b.write(a)
	for range 3 {
		if v := get(t, x, b, a)[0]; v.Version != 1 {
			t.Errorf("version %d", v.Version)
		}
	}
	if n := b.loads.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
	if hits, copied := counterValue(rowsOf(x).count.hit), counterValue(rowsOf(x).count.copied); hits != 2 || copied != 0 {
		t.Errorf("%v hits in Redis and %v copies, want 2 and 0", hits, copied)
	}
}

// A cluster before Redis 7.2 does not report the keys of a slot that a server loses. There copies are off, unless a test that moves no
// slot turns them on.
func TestClusterKeepsNoCopies(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	for _, forced := range []bool{false, true} {
		for _, n := range c.Nodes { // each crowd has a table of its own, whose versions begin at 1
			n.FlushAll()
		}
		r := openFor(t, c.URL(), patience)
		r.anyCluster = forced
		crowd := newCrowd(30, tier(t, r))
		version, err := c.Nodes[0].Do("INFO server")
		if err != nil {
			t.Fatal(err)
		}
		crowd.run(t, 2_000, nil)
		crowd.report(t)
		old := strings.Contains(version, "redis_version:7.0")
		if share := crowd.fromCopies(); (share > 0) != (forced || !old) {
			t.Errorf("%.2f of the keys were answered by copies, though it is %v that copies are on", share, forced || !old)
		}
	}
}

// A ring reads each key on its own server, with a barrier on the servers that a read touches.
func TestCopiesOfARing(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t), redistest.Start(t)
	url := redistest.RingURL(first, second)
	c := newCrowd(40, tierAt(t, url), tierAt(t, url))
	c.run(t, crowdReads()/2, func(rnd *rand.Rand) {
		if rnd.IntN(10) == 0 {
			first.FlushAll()
		}
	})
	c.report(t)
	if share := c.fromCopies(); share < 0.3 {
		t.Errorf("only %.2f of the keys were answered by copies", share)
	}
}

// A primary that was demoted reports nothing, and its connections live on. Its copies are not used: another server takes the writes now.
func TestCopiesOfADemotedServer(t *testing.T) {
	t.Parallel()
	for name, fence := range map[string]bool{"as it is": true, "without the fence": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			x, b, a := tierAt(t, server.URL()), newTable(), key("a")
			x.redis.coherence.(*tracked).without.fence = !fence
			b.write(a)
			for range 3 {
				get(t, x, b, a)
			}
			if counterValue(rowsOf(x).count.copied) == 0 {
				t.Fatal("there is no copy")
			}
			must(t, server, "REPLICAOF 127.0.0.1 1")
			b.write(a) // invalidated on the server that has taken over
			if v := get(t, x, b, a)[0]; (v.Version == 2) != fence {
				t.Errorf("version %d of the demoted server", v.Version)
			}
			must(t, server, "REPLICAOF NO ONE")
			if v := get(t, x, b, a)[0]; v.Version != 2 && fence {
				t.Errorf("version %d after it was promoted again", v.Version)
			}
		})
	}
}

// What the process remembers of an epoch of the log is not used in another one.
func TestCopiesOfAnEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		b.write(a)
		x.SetEpoch(1)
		for range 3 {
			get(t, x, b, a)
		}
		b.mu.Lock()
		b.rows[a] = Value{Version: 1, Data: "restored"} // the database went back
		b.mu.Unlock()
		x.SetEpoch(2)
		for range 3 {
			if v := get(t, x, b, a)[0]; v.Version != 1 {
				t.Errorf("version %d of an earlier epoch", v.Version)
			}
		}
	})
}

// A pending invalidation hides the copy until Redis has taken it.
func TestPendingInvalidationsHideCopies(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b, a := tierAt(t, server.URL()), newTable(), key("a")
	b.write(a)
	for range 3 {
		get(t, x, b, a)
	}
	server.RefuseWrites()
	b.write(a)
	if err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: a, Version: 2}); err == nil {
		t.Fatal("it was taken")
	}
	for range 3 {
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("version %d while the invalidation is pending", v.Version)
		}
	}
	server.TakeWrites()
	testtime.Until(t, "Redis to take it", func() bool { get(t, x, b, a); return !x.Unsettled() })
	for range 3 {
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("version %d after it was taken", v.Version)
		}
	}
}

// Reads of one moment take one barrier; a new moment takes another one.
func TestReadsOfAMomentShareABarrier(t *testing.T) {
	t.Parallel()
	x, b := tierAt(t, redistest.Start(t).URL()), newTable()
	keys := []string{key("a"), key("b"), key("c")}
	for range 3 {
		get(t, x, b, keys...)
	}
	ctx, stats := reqstats.With(t.Context())
	ctx, m := moment.With(ctx)
	load := func() {
		if err := x.Load(ctx, &Request{Kind: rowsOf(x), Keys: keys, Load: b.load}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		load()
	}
	if n := stats.RoundTrips(); n != 1 {
		t.Errorf("%d round trips in one moment, want 1", n)
	}
	b.write(keys[0])
	invalidate(t, x, Announcement{}, keys[0], 1)
	m.Renew()
	if load(); stats.RoundTrips() < 2 {
		t.Error("a new moment took no barrier")
	}
}

// Copies stay within their bytes; what is read again stays longer than what was read once.
func TestCopiesAreBounded(t *testing.T) {
	t.Parallel()
	const room = 64 * 20 * 1024
	c := newCopies(room)
	g := c.generation()
	text := strings.Repeat("x", 400)
	for i := range 20_000 {
		c.put(fmt.Sprint("once", i), Value{Version: 1, Data: text}, g, 1)
		if i%10 == 0 {
			hot := fmt.Sprint("hot", i/10%200)
			if c.get(hot, g, 0) == nil {
				c.put(hot, Value{Version: 1, Data: text}, g, 1)
			}
		}
	}
	c.put("large", Value{Version: 1, Data: strings.Repeat("x", 10_000)}, g, 1)
	if c.get("large", g, 0) != nil {
		t.Error("a value of half of its shard is kept")
	}
	entries, bytes, evicted := c.size()
	if bytes > room || entries == 0 || evicted == 0 {
		t.Errorf("%d copies take %d bytes, %d were evicted", entries, bytes, evicted)
	}
	kept := 0
	for i := range 200 {
		if c.get(fmt.Sprint("hot", i), g, 0) != nil {
			kept++
		}
	}
	if kept < 150 {
		t.Errorf("%d of 200 copies that are read again and again are kept", kept)
	}
	if c.get("hot1", g+1, 0) != nil {
		t.Error("a copy of another generation is used")
	}
}

// When the address leads to another primary, while the one before goes on as if nothing had happened, the copies of that one are not used:
// other nodes write to the new one.
func TestCopiesFollowTheOtherConnections(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t), redistest.Start(t)
	var addr atomic.Value
	addr.Store(first.Addr())
	r, err := openVia(Config{URL: first.URL()}, patience, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr.Load().(string))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	x, y, b, a := tier(t, r), tierAt(t, second.URL()), newTable(), key("a")
	b.write(a)
	for range 3 {
		get(t, x, b, a)
	}
	if counterValue(rowsOf(x).count.copied) == 0 {
		t.Fatal("there is no copy")
	}
	addr.Store(second.Addr())
	list, err := first.Do("CLIENT LIST")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(list) { // the other connections; the link is the one that tracks
		if id, rest, ok := strings.Cut(strings.TrimPrefix(line, "id="), " "); ok && strings.Contains(rest, "flags=N") {
			_, _ = first.Do("CLIENT KILL ID " + id) // the test's own may be among them
		}
	}
	get(t, x, b, key("other"))
	b.write(a)
	invalidate(t, y, Announcement{}, a, 2)
	if v := get(t, x, b, a)[0]; v.Version != 2 {
		t.Errorf("version %d of the primary before", v.Version)
	}
}

// A batch asks for so many keys at most; the readers beyond that look theirs up without copies.
func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	r := openFor(t, redistest.Start(t).URL(), patience)
	l := r.coherence.(*tracked).link(r.only)
	keys, at := make([]string, maxGathered+1), make([]int, maxGathered+1)
	for i := range keys {
		keys[i], at[i] = key(fmt.Sprint("k", i)), i
	}
	if b, _ := l.join(lookup{keys: keys}, at, nil); b != nil {
		t.Error("a batch takes more keys than it may")
	}
	if b, _ := l.join(lookup{keys: keys}, at[1:], keys[:1]); b != nil {
		t.Error("a batch takes keys along that it has no room for")
	}
	if b, index := l.join(lookup{keys: keys}, at[1:], nil); b == nil || len(index) != maxGathered {
		t.Error("a batch does not take as many keys as it may")
	} else if <-b.done; b.err != nil {
		t.Error(b.err)
	}
}

// What others take of the memory of copies is no longer there for copies.
func TestReservedMemory(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	redis, err := Open(Config{Copies: 64 * mib})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	x := tier(t, redis)
	for _, c := range []struct{ parts, least, most, want int64 }{
		{16, 1, 8 * mib, 4 * mib}, {16, 1, 2 * mib, 2 * mib}, {1024, mib, 8 * mib, mib},
	} {
		if got := x.Reserve(c.parts, c.least, c.most); got != c.want {
			t.Errorf("a part of %d, at least %d and at most %d, is %d, want %d", c.parts, c.least, c.most, got, c.want)
		}
	}
	left := int64(0)
	for i := range redis.copies.shards {
		left += redis.copies.shards[i].max
	}
	if left != (64-4-2-1)*mib {
		t.Errorf("%d bytes are left for copies", left)
	}
	none, err := Open(Config{Copies: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = none.Close() })
	if got := tier(t, none).Reserve(16, 1, 8*mib); got != 8*mib {
		t.Errorf("without copies a part is %d", got)
	}
}

// Drop removes copies also of entries that Redis does not have any more, so that it has nothing to report.
func TestDropRemovesCopies(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		get(t, x, b, key("another")) // connects
		usable := x.redis.coherence.copiesFor(lookup{})
		if usable.copies == nil {
			t.Fatal("there are no copies")
		}
		usable.copies.put(a, Value{Version: 1, Data: "wrong"}, usable.generation, math.MaxInt64)
		if v := get(t, x, b, a)[0]; v.Data != "wrong" {
			t.Fatalf("%+v is read, not the copy", v)
		}
		if err := x.Drop(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if v := get(t, x, b, a)[0]; v.Data != a+"@1" {
			t.Errorf("%+v is read, not the row", v)
		}
	})
}
