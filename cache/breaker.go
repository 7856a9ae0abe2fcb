package cache

import (
	"sync"
	"time"
)

const (
	// breakAfter is how many failures in a row open the breaker.
	breakAfter = 3
	// doubtAfter is how many calls in a row without a clear outcome count as one failure. So a server that hangs is noticed even while
	// the process runs late.
	doubtAfter = 16
	// probeEvery is how often an open breaker lets one call through.
	probeEvery = 500 * time.Millisecond
)

// breaker refuses calls of a server that keeps failing, so that callers do not wait for it. Its zero value is closed: it lets calls
// through.
type breaker struct {
	mu       sync.Mutex
	failures int
	doubts   int // since the last clear outcome
	open     bool
	probing  bool
	next     time.Time
}

// allow reports whether a call may be made. Each allowed call must end with report or abandon.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if b.probing || now.Before(b.next) {
		return false
	}
	b.probing = true
	return true
}

// outcome is the result of a call.
type outcome int

const (
	answered outcome = iota
	broken           // the server cannot be used
	unclear          // no answer in time, while this process ran late itself
)

// report notes the outcome of a call. changed is true if the breaker has just opened or closed.
func (b *breaker) report(how outcome, now time.Time) (changed, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.open
	b.probing = false
	if how == unclear {
		if b.doubts++; b.doubts < doubtAfter && !b.open {
			return false, false
		}
		how = broken
	}
	b.doubts = 0
	if how == answered {
		b.failures, b.open = 0, false
	} else if b.failures++; b.failures >= breakAfter {
		b.open, b.next = true, now.Add(probeEvery)
	}
	return was != b.open, b.open
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// abandon notes that a call ended without an outcome.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}
