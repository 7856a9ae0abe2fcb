package cache

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// direct keeps copies of the entries of a Redis in the process, which only this process can change. Its own writes drop copies, so a
// read needs no barrier.
//
// While a script changes an entry there is no copy of it, and none is adopted: else a reader of the new entry could end before another
// reader uses a copy of the old one. A reader that asked Redis before or during a write of the same shard of keys adopts nothing.
type direct struct {
	redis   *Redis
	copies  *copies
	metrics *copyMetrics
	usable  atomic.Pointer[usableCopies]
}

func newDirect(r *Redis, maxBytes int64) *direct {
	d := &direct{redis: r, copies: newCopies(maxBytes), metrics: newCopyMetrics()}
	d.usable.Store(&usableCopies{generation: d.copies.generation()})
	return d
}

func (d *direct) close() {}

func (d *direct) forget() {
	d.usable.Store(&usableCopies{d.copies.generation(), d.usable.Load().epoch})
	d.copies.note("")
}

func (d *direct) works() bool { return true }

func (d *direct) copiesFor(of lookup) usableNow { return usableNow{d.copies, d.of(of.epoch), true} }

// settle is always true: what this process has changed was noted before its writes returned.
func (d *direct) settle(_ context.Context, of lookup) bool {
	d.of(of.epoch)
	return true
}

// of returns the generation of an epoch's copies. The first read of another epoch drops those of the last one.
func (d *direct) of(epoch int64) (generation uint64) {
	for {
		usable := d.usable.Load()
		if usable.epoch == epoch {
			return usable.generation
		}
		if d.usable.CompareAndSwap(usable, &usableCopies{d.copies.generation(), epoch}) {
			d.copies.note("")
		}
	}
}

func (d *direct) changing(keys []string) (done func()) {
	for _, key := range keys {
		d.copies.changing(key, 1)
	}
	return func() {
		for _, key := range keys {
			d.copies.changing(key, -1)
		}
	}
}

// changing notes that a write of a key has begun (by is 1) or ended (by is -1), and removes the copy.
func (c *copies) changing(key string, by int) {
	defer c.note(key)
	p := c.placeOf(key)
	h := p.shard
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing += by
	h.writes++
	h.remove(p.copy())
}

// quiet returns the number of writes of a key's shard so far, and whether none is under way.
func (c *copies) quiet(key string) (writes uint64, ok bool) {
	h := c.placeOf(key).shard
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes, h.writing == 0
}

// putIfQuiet stores a copy, unless a write of the key's shard has begun or ended since quiet returned writes.
func (c *copies) putIfQuiet(key string, v Value, generation uint64, until int64, writes uint64) bool {
	p := c.placeOf(key)
	h := p.shard
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.writes != writes || h.writing != 0 {
		return false
	}
	p.put(v, generation, until)
	return true
}

func (d *direct) read(ctx context.Context, of lookup, g group, out []readResult) (left []int) {
	generation := d.of(of.epoch)
	missing := d.copies.look(of.keys, g.at, generation, out)
	if len(missing) == 0 {
		return nil
	}
	writes, adopts := make([]uint64, len(missing)), make([]bool, len(missing))
	for n, i := range missing {
		writes[n], adopts[n] = d.copies.quiet(of.keys[i])
	}
	began := time.Now()
	entries, lives := make([]*redis.SliceCmd, len(missing)), make([]*redis.DurationCmd, len(missing))
	err := d.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		for n, i := range missing {
			entries[n], lives[n] = p.HMGet(ctx, of.keys[i], "e", "v", "d"), p.PTTL(ctx, of.keys[i])
		}
	})
	d.metrics.asked.Add(float64(len(missing)))
	fence := embeddedFence + epochSuffix(of.epoch)
	for n, i := range missing {
		if err != nil {
			out[i].away = true
			continue
		}
		r := &out[i]
		r.value, r.hit = entryOf(entries[n].Val(), fence)
		ttl := lives[n].Val()
		if adopts[n] && r.hit && ttl > 0 && d.copies.putIfQuiet(of.keys[i], r.value, generation, monotonic(began.Add(ttl)), writes[n]) {
			d.metrics.adopted.Inc()
		}
	}
	return nil
}
