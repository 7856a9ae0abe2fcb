package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/moment"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// crowd is several nodes that read and write the same keys. It compares every read with what was acknowledged, and what others
// have read, before it began.
type crowd struct {
	nodes []*Tier
	keys  []string
	db    *table

	mu    sync.Mutex
	acked map[string]int64
	seen  map[string]int64

	reads, stale, back atomic.Int64
}

func newCrowd(keys int, nodes ...*Tier) *crowd {
	c := &crowd{nodes: nodes, db: newTable(), acked: map[string]int64{}, seen: map[string]int64{}}
	for i := range keys {
		c.keys = append(c.keys, key(fmt.Sprint("k:", i)))
		c.acked[c.keys[i]] = c.db.write(c.keys[i]).Version
	}
	return c
}

// read reads some keys on a node, in one moment or in several.
func (c *crowd) read(ctx context.Context, node int, rnd *rand.Rand) error {
	if rnd.IntN(2) == 0 {
		ctx, _ = moment.With(ctx)
	}
	var keys []string
	for range 1 + rnd.IntN(6) {
		keys = append(keys, c.keys[rnd.IntN(len(c.keys))])
	}
	acked, seen := make([]int64, len(keys)), make([]int64, len(keys))
	c.mu.Lock()
	for i, k := range keys {
		acked[i], seen[i] = c.acked[k], c.seen[k]
	}
	c.mu.Unlock()
	for part := range 2 { // twice within the moment
		req := &Request{Kind: rowsOf(c.nodes[node]), Keys: keys, Load: c.db.load}
		if rnd.IntN(2) == 0 {
			req.Keys, req.Count = nil, len(keys)
			req.ID = func(i int) ID { id, _ := idOf(keys[i]); return id }
			req.Name = func() { req.Keys = keys }
		}
		if err := c.nodes[node].Load(ctx, req); err != nil {
			return err
		}
		c.mu.Lock()
		for i := range keys {
			v, err := decodedAt(req, i)
			if err != nil {
				c.mu.Unlock()
				return err
			}
			if v.Version < acked[i] {
				c.stale.Add(1)
			}
			if v.Version < seen[i] {
				c.back.Add(1)
			}
			if part == 1 { // what is read in a moment may be as old as its beginning
				c.seen[keys[i]] = max(c.seen[keys[i]], acked[i])
			}
			if part == 0 {
				c.seen[keys[i]] = max(c.seen[keys[i]], v.Version)
			}
		}
		c.mu.Unlock()
		c.reads.Add(int64(len(keys)))
	}
	return nil
}

// decodedAt returns the value of a key. The version of a copy is what its data was decoded into by the first reader.
func decodedAt(req *Request, i int) (v Value, err error) {
	if req.Copies == nil || req.Copies[i] == nil {
		return req.Values[i], nil
	}
	copied := req.Copies[i]
	copied.Keep(copied.Value().Version, 8)
	if v = copied.Value(); copied.Decoded() != v.Version {
		err = fmt.Errorf("version %d of %s was decoded to %v", v.Version, req.Kind.name, copied.Decoded())
	}
	return v, err
}

// write commits a change and acknowledges it after its invalidation. A change whose invalidation Redis did not take is repeated by a relay
// until it has, and only then acknowledged. Half of the writers read SQL after their commit, and send what they have read.
func (c *crowd) write(ctx context.Context, node int, rnd *rand.Rand) {
	k := c.keys[rnd.IntN(len(c.keys))]
	x := c.nodes[node]
	var in Announcement
	if rnd.IntN(4) == 0 {
		in, _ = x.Announce(ctx, k)
	}
	v := c.db.write(k)
	i := Invalidation{Kind: rowsOf(x), Key: k, Version: v.Version}
	if rnd.IntN(2) == 0 {
		now, err := c.db.load(ctx, []string{k})
		if err != nil {
			return
		}
		v = now[0]
		i.Version, i.Data = v.Version, v.Data
	}
	for x.Invalidate(ctx, in, i) != nil {
		if ctx.Err() != nil {
			return
		}
	}
	c.mu.Lock()
	c.acked[k] = max(c.acked[k], v.Version)
	c.mu.Unlock()
}

// Of the keys that are read, each writer writes one of writeEvery, and there is one disturbance for disturbEvery of them: on a slow
// machine as often as on a fast one.
const writeEvery, disturbEvery = 50, 400

// paced calls step each time that so many more keys were read, until ctx ends.
func (c *crowd) paced(ctx context.Context, every int64, step func()) {
	for next := c.reads.Load() + every; ctx.Err() == nil; {
		if c.reads.Load() < next {
			pause(ctx, 200*time.Microsecond)
			continue
		}
		next = c.reads.Load() + every
		step()
	}
}

// run lets readers and writers of each node work until so many keys were read. disturb is called again and again meanwhile.
func (c *crowd) run(t *testing.T, reads int64, disturb func(rnd *rand.Rand)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for n := range c.nodes {
		for i := range 4 {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(n), uint64(i)))
				for c.reads.Load() < reads {
					if err := c.read(ctx, n, rnd); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 2 {
			go func() {
				rnd := rand.New(rand.NewPCG(uint64(n), 100+uint64(i)))
				c.paced(ctx, writeEvery, func() { c.write(ctx, n, rnd) })
			}()
		}
	}
	var disturbed sync.WaitGroup
	if disturb != nil {
		disturbed.Go(func() {
			rnd := rand.New(rand.NewPCG(7, 7))
			c.paced(ctx, disturbEvery, func() { disturb(rnd) })
		})
	}
	all.Wait()
	cancel()
	disturbed.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// fromCopies returns the share of the keys that were answered by copies.
func (c *crowd) fromCopies() float64 {
	copied := 0.0
	for _, x := range c.nodes {
		copied += counterValue(rowsOf(x).count.copied)
	}
	return copied / float64(c.reads.Load())
}

// withoutRedis returns how many keys were read from SQL because Redis did not answer. Their versions could not be published, so a later
// read may go back: see the promises of the package.
func (c *crowd) withoutRedis() float64 {
	away := 0.0
	for _, x := range c.nodes {
		away += counterValue(rowsOf(x).count.away)
	}
	return away
}

func (c *crowd) report(t *testing.T) {
	t.Helper()
	t.Logf("%d keys read, %.0f %% from copies, %.0f without Redis", c.reads.Load(), 100*c.fromCopies(), c.withoutRedis())
	if c.stale.Load() > 0 || c.back.Load() > 0 && c.withoutRedis() == 0 {
		t.Errorf("of %d keys read %d were stale, %d went back", c.reads.Load(), c.stale.Load(), c.back.Load())
	}
}

// crowdReads is how many keys a crowd reads.
func crowdReads() int64 { return testtime.Soak[int64](12_000, 1_000_000) }

// Copies in the process are as fresh as Redis, whatever happens to it.
func TestCopiesAreFresh(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(t *testing.T, r *redistest.Redis, rnd *rand.Rand){
		"nothing":                nil,
		"flush":                  func(_ *testing.T, r *redistest.Redis, _ *rand.Rand) { r.FlushAll() },
		"connections are killed": func(t *testing.T, r *redistest.Redis, _ *rand.Rand) { must(t, r, "CLIENT KILL TYPE normal") },
		"everything is evicted": func(t *testing.T, r *redistest.Redis, rnd *rand.Rand) {
			must(t, r, "CONFIG SET maxmemory 1")
			must(t, r, "CONFIG SET maxmemory 0")
		},
		"the tracking table is full": func(t *testing.T, r *redistest.Redis, _ *rand.Rand) {
			must(t, r, "CONFIG SET tracking-table-max-keys 20")
		},
		"it stands still": func(t *testing.T, r *redistest.Redis, _ *rand.Rand) { must(t, r, "DEBUG SLEEP 0.03") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--enable-debug-command", "yes", "--maxmemory-policy", "allkeys-lru")
			c := newCrowd(40, tierAt(t, server.URL()), tierAt(t, server.URL()), tierAt(t, server.URL()))
			if disturb == nil {
				c.run(t, crowdReads(), nil)
			} else {
				c.run(t, crowdReads(), func(rnd *rand.Rand) { disturb(t, server, rnd) })
			}
			c.report(t)
			if share := c.fromCopies(); disturb == nil && share < 0.5 || share < 0.1 {
				t.Errorf("only %.2f of the keys were answered by copies", share)
			}
		})
	}
	t.Run("in the process", func(t *testing.T) {
		t.Parallel()
		r := open(t, "")
		c := newCrowd(40, tier(t, r), tier(t, r))
		c.run(t, crowdReads(), func(*rand.Rand) { r.embedded.FlushAll() })
		c.report(t)
		if share := c.fromCopies(); share < 0.3 {
			t.Errorf("only %.2f of the keys were answered by copies", share)
		}
	})
}

func must(t *testing.T, r *redistest.Redis, command string) {
	if _, err := r.Do(command); err != nil && !strings.Contains(err.Error(), "closed") && t.Context().Err() == nil {
		t.Error(command, err)
	}
}

// Each part of the way in which copies are used is needed: without it, reads are stale.
func TestCopiesNeedEachPart(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(x *tracked){
		"the barrier": func(x *tracked) { x.without.barrier = true },
		"the order":   func(x *tracked) { x.without.order = true },
		"generations": func(x *tracked) { x.without.generations = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			c := newCrowd(10, tierAt(t, server.URL()), tierAt(t, server.URL()), tierAt(t, server.URL()))
			for _, x := range c.nodes {
				leave(x.redis.coherence.(*tracked))
				x.redis.batch = 1 // a call takes long, so that more happens during one
			}
			for target := int64(0); c.stale.Load()+c.back.Load() == 0; {
				if target += 20_000; target > 400_000 {
					t.Fatalf("of %d keys read none was stale", c.reads.Load())
				}
				c.run(t, target, func(*rand.Rand) {
					if name == "generations" {
						must(t, server, "CLIENT KILL TYPE normal")
					}
				})
			}
			t.Logf("of %d keys read %d were stale, %d went back", c.reads.Load(), c.stale.Load(), c.back.Load())
		})
	}
}
