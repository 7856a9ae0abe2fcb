//go:build race

package guard_test

// raceFactor is what the race detector makes times longer by.
const raceFactor = 15
