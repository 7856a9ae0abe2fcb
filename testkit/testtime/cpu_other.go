//go:build !linux

package testtime

import "time"

// CPU returns how long a function takes. Only Linux says how much processor time a thread has had.
func CPU(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
