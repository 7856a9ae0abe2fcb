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
	max     int64 // bytes
	ids     map[ID]int32
	names   map[string]int32 // indexes of slots, for keys that have no ID
	slots   []copySlot
	free    []int32
	hand    int // of the clock that looks for copies to evict
	bytes   int64
	evicted int64

	// While writing is not 0, a write of one of the shard's keys is under way; writes counts those that have begun. See direct.
	writing int
	writes  uint64
}

// copySlot holds a copy, or nil if it is free.
type copySlot struct {
	*Copy
	used bool // since the hand was here
}

// Copy is a copy of an entry in the process. Its value never changes: another value of the same key is another Copy.
type Copy struct {
	value      Value
	id         ID     // the zero ID if the key has none
	name       string // of a key without an ID
	shard      *copyShard
	size       int64 // under the shard's lock
	generation uint64
	until      int64 // see monotonic
	decoded    atomic.Pointer[any]
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
	if i, ok := h.indexOf(c.id, c.name); !ok || h.slots[i].Copy != c {
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
		h.max, h.ids, h.names = max(maxBytes/copyShards, 1), map[ID]int32{}, map[string]int32{}
	}
	return c
}

var processStart = time.Now()

// monotonic returns a time in nanoseconds that no change of the clock affects.
func monotonic(t time.Time) int64 { return int64(t.Sub(processStart)) }

// find returns the shard of a key, and the key's ID if it has one.
func (c *copies) find(key string) (h *copyShard, id ID) {
	if id, ok := idOf(key); ok {
		return c.shardOf(id), id
	}
	return &c.shards[maphash.String(c.seed, key)&(copyShards-1)], ID{}
}

func (c *copies) shardOf(id ID) *copyShard { return &c.shards[id.hash(c.mix)&(copyShards-1)] }

// indexOf returns the index of a key's slot. h.mu is held.
func (h *copyShard) indexOf(id ID, name string) (i int32, ok bool) {
	if id != (ID{}) {
		i, ok = h.ids[id]
	} else {
		i, ok = h.names[name]
	}
	return i, ok
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
	h, id := c.find(key)
	return h.get(id, key, generation, now)
}

// getID is get for the key with an ID.
func (c *copies) getID(id ID, generation uint64, now int64) *Copy {
	return c.shardOf(id).get(id, "", generation, now)
}

func (h *copyShard) get(id ID, name string, generation uint64, now int64) *Copy {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, ok := h.indexOf(id, name)
	if !ok {
		return nil
	}
	s := &h.slots[i]
	if s.generation != generation || now >= s.until {
		h.remove(i)
		return nil
	}
	s.used = true
	return s.Copy
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
	h, id := c.find(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(id, key, v, generation, until)
}

// put is copies.put. h.mu is held.
func (h *copyShard) put(id ID, key string, v Value, generation uint64, until int64) {
	if i, ok := h.indexOf(id, key); ok {
		h.remove(i)
	}
	n := &Copy{id: id, shard: h, generation: generation, until: until}
	if id == (ID{}) {
		n.name = strings.Clone(key) // copied, as the data: the strings may be parts of larger ones
	}
	n.size = int64(len(n.name) + len(v.Data) + copyOverhead)
	if n.size > h.max/8 {
		return
	}
	for h.bytes+n.size > h.max {
		h.evict()
	}
	n.value = Value{Version: v.Version, Data: strings.Clone(v.Data)}
	i := int32(len(h.slots))
	if last := len(h.free) - 1; last >= 0 {
		i, h.free = h.free[last], h.free[:last]
		h.slots[i] = copySlot{Copy: n}
	} else {
		h.slots = append(h.slots, copySlot{Copy: n})
	}
	if id != (ID{}) {
		h.ids[id] = i
	} else {
		h.names[n.name] = i
	}
	h.bytes += n.size
}

// drop removes the copy of a key.
func (c *copies) drop(key string) {
	defer c.note(key)
	h, id := c.find(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	if i, ok := h.indexOf(id, key); ok {
		h.remove(i)
	}
}

// remove frees a slot. h.mu is held.
func (h *copyShard) remove(i int32) {
	s := &h.slots[i]
	h.bytes -= s.size
	if s.id != (ID{}) {
		delete(h.ids, s.id)
	} else {
		delete(h.names, s.name)
	}
	*s = copySlot{}
	h.free = append(h.free, i)
}

// evict removes one copy: the next that was not read since the hand passed it. h.mu is held, and there is a copy.
func (h *copyShard) evict() {
	for {
		h.hand = (h.hand + 1) % len(h.slots)
		s := &h.slots[h.hand]
		switch {
		case s.Copy == nil:
		case s.used:
			s.used = false
		default:
			h.remove(int32(h.hand))
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
