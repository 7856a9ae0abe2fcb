// Package clock reads the time through an interface, so that tests can set it.
package clock

import (
	"sync"
	"time"
)

// Clock returns the time: the real one in production, one that tests set in tests.
type Clock interface {
	// Now returns the current instant in UTC, cut to microseconds, because both SQL databases store no more.
	Now() time.Time
}

// Real is the machine's clock.
type Real struct{}

// Now returns the machine's time, in UTC with microseconds.
func (Real) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fake is a clock that a test sets. It is safe for concurrent use.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// NewFake returns a clock that shows t until a test moves it.
func NewFake(t time.Time) *Fake { return &Fake{now: t.UTC().Truncate(time.Microsecond)} }

// Now returns the time that was set.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Add moves the clock; a negative d turns it back.
func (f *Fake) Add(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}
