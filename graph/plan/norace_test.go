//go:build !race

package plan_test

// raceEnabled reports whether the race detector is on.
const raceEnabled = false
