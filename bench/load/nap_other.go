//go:build !linux

package load

import "time"

func precise() {}

// napUntil waits until a time; elsewhere than on Linux the runtime's timers have to do.
func napUntil(t time.Time) { time.Sleep(time.Until(t)) }
