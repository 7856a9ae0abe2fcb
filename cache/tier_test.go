package cache

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/internal/reqstats"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// table is a table of SQL as the tier sees it: rows with versions, and how often it was read.
type table struct {
	mu    sync.Mutex
	rows  map[string]Value
	loads atomic.Int64
	read  atomic.Int64 // rows
	// after, if set, is called between the read and its return.
	after func(keys []string)
}

func newTable() *table { return &table{rows: map[string]Value{}} }

// write commits the next version of a row.
func (b *table) write(key string) Value {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := Value{Version: b.rows[key].Version + 1}
	v.Data = fmt.Sprintf("%s@%d", key, v.Version)
	b.rows[key] = v
	return v
}

func (b *table) load(ctx context.Context, keys []string) ([]Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.loads.Add(1)
	b.read.Add(int64(len(keys)))
	b.mu.Lock()
	out := make([]Value, len(keys))
	for i, key := range keys {
		out[i] = b.rows[key]
	}
	after := b.after
	b.mu.Unlock()
	if after != nil {
		after(keys)
	}
	return out, nil
}

func (b *table) hold(after func(keys []string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.after = after
}

func tier(t testing.TB, r *Redis) *Tier {
	t.Helper()
	x, err := NewTier(r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func tierAt(t testing.TB, url string) *Tier {
	t.Helper()
	return tier(t, openFor(t, url, patience))
}

func rowsOf(x *Tier) *Kind { return x.Kind("row", time.Minute, 10*time.Second) }

func get(t testing.TB, x *Tier, b *table, keys ...string) []Value {
	t.Helper()
	req := &Request{Kind: rowsOf(x), Keys: keys, Load: b.load}
	if err := x.Load(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	return req.Values
}

func invalidate(t testing.TB, x *Tier, in Announcement, key string, version int64) {
	t.Helper()
	if err := x.Invalidate(t.Context(), in, Invalidation{Kind: rowsOf(x), Key: key, Version: version}); err != nil {
		t.Fatal(err)
	}
}

// counterValue reads a counter.
func counterValue(c prometheus.Counter) float64 {
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil || len(families) != 1 {
		panic(fmt.Sprint(families, err))
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

func key(name string) string { return EntryPrefix + name }

func TestReadThrough(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b := tierAt(t, url), newTable()
		a, c, none := key("a"), key("c"), key("none")
		b.write(a)
		b.write(c)
		for range 3 {
			ctx, stats := reqstats.With(t.Context())
			req := &Request{Kind: rowsOf(x), Keys: []string{a, none, c, a}, Load: b.load}
			if err := x.Load(ctx, req); err != nil {
				t.Fatal(err)
			}
			if v := req.Values; v[0].Data != a+"@1" || v[1].Version != 0 || v[2].Data != c+"@1" || v[3] != v[0] {
				t.Errorf("it returns %v", v)
			}
			if b.loads.Load() != 1 || b.read.Load() != 3 {
				t.Errorf("%d statements for %d rows, want 1 for 3", b.loads.Load(), b.read.Load())
			}
			t.Log("round trips", stats.RoundTrips())
		}
		ctx, stats := reqstats.With(t.Context())
		one := &Request{Kind: rowsOf(x), Keys: []string{a, none}, Load: b.load}
		two := &Request{Kind: x.Kind("other", time.Second, time.Second), Keys: []string{c}, Load: b.load}
		want := int64(1)
		if url == "" {
			want = 0 // nobody else changes its entries
		}
		if err := x.Load(ctx, one, two); err != nil || stats.RoundTrips() != want {
			t.Errorf("two warm kinds took %d round trips, want %d, %v", stats.RoundTrips(), want, err)
		}
		if two.Values[0].Data != c+"@1" {
			t.Errorf("the second request got %v", two.Values)
		}
		for name, most := range map[string]time.Duration{a: time.Minute, none: 10 * time.Second} {
			left, err := x.redis.client.PTTL(t.Context(), name).Result()
			if err != nil || left > most || left < most*7/10 {
				t.Errorf("%s lives %s, want at most %s and not much less, %v", name, left, most, err)
			}
		}
		if hits := counterValue(rowsOf(x).count.hit) + counterValue(rowsOf(x).count.copied); hits != 10 {
			t.Errorf("%v hits are counted, want 10", hits)
		}
	})
}

// What is invalidated is gone at once, on every node; repeating old invalidations costs nothing.
func TestInvalidate(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b, a := tier(t, r), tier(t, r), newTable(), key("a")
		for version := int64(1); version <= 5; version++ {
			b.write(a)
			invalidate(t, x, Announcement{}, a, version)
			for _, node := range []*Tier{x, y, x} {
				if v := get(t, node, b, a)[0]; v.Version != version {
					t.Fatalf("version %d after the acknowledgement of %d", v.Version, version)
				}
			}
			loads := b.loads.Load()
			for old := range version + 1 {
				invalidate(t, y, Announcement{}, a, old)
			}
			if get(t, x, b, a); b.loads.Load() != loads {
				t.Fatal("a repeated invalidation threw a current entry away")
			}
		}
	})
}

// A name that is cached as absent is seen when it comes to be.
func TestAbsentComesToBe(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b, a := tier(t, r), tier(t, r), newTable(), key("name")
		if v := get(t, x, b, a)[0]; v.Version != 0 {
			t.Fatalf("there is %v", v)
		}
		b.write(a)
		invalidate(t, x, Announcement{}, a, 1)
		if v := get(t, y, b, a)[0]; v.Version != 1 {
			t.Errorf("the other node sees %v", v)
		}
	})
}

// A reader is held between its SQL read and its fill; meanwhile the row changes, and Redis may be
// flushed. It must not fill what it has, nor return it.
func TestHeldReader(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		for name, meanwhile := range map[string]func(x *Tier){
			"update": func(*Tier) {},
			"update and flush": func(x *Tier) {
				if err := x.redis.client.FlushAll(context.Background()).Err(); err != nil {
					t.Error(err)
				}
			},
		} {
			r := openFor(t, url, patience)
			x, y, b, a := tier(t, r), tier(t, r), newTable(), key(name)
			b.write(a)
			var once sync.Once
			b.hold(func([]string) {
				once.Do(func() {
					b.write(a)
					invalidate(t, y, Announcement{}, a, 2)
					meanwhile(y)
				})
			})
			// It began before the update was acknowledged, so it may return the old one if it is out of time.
			start := time.Now()
			if v := get(t, x, b, a)[0]; v.Version != 2 && time.Since(start) < fallbackAfter {
				t.Errorf("%s: the held reader returns version %d", name, v.Version)
			}
			for range 100 {
				for _, node := range []*Tier{x, y} {
					if v := get(t, node, b, a)[0]; v.Version != 2 {
						t.Fatalf("%s: later read of version %d", name, v.Version)
					}
				}
			}
		}
	})
}

// wait waits for a condition.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, what, ok)
}

// A lease whose holder is gone delays readers by no more than the time until the fallback; what they return is published, so
// that the holder, if it lives, cannot fill anything older.
func TestFallback(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		gone := x.do(t.Context(), x.scripts.lease, []string{a}, func(int) (int64, []any) { return 0, []any{"gone", 600_000, 600_000} })
		if gone[0].word != "leased" {
			t.Fatal(gone)
		}
		b.write(a)
		start := time.Now()
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("it reads version %d", v.Version)
		}
		if took := time.Since(start); took < fallbackAfter || took > testtime.Soak(patience/2, 8*fallbackAfter) {
			t.Errorf("it took %s, want a little more than %s", took, fallbackAfter)
		}
		late := x.do(t.Context(), x.scripts.fill, []string{a}, func(int) (int64, []any) { return 0, []any{"gone", 1, "old", 60_000} })
		if late[0].word != "lost" {
			t.Errorf("a fill of what is older than what was returned: %v", late[0])
		}
		if n := counterValue(rowsOf(x).count.fallback); n != 1 {
			t.Errorf("%v fallbacks are counted", n)
		}
	})
}

// While an announcement lasts, reads go to SQL. It ends with the invalidation, by withdrawal or by itself.
func TestAnnouncement(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a, c := tierAt(t, url), newTable(), key("a"), key("c")
		b.write(a)
		get(t, x, b, a, c)
		in, err := x.Announce(t.Context(), a, c)
		if err != nil {
			t.Fatal(err)
		}
		other, err := x.Announce(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		fromSQL := func(want bool, version int64) {
			t.Helper()
			before := b.loads.Load()
			if v := get(t, x, b, a)[0]; v.Version != version || (b.loads.Load() > before) != want {
				t.Errorf("version %d, want %d; %d statements", v.Version, version, b.loads.Load()-before)
			}
		}
		fromSQL(true, 1)
		b.write(a) // committed, not yet acknowledged: no window
		fromSQL(true, 2)
		fromSQL(true, 2)
		invalidate(t, x, in, a, 2) // ends the announcement of c as well
		fromSQL(true, 2)           // the other one lasts
		x.Withdraw(t.Context(), other)
		fromSQL(true, 2)
		fromSQL(false, 2)
		before := b.loads.Load()
		if get(t, x, b, c); b.loads.Load() != before+1 {
			t.Error("an announcement of a key without a change does not end")
		}
		if get(t, x, b, c); b.loads.Load() != before+1 {
			t.Error("an ended announcement keeps a key from being filled")
		}
	})
}

// Values beyond the limit are not kept, and cost no waiting.
func TestLargeValue(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("large")
		b.rows[a] = Value{Version: 3, Data: strings.Repeat("x", MaxData+1)}
		start := time.Now()
		for range 3 {
			if v := get(t, x, b, a)[0]; len(v.Data) != MaxData+1 {
				t.Errorf("%d bytes", len(v.Data))
			}
		}
		if took := time.Since(start); b.loads.Load() != 3 || took > testtime.Soak(patience/2, 10*minLease) {
			t.Errorf("%d statements in %s", b.loads.Load(), took)
		}
	})
}

// Clear removes entries, and with them the leases of readers that have read before it.
func TestClear(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b := tierAt(t, url), newTable()
		y := tier(t, x.redis)
		var keys []string
		for i := range maxBatch + 50 {
			keys = append(keys, key(fmt.Sprint("k", i)))
			b.write(keys[i])
		}
		get(t, x, b, keys[1:]...)
		if err := x.redis.client.Set(t.Context(), persistedQueryKey("x"), "kept", 0).Err(); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		b.hold(func([]string) {
			once.Do(func() { // the import, while a reader is between its read and its fill
				for _, key := range keys {
					b.write(key)
				}
				if err := y.Clear(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
		get(t, x, b, keys...)
		for i, v := range get(t, x, b, keys...) {
			if v.Version != 2 {
				t.Fatalf("%s is at %d after the import", keys[i], v.Version)
			}
		}
		if x.redis.client.Get(t.Context(), persistedQueryKey("x")).Val() != "kept" {
			t.Error("Clear removed what is not the tier's")
		}
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	if err := tierAt(t, "").Probe(t.Context()); err != nil {
		t.Error(err)
	}
	server := redistest.Start(t)
	x := tierAt(t, server.URL())
	if err := x.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := server.Do("REPLICAOF 127.0.0.1 1"); err != nil {
		t.Fatal(err)
	}
	if err := x.Probe(t.Context()); err == nil {
		t.Error("a replica is taken")
	}
	server.Stop()
	if err := x.Probe(t.Context()); err != nil {
		t.Errorf("one that is away: %v", err)
	}
}
