package lifecycle

import (
	"sync"
	"time"
)

// warnEvery is the least time between two log lines of something that fails again and again.
const warnEvery = 30 * time.Second

// Throttle limits a warning that may come again and again, such as one about a database that is away, to one log line in 30
// seconds. Use one for each warning. Its zero value lets the first line pass.
type Throttle struct {
	mu   sync.Mutex
	last time.Time
}

// Allow reports whether the warning may be logged now. If so, it returns false for the next 30 seconds.
func (t *Throttle) Allow() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !t.last.IsZero() && now.Sub(t.last) < warnEvery {
		return false
	}
	t.last = now
	return true
}
