package policies

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"roost/cache"
)

const (
	// relayEvery is how often the relay looks for events.
	relayEvery = 50 * time.Millisecond
	// maxRelayed is how many events it handles at once.
	maxRelayed = 500
)

// tier is Roost's way: package cache, with a relay that repeats the invalidations of the table's events.
type tier struct {
	node
	redis *cache.Redis
	tier  *cache.Tier
	kind  *cache.Kind

	cancel context.CancelFunc
	relay  sync.WaitGroup
}

func openTier(n node) (Policy, error) {
	r, err := cache.Open(cache.Config{URL: n.redis})
	if err != nil {
		return nil, err
	}
	t, err := cache.NewTier(r)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	own := &tier{node: n, redis: r, tier: t, kind: t.Kind("policy", entryFor, entryFor)}
	ctx, cancel := context.WithCancel(context.Background())
	own.cancel = cancel
	own.relay.Go(func() { own.repeat(ctx) })
	return own, nil
}

func (t *tier) key(key int64) string {
	return cache.EntryPrefix + "policy:" + strconv.FormatInt(key, 10)
}

// keyOf is the inverse of key.
func keyOf(name string) (int64, error) {
	return strconv.ParseInt(name[len(cache.EntryPrefix+"policy:"):], 10, 64)
}

// load reads rows for the tier.
func (t *tier) load(ctx context.Context, names []string) ([]cache.Value, error) {
	keys, out := make([]int64, len(names)), make([]cache.Value, len(names))
	for i, name := range names {
		var err error
		if keys[i], err = keyOf(name); err != nil {
			return nil, err
		}
	}
	rows, err := t.table.read(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		out[i] = cache.Value{Version: r.version, Data: strconv.FormatInt(r.change, 10)}
		t.afterSQL(ctx, keys[i])
	}
	return out, nil
}

// Read reads through the tier.
func (t *tier) Read(ctx context.Context, key int64) (int64, error) {
	req := &cache.Request{Kind: t.kind, Keys: []string{t.key(key)}, Load: t.load}
	if err := t.tier.Load(ctx, req); err != nil {
		return 0, err
	}
	return strconv.ParseInt(req.Values[0].Data, 10, 64)
}

// Write commits row and event, and invalidates.
func (t *tier) Write(ctx context.Context, key, change int64) error {
	version, err := t.table.write(ctx, key, change, true)
	if err != nil {
		return err
	}
	if err := t.betweenSteps(ctx, key); err != nil {
		return err
	}
	// A write is acknowledged even if its invalidation failed: the relay repeats it.
	_ = t.tier.Invalidate(ctx, cache.Announcement{}, t.at(key, version))
	return nil
}

func (t *tier) at(key, version int64) cache.Invalidation {
	return cache.Invalidation{Kind: t.kind, Key: t.key(key), Version: version}
}

// repeat is the relay, until the context ends.
func (t *tier) repeat(ctx context.Context) {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Events that fail are handled at the next tick.
		_ = t.table.handle(ctx, maxRelayed, func(events []event) error {
			all := make([]cache.Invalidation, len(events))
			for i, e := range events {
				all[i] = t.at(e.key, e.version)
			}
			return t.tier.Invalidate(ctx, cache.Announcement{}, all...)
		})
	}
}

// Stop is Die: the relay of another node goes on.
func (t *tier) Stop(context.Context) error { return t.Die() }

// Die stops the relay and closes the connections.
func (t *tier) Die() error {
	t.cancel()
	t.relay.Wait()
	return t.redis.Close()
}
