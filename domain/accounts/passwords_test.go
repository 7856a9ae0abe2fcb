package accounts

import (
	"runtime"
	"testing"
	"time"
)

// Hashing takes no more than its share of the processors: turns rest for the remainder.
func TestHashingRests(t *testing.T) {
	t.Parallel()
	all := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		share    float64
		parallel int
		want     time.Duration
	}{
		{0, 1, 0}, {1, all, 0}, {0.5, all, 10 * time.Millisecond}, {0.25, all, 30 * time.Millisecond}, {1, 2 * all, 10 * time.Millisecond}, {0.001, all, maxRest},
	} {
		h := newHasher(Hashing{Share: c.share, Parallel: c.parallel})
		if got := h.rest(10 * time.Millisecond); got.Round(time.Microsecond) != c.want {
			t.Errorf("with a share of %v and %d at once it rests for %s after 10 ms, want %s", c.share, c.parallel, got, c.want)
		}
	}
	h := newHasher(Hashing{Memory: 1024, Time: 1, Share: 1e-9})
	err := h.try(t.Context(), origin{}, func(t *turn) error { t.hash("correct horse"); return nil })
	h.turns.mu.Lock()
	defer h.turns.mu.Unlock()
	if err != nil || h.turns.free != 0 {
		t.Errorf("%d turns are free while one rests, %v", h.turns.free, err)
	}
	if d := DefaultHashing(); d.Parallel >= all && all > 1 || d.Share >= 1 || d.WaitingEach >= d.Waiting {
		t.Errorf("by default %+v on %d processors", d, all)
	}
}
