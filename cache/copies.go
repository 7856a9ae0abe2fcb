package cache

import (
	"hash/maphash"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// copyShards is the number of parts of the copies, each with a lock of its own. It is a power of 2.
	copyShards = 64
	// copyOverhead is about what a copy takes beside its data and, if it has no ID, its key, in bytes.
	copyOverhead = 224
	// maxCopyBytes is the most memory that copies take unless it is configured.
	maxCopyBytes = 256 << 20
)

// defaultCopyBytes returns how much memory copies may take: a quarter of the process' memory limit (GOMEMLIMIT), at most 256 MiB.
func defaultCopyBytes() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return maxCopyBytes
	}
	return min(limit/4, maxCopyBytes)
}

// copies keeps entries of Redis in the process. Each belongs to a generation, and is returned for that generation only, so a new
// generation drops all copies of the one before at once. Their memory is bounded in bytes; copies that were not read lately make room.
type copies struct {
	seed   maphash.Seed
	mix    uint64 // seed of the hashes of IDs
	shards [copyShards]copyShard
	last   atomic.Uint64 // the newest generation
	noted  atomic.Pointer[[]func(key string)]
}

type copyShard struct {
	mu      sync.Mutex
	max     int64            // bytes
	ids     map[uint64]*Copy // by the hash of the ID; of two IDs with one hash, the last that was stored
	names   map[string]*Copy // of keys without an ID
	slots   []*Copy          // in no order; nil is free
	free    []int32
	hand    int // of the clock that looks for copies to evict
	bytes   int64
	evicted int64

	// While writing is not 0, a write of one of the shard's keys is under way; writes counts those that have begun. See direct.
	writing int
	writes  uint64
}

// Copy is a copy of an entry in the process. Its value never changes: another value of the same key is another Copy.
type Copy struct {
	value      Value
	id         ID     // the zero ID if the key has none
	hash       uint64 // of the ID
	name       string // of a key without an ID
	shard      *copyShard
	generation uint64
	until      int64 // see monotonic
	decoded    atomic.Pointer[any]

	// Under the shard's lock:
	size int64
	slot int32
	used bool // since the hand was here
	hits int  // reads that it answered
}

// Value returns the entry.
func (c *Copy) Value() Value { return c.value }

// Decoded returns what Keep was called with last, nil if it was not called.
func (c *Copy) Decoded() any {
	if v := c.decoded.Load(); v != nil {
		return *v
	}
	return nil
}

// Keep keeps what the entry's data was decoded into together with the copy, so that it is dropped with the copy. Readers share it, so
// nobody may change it. bytes is about what it takes beside the data.
func (c *Copy) Keep(decoded any, bytes int) {
	if !c.decoded.CompareAndSwap(nil, &decoded) {
		return
	}
	h := c.shard
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slots[c.slot] != c {
		return // it was dropped, and is garbage once its readers have ended
	}
	c.size += int64(bytes)
	h.bytes += int64(bytes)
	for h.bytes > h.max {
		h.evict()
	}
}

func newCopies(maxBytes int64) *copies {
	c := &copies{seed: maphash.MakeSeed()}
	c.mix = maphash.String(c.seed, "")
	for i := range c.shards {
		h := &c.shards[i]
		h.max, h.ids, h.names = max(maxBytes/copyShards, 1), map[uint64]*Copy{}, map[string]*Copy{}
	}
	return c
}

// reserve makes the bound lower.
func (c *copies) reserve(bytes int64) {
	for i := range c.shards {
		h := &c.shards[i]
		h.mu.Lock()
		h.max = max(h.max-bytes/copyShards, 1)
		h.mu.Unlock()
	}
}

var processStart = time.Now()

// monotonic returns a time in nanoseconds that no change of the clock affects.
func monotonic(t time.Time) int64 { return int64(t.Sub(processStart)) }

// place is where the copy of a key is.
type place struct {
	shard *copyShard
	id    ID // the zero ID if the key has none
	hash  uint64
	name  string // of a key without an ID
}

// placeOf returns the place of the copy of a key.
func (c *copies) placeOf(key string) place {
	if id, ok := idOf(key); ok {
		return c.placeOfID(id)
	}
	return place{shard: &c.shards[maphash.String(c.seed, key)&(copyShards-1)], name: key}
}

func (c *copies) placeOfID(id ID) place {
	hash := id.hash(c.mix)
	return place{shard: &c.shards[hash&(copyShards-1)], id: id, hash: hash}
}

// copy returns the copy at a place, or nil. The shard's lock is held.
func (p *place) copy() *Copy {
	if p.id == (ID{}) {
		return p.shard.names[p.name]
	}
	if c := p.shard.ids[p.hash]; c != nil && c.id == p.id {
		return c
	}
	return nil
}

// generation returns a number that no copy has yet.
func (c *copies) generation() uint64 { return c.last.Add(1) }

// onDrop makes note be called with the key of each copy that may not be used any more, after it was dropped, and with an empty key
// after all were. It is not called for a copy that makes room for others or whose time to live has ended.
func (c *copies) onDrop(note func(key string)) {
	for {
		old := c.noted.Load()
		var all []func(string)
		if old != nil {
			all = slices.Clone(*old)
		}
		all = append(all, note)
		if c.noted.CompareAndSwap(old, &all) {
			return
		}
	}
}

// note calls what onDrop was called with.
func (c *copies) note(key string) {
	if all := c.noted.Load(); all != nil {
		for _, note := range *all {
			note(key)
		}
	}
}

// get returns the copy of a key, if it belongs to the generation and its time to live has not ended; otherwise nil.
func (c *copies) get(key string, generation uint64, now int64) *Copy {
	p := c.placeOf(key)
	return p.get(generation, now)
}

// getID is get for the key with an ID.
func (c *copies) getID(id ID, generation uint64, now int64) *Copy {
	p := c.placeOfID(id)
	return p.get(generation, now)
}

func (p *place) get(generation uint64, now int64) *Copy {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	c := p.copy()
	if c == nil {
		return nil
	}
	if c.generation != generation || now >= c.until {
		p.shard.remove(c)
		return nil
	}
	c.used = true
	c.hits++
	return c
}

// look fills out from the copies of a generation, for the keys with the indexes at. It returns the indexes of those without one.
func (c *copies) look(keys []string, at []int, generation uint64, out []readResult) (missing []int) {
	now := monotonic(time.Now())
	for _, i := range at {
		out[i] = readResult{}
		if out[i].copy = c.get(keys[i], generation, now); out[i].copy == nil {
			missing = append(missing, i)
			continue
		}
		out[i].value, out[i].hit = out[i].copy.value, true
	}
	return missing
}

// put stores a copy. A value that takes more than an eighth of its shard is not stored.
func (c *copies) put(key string, v Value, generation uint64, until int64) {
	p := c.placeOf(key)
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.put(v, generation, until)
}

// put is copies.put. The shard's lock is held.
func (p *place) put(v Value, generation uint64, until int64) {
	h := p.shard
	if p.id == (ID{}) {
		h.remove(h.names[p.name])
	} else {
		h.remove(h.ids[p.hash])
	}
	size := int64(len(p.name) + len(v.Data) + copyOverhead)
	if size > h.max/8 {
		return
	}
	for h.bytes+size > h.max {
		h.evict()
	}
	// The strings are copied, because they may be parts of larger ones.
	c := &Copy{value: Value{Version: v.Version, Data: strings.Clone(v.Data)}, id: p.id, hash: p.hash, name: strings.Clone(p.name), shard: h,
		generation: generation, until: until, size: size, slot: int32(len(h.slots))}
	if n := len(h.free); n > 0 {
		c.slot, h.free = h.free[n-1], h.free[:n-1]
		h.slots[c.slot] = c
	} else {
		h.slots = append(h.slots, c)
	}
	if c.id == (ID{}) {
		h.names[c.name] = c
	} else {
		h.ids[c.hash] = c
	}
	h.bytes += size
}

// drop removes the copy of a key, and returns how many reads it has answered. ok is false if there is none.
func (c *copies) drop(key string) (hits int, ok bool) {
	defer c.note(key)
	p := c.placeOf(key)
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	was := p.copy()
	if was == nil {
		return 0, false
	}
	p.shard.remove(was)
	return was.hits, true
}

// remove removes a copy; nil does nothing. h.mu is held.
func (h *copyShard) remove(c *Copy) {
	if c == nil {
		return
	}
	h.bytes -= c.size
	if c.id == (ID{}) {
		delete(h.names, c.name)
	} else {
		delete(h.ids, c.hash)
	}
	h.slots[c.slot] = nil
	h.free = append(h.free, c.slot)
}

// evict removes one copy: the next that was not read since the hand passed it. h.mu is held, and there is a copy.
func (h *copyShard) evict() {
	for {
		h.hand = (h.hand + 1) % len(h.slots)
		c := h.slots[h.hand]
		switch {
		case c == nil:
		case c.used:
			c.used = false
		default:
			h.remove(c)
			h.evicted++
			return
		}
	}
}

// size returns the number of copies, how many bytes they take, and how many were evicted so far.
func (c *copies) size() (entries int, bytes, evicted int64) {
	for i := range c.shards {
		h := &c.shards[i]
		h.mu.Lock()
		entries += len(h.ids) + len(h.names)
		bytes += h.bytes
		evicted += h.evicted
		h.mu.Unlock()
	}
	return entries, bytes, evicted
}
