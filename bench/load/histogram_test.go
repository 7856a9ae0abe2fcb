package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreExactToOnePercent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, draw := range map[string]func() time.Duration{
		"small":  func() time.Duration { return time.Duration(r.IntN(100)) },
		"usual":  func() time.Duration { return time.Duration(r.ExpFloat64() * float64(2*time.Millisecond)) },
		"spread": func() time.Duration { return time.Duration(math.Exp(r.Float64() * 40)) },
	} {
		var h Histogram
		var all []time.Duration
		for range 20_000 {
			d := draw()
			h.Record(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 0.9999, 1} {
			want := all[max(0, int(math.Ceil(q*float64(len(all))))-1)]
			got := h.Quantile(q)
			if got < want || float64(got) > float64(want)*1.008 {
				t.Errorf("quantile %v = %d, exactly %d", q, got, want)
			}
		}
		if h.Max() != all[len(all)-1] || h.Count() != int64(len(all)) {
			t.Errorf("max %d, count %d, want %d and %d", h.Max(), h.Count(), all[len(all)-1], len(all))
		}
	}
}

// Buckets have no holes and no overlaps, up to the largest duration.
func TestBucketsFollowEachOther(t *testing.T) {
	t.Parallel()
	for i := range bucket(math.MaxInt64) {
		if end := top(i); bucket(end) != i || bucket(end+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d, and %d is in %d", i, end, bucket(end), end+1, bucket(end+1))
		}
	}
}

func TestHistogramsAddUp(t *testing.T) {
	t.Parallel()
	var a, b, both Histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.Record(d)
		if i%3 == 0 {
			a.Record(d)
		} else {
			b.Record(d)
		}
	}
	a.Add(&b)
	if a != both {
		t.Error("two halves are not the whole")
	}
	var none Histogram
	if none.Quantile(0.5) != 0 || none.Max() != 0 {
		t.Error("an empty histogram has values")
	}
	none.Record(-time.Second)
	if none.Quantile(1) != 0 || none.Count() != 1 {
		t.Error("a negative duration is not counted as zero")
	}
}
