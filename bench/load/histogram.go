package load

import (
	"math"
	"math/bits"
	"time"
)

// subBits is the precision of a Histogram: values are kept to one part in 2^subBits, below 0.8 %.
const subBits = 7

// buckets covers every positive int64.
const buckets = (64-subBits)<<subBits + 1<<subBits

// Histogram counts durations with a relative error below 0.8 %, from 1 ns up, in constant memory
// (58 KiB). It belongs to one goroutine; merge several with Add.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
	max    time.Duration
}

// bucket is the index of a value: small values have one each, then each power of two is cut into
// 2^subBits equal parts.
func bucket(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// top is the largest value of a bucket.
func top(i int) uint64 {
	if i < 2<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(i-shift<<subBits+1)<<shift - 1
}

// Record counts a duration; one below zero counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// Add adds what another histogram has counted.
func (h *Histogram) Add(other *Histogram) {
	for i, c := range other.counts {
		h.counts[i] += c
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return int64(h.n) }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the least duration that is not exceeded by the part q (0 to 1) of the recorded durations, rounded up by less
// than 0.8 %. It returns 0 if nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	rank = min(max(rank, 1), h.n)
	var seen uint64
	for i, c := range h.counts {
		if seen += c; seen >= rank {
			return min(time.Duration(top(i)), h.max)
		}
	}
	return h.max
}
