package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"roost/bench/report"
	"roost/bench/rig"
	"roost/cache"
)

const (
	// trackedKeys is how many entries each node has copies of.
	trackedKeys = 1000
	// eventKeys is how many keys one event names, as a reaction does.
	eventKeys = 3
	// tailBatch is how many events a node's tail reads at once under load.
	tailBatch = 20
)

// trackingNodes are the numbers of nodes that track the keys.
var trackingNodes = []int{0, 1, 4, 16}

// tracking measures what it costs that nodes have copies of what is invalidated: an INVALIDATE while so many nodes track its key, and the
// repetition of the invalidations by the tail of each node. The nodes are cache tiers in the process of the bench.
func (b *bench) tracking(ctx context.Context) (*report.Tracking, error) {
	redis, err := b.rig.PrivateRedis(ctx)
	if err != nil {
		return nil, err
	}
	out := &report.Tracking{}
	for _, n := range trackingNodes {
		say("tracking, %d nodes", n)
		row, err := b.trackedBy(ctx, redis, n)
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// trackingCluster is a writer and nodes that have copies.
type trackingCluster struct {
	redis   *rig.PrivateRedis
	open    []*cache.Redis
	writer  *cache.Tier
	nodes   []*cache.Tier
	keys    []string
	version int64
}

func newTrackingCluster(redis *rig.PrivateRedis, nodes int) (*trackingCluster, error) {
	c := &trackingCluster{redis: redis}
	for range nodes + 1 {
		r, err := cache.Open(cache.Config{URL: redis.URL})
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.open = append(c.open, r)
		tier, err := cache.NewTier(r)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.nodes = append(c.nodes, tier)
	}
	c.writer, c.nodes = c.nodes[0], c.nodes[1:]
	for i := range trackedKeys {
		c.keys = append(c.keys, fmt.Sprintf("%su:%d", cache.EntryPrefix, i+1))
	}
	return c, nil
}

func (c *trackingCluster) close() error {
	var all []error
	for _, r := range c.open {
		all = append(all, r.Close())
	}
	return errors.Join(all...)
}

// read makes a node read keys. Keys that Redis does not have are filled.
func (c *trackingCluster) read(ctx context.Context, x *cache.Tier, keys []string) error {
	data := strings.Repeat("x", 200)
	return x.Load(ctx, &cache.Request{Kind: x.Kind("row", time.Hour, time.Hour), Keys: keys,
		Load: func(_ context.Context, keys []string) ([]cache.Value, error) {
			out := make([]cache.Value, len(keys))
			for i := range out {
				out[i] = cache.Value{Version: c.version, Data: data}
			}
			return out, nil
		}})
}

// prepare makes every node hold copies of all keys, at a new version.
func (c *trackingCluster) prepare(ctx context.Context) error {
	c.version++
	if err := c.read(ctx, c.writer, c.keys); err != nil {
		return err
	}
	return c.readAll(ctx, c.keys)
}

// readAll makes all nodes read keys.
func (c *trackingCluster) readAll(ctx context.Context, keys []string) error {
	for _, x := range c.nodes {
		if err := c.read(ctx, x, keys); err != nil {
			return err
		}
	}
	return nil
}

// invalidations returns those of keys at the next version.
func (c *trackingCluster) invalidations(keys []string) []cache.Invalidation {
	all := make([]cache.Invalidation, len(keys))
	for i, key := range keys {
		all[i] = cache.Invalidation{Kind: c.writer.Kind("row", time.Hour, time.Hour), Key: key, Version: c.version + 1}
	}
	return all
}

// eachBatch calls fn for keys, so many at once.
func (c *trackingCluster) eachBatch(size int, fn func(keys []string) error) error {
	for from := 0; from < len(c.keys); from += size {
		if err := fn(c.keys[from:min(from+size, len(c.keys))]); err != nil {
			return err
		}
	}
	return nil
}

// used measures what fn uses in Redis and in this process.
func (c *trackingCluster) used(fn func() error) (redis, own time.Duration, err error) {
	before, beforeErr := c.redis.Usage()
	err = fn()
	after, afterErr := c.redis.Usage()
	u := after.Sub(before)
	return u.Redis, u.Server, errors.Join(beforeErr, err, afterErr)
}

// invalidate invalidates all keys, so many at once, and waits until all nodes have seen it. What the nodes use is theirs alone where
// the writer's share is known.
func (c *trackingCluster) invalidate(ctx context.Context, size int) error {
	err := c.eachBatch(size, func(keys []string) error {
		return c.writer.Invalidate(ctx, cache.Announcement{}, c.invalidations(keys)...)
	})
	return errors.Join(err, c.readAll(ctx, []string{cache.EntryPrefix + "u:0"})) // behind the reports
}

// repeat makes the tails of all nodes repeat the invalidations, which Redis has taken, so many events at once.
func (c *trackingCluster) repeat(ctx context.Context, events int) error {
	return c.eachBatch(events*eventKeys, func(keys []string) error {
		for _, x := range c.nodes {
			if err := x.Confirm(ctx, c.invalidations(keys)...); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// trackedBy measures with a number of nodes.
func (b *bench) trackedBy(ctx context.Context, redis *rig.PrivateRedis, nodes int) (row report.TrackingRow, err error) {
	c, err := newTrackingCluster(redis, nodes)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	row.Nodes = nodes
	rounds := 4 * b.Rounds
	micros := func(d time.Duration, of int) float64 {
		return float64(d) / float64(time.Microsecond) / float64(of*rounds)
	}
	events := trackedKeys / eventKeys
	for range rounds {
		for _, m := range []struct {
			size        int // keys of an INVALIDATE's pipeline
			events      int // of a repetition
			inRedis     *float64
			own         *float64
			tailInRedis *float64
			tail        *float64
		}{
			{1, 1, &row.Alone, &row.AloneOwn, &row.TailAlone, &row.TailAloneOwn},
			{tailBatch, tailBatch, &row.Batched, &row.BatchedOwn, &row.TailBatched, &row.TailBatchedOwn},
		} {
			if err := c.prepare(ctx); err != nil {
				return row, err
			}
			inRedis, own, err := c.used(func() error { return c.invalidate(ctx, m.size) })
			if err != nil {
				return row, err
			}
			*m.inRedis += micros(inRedis, trackedKeys)
			*m.own += micros(own, trackedKeys)
			if nodes == 0 {
				continue
			}
			if inRedis, own, err = c.used(func() error { return c.repeat(ctx, m.events) }); err != nil {
				return row, err
			}
			*m.tailInRedis += micros(inRedis, events*nodes)
			*m.tail += micros(own, events*nodes)
		}
	}
	return row, nil
}
