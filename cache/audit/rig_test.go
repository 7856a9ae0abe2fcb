package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/cache"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// table replaces a table of SQL, as in the tests of package cache: rows with versions, and how often it is
// read. Its keys are cache.EntryPrefix, letters, a colon and a name that does not begin with "?".
type table struct {
	letters string
	mu      sync.Mutex
	rows    map[string]cache.Value
	reads   atomic.Int64
	// before, if set, is called before a read.
	before func()
}

func newTable(letters string) *table { return &table{letters: letters, rows: map[string]cache.Value{}} }

func (b *table) Name() string   { return "kind " + b.letters }
func (b *table) Prefix() string { return cache.EntryPrefix + b.letters + ":" }
func (b *table) Known(key string) bool {
	rest, ok := strings.CutPrefix(key, b.Prefix())
	return ok && !strings.HasPrefix(rest, "?")
}
func (b *table) Same(x, y cache.Value) bool {
	return x.Data == y.Data && (x.Version == 0) == (y.Version == 0)
}

func (b *table) Stored(_ context.Context, keys []string) ([]cache.Value, error) {
	b.reads.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.before != nil {
		b.before()
	}
	out := make([]cache.Value, len(keys))
	for i, key := range keys {
		out[i] = b.rows[key]
	}
	return out, nil
}

// set commits a row as it is, and returns its key.
func (b *table) set(name string, version int64, data string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := b.Prefix() + name
	b.rows[key] = cache.Value{Version: version, Data: data}
	return key
}

// fill writes n rows, and fills their entries.
func (b *table) fill(t testing.TB, x *cache.Tier, n int) []string {
	t.Helper()
	for i := range n {
		b.set(fmt.Sprint(i), 1, "first")
	}
	keys := slices.Sorted(maps.Keys(b.rows))
	b.load(t, x, keys...)
	return keys
}

// load reads keys until all of them are in the cache: on a busy machine Redis may be too late to take them.
func (b *table) load(t testing.TB, x *cache.Tier, keys ...string) {
	t.Helper()
	until(t, "the entries to be filled", func() bool {
		filled := true
		req := &cache.Request{Kind: x.Kind(b.Name(), 10*time.Minute, time.Minute), Keys: keys,
			Load: func(ctx context.Context, keys []string) ([]cache.Value, error) {
				filled = false
				return b.Stored(ctx, keys)
			}}
		if err := x.Load(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		return filled
	})
}

func tierAt(t testing.TB, url string) *cache.Tier {
	t.Helper()
	r, err := cache.Open(cache.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	x, err := cache.NewTier(r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// onEach runs a test on one server, on a cluster, on a ring and in the process.
func onEach(t *testing.T, fn func(t *testing.T, x *cache.Tier)) {
	t.Helper()
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"redis":    func(t *testing.T) string { return redistest.Start(t).URL() },
		"cluster":  func(t *testing.T) string { return redistest.StartCluster(t, 3).URL() },
		"ring":     func(t *testing.T) string { return redistest.RingURL(redistest.Start(t), redistest.Start(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, tierAt(t, url(t)))
		})
	}
}

func until(t testing.TB, problem string, ok func() bool) {
	t.Helper()
	testtime.Until(t, problem, ok)
}
