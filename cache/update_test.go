package cache

import (
	"context"
	"strings"
	"testing"
	"time"

	"roost/testkit/redistest"
)

// update commits a change of a row, and sends it with the invalidation.
func update(t testing.TB, x *Tier, b *table, in Announcement, key string) {
	t.Helper()
	v := b.write(key)
	send(t, x, in, key, v)
}

func send(t testing.TB, x *Tier, in Announcement, key string, v Value) {
	t.Helper()
	i := Invalidation{Kind: rowsOf(x), Key: key, Version: v.Version, Data: v.Data}
	if err := x.Invalidate(t.Context(), in, i); err != nil {
		t.Fatal(err)
	}
}

// A row that is sent with its invalidation replaces an older one, on all nodes and without another read of SQL. Its TTL starts again.
func TestUpdate(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b, a := tier(t, r), tier(t, r), newTable(), key("a")
		b.write(a)
		for range 3 { // also as a copy
			get(t, y, b, a)
		}
		loads := b.loads.Load()
		for version := int64(2); version < 5; version++ {
			if err := r.client.PExpire(t.Context(), a, 30*time.Second).Err(); err != nil {
				t.Fatal(err)
			}
			update(t, x, b, Announcement{}, a)
			for _, node := range []*Tier{y, x, y} {
				if v := get(t, node, b, a)[0]; v != b.rows[a] {
					t.Fatalf("%v is read, want version %d", v, version)
				}
			}
			if left := r.client.PTTL(t.Context(), a).Val(); left <= 30*time.Second || left > time.Minute {
				t.Errorf("it lives %s", left)
			}
		}
		if n := b.loads.Load() - loads; n != 0 {
			t.Errorf("%d reads of SQL", n)
		}
		if n := counterValue(rowsOf(x).count.updated); n != 3 {
			t.Errorf("%v updates are counted", n)
		}
		// A name that is cached as absent comes to be.
		none := key("none")
		get(t, x, b, none)
		update(t, x, b, Announcement{}, none)
		loads = b.loads.Load()
		if v := get(t, y, b, none)[0]; v.Version != 1 || b.loads.Load() != loads {
			t.Errorf("it is read at version %d", v.Version)
		}
		if left := r.client.PTTL(t.Context(), none).Val(); left <= 10*time.Second {
			t.Errorf("it lives %s, like a row that does not exist", left)
		}
	})
}

// In all other cases a row that is sent along changes nothing.
func TestUpdateOfOtherEntries(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, b := tier(t, r), newTable()
		late := func(name string) (a string, v Value) {
			a = key(name)
			b.write(a)
			get(t, x, b, a)
			return a, b.write(a) // of a writer that is slow
		}
		holds := func(a string, data bool, version int64) {
			t.Helper()
			fields := r.client.HGetAll(t.Context(), a).Val()
			_, has := fields["d"]
			if has != data {
				t.Errorf("%s holds %.200v", a, fields)
			}
			for range 2 {
				if v := get(t, x, b, a)[0]; v.Version != version {
					t.Errorf("%s is read at version %d, want %d", a, v.Version, version)
				}
			}
		}
		a, v := late("flushed")
		invalidate(t, x, Announcement{}, a, b.write(a).Version)
		r.client.Del(t.Context(), a)
		send(t, x, Announcement{}, a, v)
		holds(a, false, 3)

		a, v = late("newer")
		invalidate(t, x, Announcement{}, a, b.write(a).Version)
		get(t, x, b, a)
		send(t, x, Announcement{}, a, v)
		holds(a, true, 3)

		a, v = late("large")
		v.Data = strings.Repeat("x", MaxData+1)
		send(t, x, Announcement{}, a, v)
		holds(a, false, 2)

		a, v = late("another epoch")
		x.SetEpoch(1)
		send(t, x, Announcement{}, a, v)
		holds(a, false, 2)

		a, _ = late("announced")
		mine, err := x.Announce(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		other, err := x.Announce(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		update(t, x, b, mine, a)
		holds(a, false, 3)
		holds(a, false, 3) // the other one lasts
		x.Withdraw(t.Context(), other)
		get(t, x, b, a)
		holds(a, true, 3)
		if n := counterValue(rowsOf(x).count.updated); n != 0 {
			t.Errorf("%v updates are counted", n)
		}
	})
}

// A reader that holds the lease does not fill what is older than a row that was sent meanwhile.
func TestUpdateDropsTheLease(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b, a := tier(t, r), tier(t, r), newTable(), key("a")
		b.write(a)
		first := true
		b.hold(func([]string) {
			if first {
				first = false
				update(t, y, b, Announcement{}, a)
			}
		})
		get(t, x, b, a) // it began before the update
		for _, node := range []*Tier{x, y} {
			if v := get(t, node, b, a)[0]; v.Version != 2 {
				t.Errorf("version %d", v.Version)
			}
		}
	})
}

// A full Redis drops the old row where it has no room for the new one.
func TestUpdateOfAFullRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	x, b, a := tierAt(t, server.URL()), newTable(), key("a")
	b.write(a)
	get(t, x, b, a)
	must(t, server, "CONFIG SET maxmemory 1")
	update(t, x, b, Announcement{}, a)
	if n := counterValue(rowsOf(x).count.dropped); n != 1 {
		t.Errorf("%v entries were dropped", n)
	}
	if fields := x.redis.client.HGetAll(context.Background(), a).Val(); fields["m"] != "2" || fields["v"] != "" {
		t.Errorf("it holds %v", fields)
	}
	if v := get(t, x, b, a)[0]; v.Version != 2 {
		t.Errorf("version %d", v.Version)
	}
}
