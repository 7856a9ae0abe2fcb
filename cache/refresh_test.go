package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// refresh calls Refresh, which must not fail, with a read of a table, and returns the keys that were read.
func refresh(t *testing.T, x *Tier, b *table, keys ...string) (read []string) {
	t.Helper()
	read, err := tryRefresh(t, x, b, keys...)
	if err != nil {
		t.Error(err)
	}
	return read
}

// tryRefresh is refresh for a call that may fail.
func tryRefresh(t *testing.T, x *Tier, b *table, keys ...string) (read []string, err error) {
	t.Helper()
	calls := 0
	err = x.Refresh(t.Context(), rowsOf(x), keys, func(ctx context.Context, names []string) ([]Value, error) {
		calls++
		read = names
		return b.load(ctx, names)
	})
	if calls > 1 {
		t.Errorf("rows are read %d times", calls)
	}
	return read, err
}

// leaseHeld has a reader on a node take the lease of a key and read SQL, and then wait. It returns after that. goOn lets the reader fill,
// and returns what it has read.
func leaseHeld(t *testing.T, x *Tier, b *table, key string) (goOn func() Value) {
	t.Helper()
	held, open, got := make(chan struct{}), make(chan struct{}), make(chan Value, 1)
	first := true
	go func() {
		req := &Request{Kind: rowsOf(x), Keys: []string{key}, Load: func(ctx context.Context, all []string) ([]Value, error) {
			out, err := b.load(ctx, all)
			if first {
				first = false
				close(held)
				<-open
			}
			return out, err
		}}
		if err := x.Load(context.Background(), req); err != nil {
			t.Error(err)
		}
		got <- req.Values[0]
	}()
	<-held
	return func() Value {
		close(open)
		return <-got
	}
}

// failing is a read of SQL that fails.
func failing(context.Context, []string) ([]Value, error) { return nil, errFailing }

var errFailing = errors.New("no database")

// Whatever an entry holds, and although no writer has invalidated it, reads of a process show what was committed before Refresh, also reads
// that were under way in another process. SQL is read once, for the keys whose entries may be old.
func TestRefresh(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b := tier(t, r), tier(t, r), newTable()
		names := []string{"gone", "old", "current", "invalidated", "leased", "announced", "created", "no row"}
		keys := make([]string, len(names))
		for i, name := range names {
			if keys[i] = key(name); i < 6 {
				b.write(keys[i])
			}
		}
		for range 3 { // also as copies
			get(t, x, b, keys[1], keys[2], keys[3], keys[5], keys[6], keys[7])
		}
		goOn := leaseHeld(t, y, b, keys[4])
		for _, key := range keys[:7] {
			b.write(key)
		}
		invalidate(t, y, Announcement{}, keys[2], 2)
		get(t, y, b, keys[2])
		invalidate(t, y, Announcement{}, keys[3], 2)
		if _, err := y.Announce(t.Context(), keys[5]); err != nil {
			t.Fatal(err)
		}
		count := rowsOf(x).count
		raised, dropped, current := counterValue(count.raised), counterValue(count.dropped), counterValue(count.current)
		if read := refresh(t, x, b, keys...); !slices.Equal(read, []string{keys[1], keys[2], keys[4], keys[6], keys[7]}) {
			t.Errorf("%v were read", read)
		}
		if n := counterValue(count.updated); n != 2 {
			t.Errorf("%v entries were updated, want the old one and that of the row that was created", n)
		}
		if n := counterValue(count.raised) - raised; n != 1 {
			t.Errorf("%v minimum versions were raised, want that of the leased key", n)
		}
		if n := counterValue(count.dropped) - dropped + counterValue(count.current) - current; n != 0 {
			t.Errorf("%v other invalidations were sent", n)
		}
		loads := b.loads.Load()
		get(t, x, b, keys[1], keys[2], keys[6], keys[7])
		if b.loads.Load() != loads {
			t.Error("rows that were updated are read from SQL again")
		}
		want := []int64{2, 2, 2, 2, 2, 2, 1, 0}
		check := func(x *Tier, when string) {
			t.Helper()
			for i, v := range get(t, x, b, keys...) {
				if v.Version != want[i] || v != b.rows[keys[i]] {
					t.Errorf("%s %s is read at version %d", when, names[i], v.Version)
				}
			}
		}
		check(x, "at once")
		if v := goOn(); v.Version != 2 {
			t.Errorf("the late reader got version %d", v.Version) // it reads again
		}
		check(x, "later")
		check(y, "on the other node")
		if n := x.pending.len(); n != 0 {
			t.Errorf("%d pending invalidations", n)
		}
	})
}

// An entry that was flushed says nothing about a copy of it.
func TestRefreshOfAFlushedEntry(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		for range 3 {
			get(t, x, b, a)
		}
		b.write(a)
		if x.redis.embedded != nil {
			x.redis.embedded.FlushAll() // past the process
		} else if err := x.redis.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if read := refresh(t, x, b, a); len(read) > 0 {
			t.Errorf("%v is read", read)
		}
		if v := get(t, x, b, a)[0]; v.Version != 2 {
			t.Errorf("version %d", v.Version)
		}
	})
}

// Another write and another fill between the look and the read of SQL change nothing.
func TestRefreshMeetsAWriter(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b, a := tier(t, r), tier(t, r), newTable(), key("a")
		b.write(a)
		get(t, x, b, a)
		b.write(a)
		err := x.Refresh(t.Context(), rowsOf(x), []string{a}, func(ctx context.Context, _ []string) ([]Value, error) {
			out, err := b.load(ctx, []string{a})
			update(t, y, b, Announcement{}, a)
			return out, err
		})
		if err != nil {
			t.Error(err)
		}
		loads := b.loads.Load()
		for _, node := range []*Tier{x, y} {
			if v := get(t, node, b, a)[0]; v.Version != 3 || b.loads.Load() != loads {
				t.Errorf("version %d after version 3 was acknowledged", v.Version)
			}
		}
	})
}

// More keys than a pipeline has are looked at and updated; SQL is asked once.
func TestRefreshOfManyKeys(t *testing.T) {
	t.Parallel()
	x, b := tierAt(t, redistest.Start(t).URL()), newTable()
	keys := make([]string, 2*maxBatch+50)
	for i := range keys {
		keys[i] = key(fmt.Sprint(i))
		b.write(keys[i])
	}
	get(t, x, b, keys...)
	for _, key := range keys {
		b.write(key)
	}
	if read := refresh(t, x, b, keys...); len(read) != len(keys) {
		t.Errorf("%d rows were read", len(read))
	}
	loads := b.loads.Load()
	for i, v := range get(t, x, b, keys...) {
		if v.Version != 2 {
			t.Fatalf("%s is read at version %d", keys[i], v.Version)
		}
	}
	if b.loads.Load() != loads {
		t.Error("not all rows were updated")
	}
}

// If Redis cannot be reached, or refuses writes, the process reads the rows from SQL until Redis has taken the invalidations.
func TestRefreshIsNotTaken(t *testing.T) {
	t.Parallel()
	type ends = func(*redistest.Redis)
	for name, outage := range map[string]struct{ begin, end ends }{
		"hanging": {(*redistest.Redis).Pause, (*redistest.Redis).Resume},
		"refuses": {(*redistest.Redis).RefuseWrites, (*redistest.Redis).TakeWrites},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			x, b, a := tier(t, open(t, server.URL())), newTable(), key("a")
			b.write(a)
			for range 3 {
				get(t, x, b, a)
			}
			b.write(a)
			outage.begin(server)
			if read, err := tryRefresh(t, x, b, a); len(read) != 1 || err == nil || x.pending.len() != 1 {
				t.Errorf("%v is read, %v, and %d invalidations are pending", read, err, x.pending.len())
			}
			if v := get(t, x, b, a)[0]; v.Version != 2 {
				t.Errorf("version %d", v.Version)
			}
			outage.end(server)
			wait(t, "Redis to be used again", func() bool {
				loads := b.loads.Load()
				if v := get(t, x, b, a)[0]; v.Version != 2 {
					t.Fatalf("version %d", v.Version)
				}
				return b.loads.Load() == loads
			})
		})
	}
}

// If SQL fails the entries are removed: neither they, nor copies of them, nor what readers elsewhere have read before are served.
func TestRefreshWithoutSQL(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b := tier(t, r), tier(t, r), newTable()
		old, leased, other := key("old"), key("leased"), key("other")
		for _, key := range []string{old, leased, other} {
			b.write(key)
		}
		for range 3 {
			get(t, x, b, old, other)
		}
		goOn := leaseHeld(t, y, b, leased)
		b.write(old)
		b.write(leased)
		ctx, cancel := context.WithCancel(t.Context())
		err := x.Refresh(ctx, rowsOf(x), []string{old, leased}, func(context.Context, []string) ([]Value, error) {
			cancel()
			return nil, errFailing
		})
		if !errors.Is(err, errFailing) || x.Suspension() != 0 {
			t.Errorf("it returns %v, suspension %d", err, x.Suspension())
		}
		check := func() {
			t.Helper()
			for _, node := range []*Tier{x, y} {
				for _, v := range get(t, node, b, old, leased) {
					if v.Version != 2 {
						t.Errorf("version %d", v.Version)
					}
				}
			}
		}
		check()
		goOn()
		check()
		loads := b.loads.Load()
		if get(t, x, b, other); b.loads.Load() != loads {
			t.Error("other entries were removed")
		}
	})
	for name, c := range map[string]struct {
		values []Value
		want   string
	}{
		"too few values":         {nil, "0 values for 1 keys"},
		"a version that is none": {[]Value{{Version: -1}}, "version -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, b, a := tierAt(t, ""), newTable(), key("a")
			b.write(a)
			get(t, x, b, a)
			b.write(a)
			err := x.Refresh(t.Context(), rowsOf(x), []string{a}, func(context.Context, []string) ([]Value, error) { return c.values, nil })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it returns %v", err)
			}
			if v := get(t, x, b, a)[0]; v.Version != 2 {
				t.Errorf("version %d", v.Version)
			}
		})
	}
}

// If neither SQL nor Redis answers, the process reads nothing from Redis until Resume.
func TestRefreshWithoutSQLAndRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b, a := tier(t, open(t, server.URL())), newTable(), key("a")
	b.write(a)
	for range 3 {
		get(t, x, b, a)
	}
	b.write(a)
	server.Pause()
	if err := x.Refresh(t.Context(), rowsOf(x), []string{a}, failing); !errors.Is(err, errFailing) {
		t.Errorf("it returns %v", err)
	}
	number := x.Suspension()
	if number == 0 {
		t.Error("reads are not suspended")
	}
	server.Resume()
	testtime.Until(t, "Redis to answer", func() bool { return x.redis.Ping(t.Context()) == nil })
	if v := get(t, x, b, a)[0]; v.Version != 2 {
		t.Errorf("version %d", v.Version)
	}
	invalidate(t, x, Announcement{}, a, 2) // the relay
	x.Resume(number)
	wait(t, "Redis to be used again", func() bool {
		loads := b.loads.Load()
		return get(t, x, b, a)[0].Version == 2 && b.loads.Load() == loads
	})
}
