// Package local keeps small values that never change in the process, in front of Redis: bounded in bytes,
// and built so that the garbage collector hardly sees it. Decision 10 tells why it is what it is.
//
// A Store is a segmented LRU: what is new is on probation, in a fifth of the room; what is read again there is
// protected, and falls back to probation when others push it out. So somebody who scrolls through thousands of
// tweets that nobody else reads pushes out what others only scrolled through. It has 16 shards, each with a
// lock that is held for some 40 ns, and all its slots from the beginning: two arrays a shard instead of an object
// an entry.
//
// It has no idea of staleness. What is put under a key is what Get gives until it is pushed out, so a value is either
// immutable or has a version in it that whoever reads compares.
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
	// shards is how many locks there are.
	shards = 16
	// probationPart is one of so many slots: those of values that were not read again yet.
	probationPart = 5
	// slotOverhead is what the library keeps with a key and its value: 36 bytes of links, rounded up.
	slotOverhead = 40
	// minSlots is the least that a shard has.
	minSlots = 2 * probationPart
)

// MinBytes is the smallest bound of a Store.
const MinBytes = 64 << 10

// Config says what a Store keeps.
type Config[V any] struct {
	// Entity is the label of the metrics.
	Entity string
	// MaxBytes bounds slots and values together; at least MinBytes.
	MaxBytes int64
	// Typical is the usual Cost of a value. With it the number of slots is chosen: if values cost more, slots
	// stay empty; if less, bytes do.
	Typical int
	// Cost is how many bytes a value holds beyond itself, as a string's; nil is none. It must not change. The
	// heap rounds up, so that it may hold a tenth more than MaxBytes.
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
	// room is how many slots each has; bytes is the cost of what is in both, at most mostBytes.
	probationRoom, protectedRoom int
	bytes, maxBytes              int64
	hits, misses, evicted        uint64

	_ [64]byte // keeps the next lock out of this one's cache line
}

// New makes a store. All slots are allocated at once.
func New[K comparable, V any](c Config[V]) (*Store[K, V], error) {
	if c.Entity == "" || c.MaxBytes < MinBytes || c.Typical < 0 {
		return nil, fmt.Errorf("a store of %q in %d bytes, of values of %d: want a name, at least %d and not below 0",
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
		return nil, errors.New("a store of " + c.Entity + " has hardly room for anything")
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

// of is the shard of a key; its LRUs use the other half of the hash.
func (s *Store[K, V]) of(k K) *shard[K, V] { return &s.shards[s.hash(k)>>60] }

// Get gives what was put last under a key, unless it was pushed out.
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

// promote protects what is on probation. What loses its protection for it takes its place there.
func (h *shard[K, V]) promote(k K, v V) {
	h.probation.Remove(k)
	if h.protected.Len() == h.protectedRoom {
		if oldest, value, ok := h.protected.RemoveOldest(); ok {
			h.probation.Add(oldest, value)
		}
	}
	h.protected.Add(k, v)
}

// Put keeps a value under a key. What would need more than an eighth of its shard's bytes for values is
// not kept, nor is what was there under the key.
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
		if from.Len() <= 1 { // what has just been put stays
			from = h.protected
		}
		s.evict(h, from)
	}
}

// evict takes the oldest away.
func (s *Store[K, V]) evict(h *shard[K, V], from *freelru.LRU[K, V]) {
	if _, old, ok := from.RemoveOldest(); ok {
		h.bytes -= int64(s.cost(old))
		h.evicted++
	}
}
