package testtime

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time that a function takes on its own thread, in nanoseconds and not in ticks as getrusage(2)
// may. What else the machine does at the time is not in it.
func CPU(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	f()
	return threadTime() - before
}

func threadTime() time.Duration {
	var spec unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spec) != nil {
		return 0
	}
	return time.Duration(spec.Nano())
}
