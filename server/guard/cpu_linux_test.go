package guard_test

import (
	"runtime"
	"syscall"
	"time"
)

// rusageThread asks getrusage(2) for the calling thread.
const rusageThread = 1

// cpu is the processor time that a function takes on its own thread: what else the machine does is not in it.
func cpu(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	f()
	return threadTime() - before
}

func threadTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(rusageThread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
