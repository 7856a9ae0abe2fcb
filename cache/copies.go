package cache

import (
	"hash/maphash"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// copyShards is the number of parts of the copies, each with a lock of its own. It is a power of 2.
	copyShards = 64
	// copyOverhead is about what a copy takes beside its key and data, in bytes.
	copyOverhead = 128
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
	max    int64 // bytes of one shard
	shards [copyShards]copyShard
	last   atomic.Uint64 // the newest generation
	noted  atomic.Pointer[[]func(key string)]
}

type copyShard struct {
	mu      sync.Mutex
	at      map[string]int32 // index of slots
	slots   []copySlot
	free    []int32
	hand    int // of the clock that looks for copies to evict
	bytes   int64
	evicted int64

	// While writing is not 0, a write of one of the shard's keys is under way; writes counts those that have begun. See direct.
	writing int
	writes  uint64
}

// copySlot is a copy, or free if its key is empty.
type copySlot struct {
	key, data  string // parts of one string
	version    int64
	generation uint64
	until      int64 // see monotonic
	used       bool  // since the hand was here
}

func newCopies(maxBytes int64) *copies {
	c := &copies{seed: maphash.MakeSeed(), max: max(maxBytes/copyShards, 1)}
	for i := range c.shards {
		c.shards[i].at = map[string]int32{}
	}
	return c
}

var processStart = time.Now()

// monotonic returns a time in nanoseconds that no change of the clock affects.
func monotonic(t time.Time) int64 { return int64(t.Sub(processStart)) }

func (c *copies) shard(key string) *copyShard {
	return &c.shards[maphash.String(c.seed, key)&(copyShards-1)]
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

// get returns the copy of a key, if it belongs to the generation and its time to live has not ended, and the time at which that ends.
func (c *copies) get(key string, generation uint64, now int64) (v Value, until int64, ok bool) {
	h := c.shard(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	i, ok := h.at[key]
	if !ok {
		return Value{}, 0, false
	}
	s := &h.slots[i]
	if s.generation != generation || now >= s.until {
		h.remove(i)
		return Value{}, 0, false
	}
	s.used = true
	return Value{Version: s.version, Data: s.data}, s.until, true
}

// look fills out from the copies of a generation, for the keys with the indexes at. It returns the indexes of those without one.
func (c *copies) look(keys []string, at []int, generation uint64, out []readResult) (missing []int) {
	now := monotonic(time.Now())
	for _, i := range at {
		v, until, ok := c.get(keys[i], generation, now)
		out[i] = readResult{value: v, hit: ok, copied: ok, until: until}
		if !ok {
			missing = append(missing, i)
		}
	}
	return missing
}

// put stores a copy. A value that takes more than an eighth of its shard is not stored.
func (c *copies) put(key string, v Value, generation uint64, until int64) {
	h := c.shard(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	c.putLocked(h, key, v, generation, until)
}

func (c *copies) putLocked(h *copyShard, key string, v Value, generation uint64, until int64) {
	if i, ok := h.at[key]; ok {
		h.remove(i)
	}
	size := int64(len(key) + len(v.Data) + copyOverhead)
	if size > c.max/8 {
		return
	}
	for h.bytes+size > c.max {
		h.evict()
	}
	both := key + v.Data // copied: the strings may be parts of larger ones
	s := copySlot{key: both[:len(key)], data: both[len(key):], version: v.Version, generation: generation, until: until}
	i := int32(len(h.slots))
	if n := len(h.free); n > 0 {
		i, h.free = h.free[n-1], h.free[:n-1]
		h.slots[i] = s
	} else {
		h.slots = append(h.slots, s)
	}
	h.at[s.key] = i
	h.bytes += size
}

// drop removes the copy of a key.
func (c *copies) drop(key string) {
	defer c.note(key)
	h := c.shard(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	if i, ok := h.at[key]; ok {
		h.remove(i)
	}
}

// remove frees a slot. h.mu is held.
func (h *copyShard) remove(i int32) {
	s := &h.slots[i]
	h.bytes -= int64(len(s.key) + len(s.data) + copyOverhead)
	delete(h.at, s.key)
	*s = copySlot{}
	h.free = append(h.free, i)
}

// evict removes one copy: the next that was not read since the hand passed it. h.mu is held, and there is a copy.
func (h *copyShard) evict() {
	for {
		h.hand = (h.hand + 1) % len(h.slots)
		s := &h.slots[h.hand]
		switch {
		case s.key == "":
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
		entries += len(h.at)
		bytes += h.bytes
		evicted += h.evicted
		h.mu.Unlock()
	}
	return entries, bytes, evicted
}
