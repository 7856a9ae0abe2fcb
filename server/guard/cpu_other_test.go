//go:build !linux

package guard_test

import "time"

// cpu is the time that a function takes, for want of a way to ask for that of the processor.
func cpu(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}
