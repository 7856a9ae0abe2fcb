// Package heat finds the keys that are used most, such as the tweet to which thousands react.
package heat

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// Window is the time over which uses are counted.
	Window = time.Minute
	// MaxKeys is how many keys are counted in a window. Keys that come when there are so many are not counted until the next window;
	// one that is used much has come before, or comes soon in the next.
	MaxKeys = 10_000
)

// Meter counts uses of keys. The zero Meter is not usable; see New. It is safe for concurrent use.
type Meter struct {
	clock func() time.Time
	mu    sync.Mutex
	began time.Time
	// now counts the uses of the window that began at began, last those of the whole window before it.
	now, last map[int64]int64
}

// New returns a meter without uses. clock is time.Now, or what a test has in its place.
func New(clock func() time.Time) *Meter {
	return &Meter{clock: clock, began: clock(), now: map[int64]int64{}}
}

// Add counts n uses of each key.
func (m *Meter) Add(n int64, keys ...int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	for _, k := range keys {
		if _, counted := m.now[k]; counted || len(m.now) < MaxKeys {
			m.now[k] += n
		}
	}
}

// turn begins a new window when the last one is over. The caller holds the mutex.
func (m *Meter) turn() {
	switch passed := m.clock().Sub(m.began); {
	case passed < Window:
		return
	case passed < 2*Window:
		m.last = m.now
		m.began = m.began.Add(Window)
	default: // nobody has used the meter for a whole window
		m.last = nil
		m.began = m.clock()
	}
	m.now = map[int64]int64{}
}

// Hot is a key, and how many uses a second it had in the last whole window.
type Hot struct {
	Key       int64
	PerSecond float64
}

// Top returns the n keys with the most uses in the last whole window, the hottest first; of keys with equally many, the highest.
func (m *Meter) Top(n int) []Hot {
	m.mu.Lock()
	m.turn()
	all := make([]Hot, 0, len(m.last))
	for k, uses := range m.last { // nobody writes to it any more
		all = append(all, Hot{k, float64(uses) / Window.Seconds()})
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b Hot) int {
		return cmp.Or(cmp.Compare(b.PerSecond, a.PerSecond), cmp.Compare(b.Key, a.Key))
	})
	return all[:min(n, len(all))]
}
