// Package testtime defines how long tests wait and how long they run, so that they pass even on a slow machine that does other
// work as well.
//
// A test that waits for something gets [Patience]. A bound on time that the product promises is checked in one of these ways:
// on a fake clock, as a count, as a ratio to a measurement in the same run, or with [Soak], which applies the strict bound when
// somebody runs the long forms of the tests on a quiet machine.
package testtime

import (
	"os"
	"testing"
	"time"
)

// Patience is how long tests wait for something that should come soon. A test that passes never waits for all of it.
const Patience = time.Minute

// Until waits until the condition holds, or fails the test; what describes the condition.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for: %s", Patience, what)
		}
	}
}

// Soaking reports whether the long forms of tests run: ROOST_SOAK is set.
func Soaking() bool { return os.Getenv("ROOST_SOAK") != "" }

// Soak returns the value for the short form of a test or, with ROOST_SOAK, the one for the long form.
func Soak[T any](short, long T) T {
	if Soaking() {
		return long
	}
	return short
}
