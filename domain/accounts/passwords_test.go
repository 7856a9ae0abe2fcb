package accounts

import (
	"runtime"
	"testing"
	"time"
)

// Hashing takes no more than its share of the processors: permits rest in between.
func TestHashingRests(t *testing.T) {
	t.Parallel()
	all := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		share    float64
		parallel int
		want     time.Duration
	}{
		{0, 1, 0}, {1, all, 0}, {0.5, all, 10 * time.Millisecond}, {0.25, all, 30 * time.Millisecond}, {1, 2 * all, 10 * time.Millisecond},
		{0.001, all, maxRest},
	} {
		h := newHasher(Hashing{Share: c.share, Parallel: c.parallel})
		if got := h.rest(10 * time.Millisecond); got.Round(time.Microsecond) != c.want {
			t.Errorf("with a share of %v and %d at once a permit rests for %s after 10 ms, want %s", c.share, c.parallel, got, c.want)
		}
	}
	h := newHasher(Hashing{Memory: 1024, Time: 1, Share: 1e-9})
	err := h.attempt(t.Context(), origin{}, func(p *permit) error { p.hash("correct horse"); return nil })
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	if err != nil || h.queue.free != 0 {
		t.Errorf("%d permits are free while the only one rests, %v", h.queue.free, err)
	}
	if d := DefaultHashing(); d.Parallel >= all && all > 1 || d.Share >= 1 || d.WaitingPerAddress >= d.Waiting {
		t.Errorf("by default %+v on %d processors", d, all)
	}
}
