package cache

import (
	"hash/fnv"
	"slices"
	"strconv"
)

// virtualNodes is how many points a shard has on the ring. With 256, the largest of a few shards holds about a tenth more keys than the
// mean.
const virtualNodes = 256

// hashRing is consistent hashing with virtual nodes (Karger et al., 1997). A shard that joins takes its share of keys from all others, and
// no other key moves. The ring depends on the set of names, not on their order.
type hashRing struct {
	points []uint64
	shards map[uint64]string
}

func newHashRing(shards []string) *hashRing {
	r := &hashRing{shards: make(map[uint64]string, len(shards)*virtualNodes)}
	// Sorted, so that two shards at one point are resolved alike on all nodes.
	for _, name := range slices.Sorted(slices.Values(shards)) {
		for i := range virtualNodes {
			p := ringHash(name + "#" + strconv.Itoa(i))
			if _, taken := r.shards[p]; !taken {
				r.shards[p] = name
				r.points = append(r.points, p)
			}
		}
	}
	slices.Sort(r.points)
	return r
}

// Get returns the shard of a key: the one whose point is the first at or after the key's hash.
func (r *hashRing) Get(key string) string {
	if len(r.points) == 0 {
		return ""
	}
	i, _ := slices.BinarySearch(r.points, ringHash(key))
	if i == len(r.points) {
		i = 0
	}
	return r.shards[r.points[i]]
}

// ringHash is FNV-1a with the finalizer of MurmurHash3: FNV alone spreads short keys badly.
func ringHash(s string) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(s)) // never fails
	h := f.Sum64()
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
