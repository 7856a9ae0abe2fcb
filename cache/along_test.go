package cache

import (
	"testing"

	"roost/internal/moment"
	"roost/internal/reqstats"
	"roost/testkit/redistest"
)

// Keys that a read asks for along become copies in the read's own round trip, also in the first one of a connection, and are not read
// from SQL. They are as fresh as all other copies. A read that finds copies of its own keys asks for nothing.
func TestKeysAskedAlongBecomeCopies(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, y, b := tierAt(t, server.URL()), tierAt(t, server.URL()), newTable()
	a, next, absent := key("a"), key("next"), key("absent")
	b.write(a)
	b.write(next)
	get(t, y, b, a, next)
	loads := b.loads.Load()
	ctx, stats := reqstats.With(t.Context())
	ctx, m := moment.With(ctx)
	asked := 0
	read := func(name string, version int64) {
		t.Helper()
		req := &Request{Kind: rowsOf(x), Keys: []string{name}, Load: b.load, Along: func() []string {
			asked++
			return []string{next, absent, next}
		}}
		if err := x.Load(ctx, req); err != nil {
			t.Fatal(err)
		}
		if got := req.Values[0].Version; got != version {
			t.Errorf("version %d of %s, want %d", got, name, version)
		}
	}
	read(a, 1)
	l := x.redis.coherence.(*tracked).link(x.redis.only)
	if !l.holds(next, 0) {
		t.Error("there is no copy of the key that was asked for along")
	}
	if l.holds(absent, 0) {
		t.Error("there is a copy of a key that Redis does not have")
	}
	read(next, 1)
	if n := stats.RoundTrips(); n != 1 || asked != 1 || b.loads.Load() != loads {
		t.Errorf("%d round trips, asked along %d times, %d statements, want 1, 1 and 0", n, asked, b.loads.Load()-loads)
	}
	b.write(next)
	invalidate(t, y, Announcement{}, next, 2)
	m.Renew()
	read(next, 2)
}
