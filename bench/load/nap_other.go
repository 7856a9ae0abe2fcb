//go:build !linux

package load

import "time"

func precise() {}

// napUntil waits until a time. On systems other than Linux it uses the runtime's timers, which are less exact.
func napUntil(t time.Time) { time.Sleep(time.Until(t)) }
