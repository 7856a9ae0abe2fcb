// Package local caches small values in the process, in front of Redis. A Store is bounded in bytes and costs the garbage collector
// next to nothing. Decision 10 has the reasons for the library and the layout.
//
//	store, err := local.New[int64](local.Config[Tweet]{Entity: "tweet", MaxBytes: 16 << 20, Typical: 115,
//		Cost: func(t Tweet) int { return len(t.Text) }})
//	store.Put(7, tweet)
//	tweet, ok := store.Get(7)
//
// A Store cannot decide whether a value is stale: Get returns the value that was put last under a key, until that value is
// evicted. So a value must either be immutable or contain a version that the reader compares.
//
// A Store is a segmented LRU. New values are on probation, in a fifth of the slots. A value that is read while on probation
// becomes protected. It returns to probation when other protected values displace it. So a user who scrolls through thousands
// of tweets that nobody else reads evicts only values on probation. A Store has 16 shards, each with a lock that is held for
// some 40 ns. All slots are allocated at the beginning, as two arrays for each shard instead of one object for each entry.
package local

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"unsafe"

	"github.com/elastic/go-freelru"
)

const (
	// shards is the number of shards, each with a lock.
	shards = 16
	// probationPart is a divisor: a fifth of the slots is for values on probation.
	probationPart = 5
	// slotOverhead is how many bytes the library adds to a key and its value: 36 bytes of links, rounded up.
	slotOverhead = 40
	// minSlots is the least number of slots of a shard.
	minSlots = 2 * probationPart
)

// MinBytes is the smallest value of Config.MaxBytes.
const MinBytes = 64 << 10

// Config sets the bounds of a Store.
type Config[V any] struct {
	// Entity is the value of the label entity of the metrics.
	Entity string
	// MaxBytes bounds slots and values together. It is at least MinBytes.
	MaxBytes int64
	// Typical is the usual Cost of a value, in bytes. It sets the number of slots: if values cost more, slots stay unused; if they
	// cost less, bytes do.
	Typical int
	// Cost returns how many bytes a value references beyond itself, such as a string's; nil means none. It must always return the
	// same for a value. The heap rounds sizes up, so the process may use a tenth more than MaxBytes.
	Cost func(V) int
}

// Store is a bounded map, safe for concurrent use. It starts no goroutines.
type Store[K comparable, V any] struct {
	entity string
	cost   func(V) int
	seed   maphash.Seed
	slots  int64 // bytes of all slots
	shards [shards]shard[K, V]
}

// shard is a part of the keys with a lock of its own.
type shard[K comparable, V any] struct {
	mu                   sync.Mutex
	probation, protected *freelru.LRU[K, V]
	// probationRoom and protectedRoom are the numbers of slots. bytes is the cost of all values, at most maxBytes.
	probationRoom, protectedRoom int
	bytes, maxBytes              int64
	hits, misses, evicted        uint64

	_ [64]byte // keeps the next lock out of this one's cache line
}

// New returns a Store with all its slots allocated.
func New[K comparable, V any](c Config[V]) (*Store[K, V], error) {
	if c.Entity == "" || c.MaxBytes < MinBytes || c.Typical < 0 {
		return nil, fmt.Errorf("a local store of %q with %d bytes for values of %d bytes: want a name, at least %d bytes, and values not below 0",
			c.Entity, c.MaxBytes, c.Typical, MinBytes)
	}
	if c.Cost == nil {
		c.Cost = func(V) int { return 0 }
	}
	var k K
	var v V
	slot := int64(unsafe.Sizeof(k)) + int64(unsafe.Sizeof(v)) + slotOverhead
	n := c.MaxBytes / shards / (slot + int64(c.Typical))
	maxBytes := c.MaxBytes/shards - n*slot
	if n < minSlots {
		return nil, errors.New("the local store of " + c.Entity + " is too small for its typical value")
	}
	s := &Store[K, V]{entity: c.Entity, cost: c.Cost, seed: maphash.MakeSeed(), slots: shards * n * slot}
	for i := range s.shards {
		if err := s.shards[i].init(int(n), maxBytes, func(k K) uint32 { return uint32(s.hash(k)) }); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (h *shard[K, V]) init(n int, maxBytes int64, hash func(K) uint32) (err error) {
	h.probationRoom = n / probationPart
	h.protectedRoom = n - h.probationRoom
	h.maxBytes = maxBytes
	if h.probation, err = freelru.New[K, V](uint32(h.probationRoom), hash); err != nil {
		return err
	}
	h.protected, err = freelru.New[K, V](uint32(h.protectedRoom), hash)
	return err
}

func (s *Store[K, V]) hash(k K) uint64 { return maphash.Comparable(s.seed, k) }

// of returns the shard of a key. It uses the upper half of the hash, the shard's LRUs the lower half.
func (s *Store[K, V]) of(k K) *shard[K, V] { return &s.shards[s.hash(k)>>60] }

// Get returns the value that was put last under a key, unless it was evicted.
func (s *Store[K, V]) Get(k K) (V, bool) {
	h := s.of(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, ok := h.protected.Get(k); ok {
		h.hits++
		return v, true
	}
	v, ok := h.probation.Peek(k)
	if !ok {
		h.misses++
		return v, false
	}
	h.hits++
	h.promote(k, v)
	return v, true
}

// promote moves a value from probation to the protected ones. If those are full, their oldest moves to probation.
func (h *shard[K, V]) promote(k K, v V) {
	h.probation.Remove(k)
	if h.protected.Len() == h.protectedRoom {
		if oldest, value, ok := h.protected.RemoveOldest(); ok {
			h.probation.Add(oldest, value)
		}
	}
	h.protected.Add(k, v)
}

// Put stores a value under a key. A value that costs more than an eighth of its shard's bytes is not stored, and the key's former value is
// removed.
func (s *Store[K, V]) Put(k K, v V) {
	cost := int64(s.cost(v))
	h := s.of(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	in := h.probation
	if old, ok := h.protected.Peek(k); ok {
		h.bytes -= int64(s.cost(old))
		in = h.protected
	} else if old, ok := h.probation.Peek(k); ok {
		h.bytes -= int64(s.cost(old))
	}
	if cost > h.maxBytes/8 {
		in.Remove(k)
		return
	}
	if in.Contains(k) {
		in.Add(k, v)
	} else {
		if h.probation.Len() == h.probationRoom {
			s.evict(h, h.probation)
		}
		h.probation.Add(k, v)
	}
	h.bytes += cost
	for h.bytes > h.maxBytes {
		from := h.probation
		if from.Len() <= 1 { // the value that has just been put stays
			from = h.protected
		}
		s.evict(h, from)
	}
}

// evict removes the oldest value.
func (s *Store[K, V]) evict(h *shard[K, V], from *freelru.LRU[K, V]) {
	if _, old, ok := from.RemoveOldest(); ok {
		h.bytes -= int64(s.cost(old))
		h.evicted++
	}
}
