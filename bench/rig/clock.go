package rig

import "time"

// ProcessClock returns the processor time of a process so far, which includes its threads that have ended.
func ProcessClock(pid int) (time.Duration, error) { return processClock(pid) }
