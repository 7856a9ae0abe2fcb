package cache

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/internal/reqstats"
	"roost/testkit/redistest"
)

// mapped is a store that keeps everything.
type mapped struct{ sync.Map }

func (m *mapped) Get(_ context.Context, hash string) (string, bool) {
	text, ok := m.Load(hash)
	s, _ := text.(string)
	return s, ok
}
func (m *mapped) Put(_ context.Context, hash, text string) { m.Store(hash, text) }

// node is one node's queries with a clock that the test moves.
type node struct {
	*PersistedQueries
	time time.Time
}

func newNode(t *testing.T, r *Redis) *node {
	t.Helper()
	q, err := NewPersistedQueries(r, &mapped{})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{PersistedQueries: q, time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	q.now = func() time.Time { return n.time }
	return n
}

// cost is how many round trips something makes.
func cost(t *testing.T, do func(ctx context.Context)) int64 {
	t.Helper()
	ctx, stats := reqstats.With(t.Context())
	do(ctx)
	return stats.RoundTrips()
}

const someQuery = "{ limits { pageSize } }"

// What one node keeps another finds; without Redis each has only its own.
func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	r := open(t, redistest.Start(t).URL())
	one, other := newNode(t, r), newNode(t, r)
	one.Put(t.Context(), "hash", someQuery)
	if n := cost(t, func(ctx context.Context) {
		for range 3 {
			if text, ok := other.Get(ctx, "hash"); !ok || text != someQuery {
				t.Errorf("the other node finds %q", text)
			}
		}
	}); n != 1 {
		t.Errorf("three lookups took %d round trips, want 1", n)
	}
	if err := r.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, ok := one.Get(t.Context(), "hash"); !ok {
		t.Error("a node forgot its own with Redis")
	}
	if _, ok := newNode(t, r).Get(t.Context(), "hash"); ok {
		t.Error("a third node found it nowhere")
	}
	if got, want := other.Stats(), (QueryStats{Local: 2, Redis: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A document lives in Redis for a day after its last use, which is noted at most once an hour.
func TestPersistedQueriesAreRefreshed(t *testing.T) {
	t.Parallel()
	r := open(t, redistest.Start(t).URL())
	n := newNode(t, r)
	ages := func(at string) {
		t.Helper()
		left, err := r.client.TTL(t.Context(), persistedQueryKey("hash")).Result()
		if err != nil || left <= persistedFor-time.Minute || left > persistedFor {
			t.Errorf("%s it is kept for %s, %v", at, left, err)
		}
		if err := r.client.Expire(t.Context(), persistedQueryKey("hash"), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	use := func(ctx context.Context) {
		for range 5 {
			n.Get(ctx, "hash")
			n.Put(ctx, "hash", someQuery)
		}
	}
	n.Put(t.Context(), "hash", someQuery)
	ages("when it is sent")
	n.time = n.time.Add(persistedAgain - time.Second)
	if trips := cost(t, use); trips != 0 {
		t.Errorf("uses within an hour took %d round trips", trips)
	}
	n.time = n.time.Add(time.Second)
	if trips := cost(t, use); trips != 1 {
		t.Errorf("uses after an hour took %d round trips, want 1", trips)
	}
	ages("when it is used")
	if _, ok := newNode(t, r).Get(t.Context(), "hash"); !ok {
		t.Fatal("it is gone")
	}
	ages("when another node finds it")
}

// Clients that make up documents do not fill Redis.
func TestPersistedQueriesAreBoundedInRedis(t *testing.T) {
	t.Parallel()
	r := open(t, redistest.Start(t).URL())
	n := newNode(t, r)
	text, sent := strings.Repeat("x", 16<<10), 0
	send := func(count int) {
		for range count {
			sent++
			n.Put(t.Context(), fmt.Sprint(sent), text)
		}
	}
	const most = persistedBurst / (16<<10 + persistedWeight)
	send(3 * most)
	if s := n.Stats(); s.Stored != most || s.Limited != 2*most {
		t.Errorf("of %d sent at once: %+v, want %d kept", sent, s, most)
	}
	if keys, err := r.client.DBSize(t.Context()).Result(); err != nil || keys != most {
		t.Errorf("Redis holds %d keys, %v", keys, err)
	}
	if _, ok := n.Get(t.Context(), fmt.Sprint(sent)); !ok {
		t.Error("the node has not kept what Redis was spared")
	}
	const minute = 60 * persistedRate / (16<<10 + persistedWeight)
	n.time = n.time.Add(time.Minute)
	send(most)
	if got := n.Stats().Stored - most; got < minute || got > minute+1 {
		t.Errorf("a minute later %d were kept, want %d", got, minute)
	}
	n.time = n.time.Add(30 * 24 * time.Hour)
	before := n.Stats().Stored
	send(3 * most)
	if got := n.Stats().Stored - before; got != most {
		t.Errorf("a month later %d were kept, want %d", got, most)
	}
}

// What Redis did not take while it was away it gets when it is back.
func TestPersistedQueriesThroughAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := open(t, server.URL())
	n := newNode(t, r)
	server.Stop()
	for range 1000 {
		n.Put(t.Context(), "hash", strings.Repeat("x", 16<<10))
	}
	if s := n.Stats(); s.Stored != 0 || s.Limited != 0 {
		t.Errorf("while Redis is away: %+v", s)
	}
	server.Restart()
	untilUp(t, r)
	if _, ok := n.Get(t.Context(), "hash"); !ok || n.Stats().Stored != 1 {
		t.Errorf("when it is back: %+v", n.Stats())
	}
	if _, ok := newNode(t, r).Get(t.Context(), "hash"); !ok {
		t.Error("another node does not find it")
	}
}

// In embedded mode there is nobody to share with.
func TestEmbeddedPersistedQueries(t *testing.T) {
	t.Parallel()
	n := newNode(t, open(t, ""))
	if trips := cost(t, func(ctx context.Context) {
		n.Get(ctx, "hash")
		n.Put(ctx, "hash", someQuery)
		if text, ok := n.Get(ctx, "hash"); !ok || text != someQuery {
			t.Errorf("it finds %q", text)
		}
	}); trips != 0 {
		t.Errorf("it took %d round trips", trips)
	}
}
