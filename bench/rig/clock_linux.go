package rig

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// processClock reads the processor time of a whole process, threads that have ended included, to the
// nanosecond: the clock that clock_getcpuclockid(3) names.
func processClock(pid int) (time.Duration, error) {
	const ofProcess = 2 // CPUCLOCK_SCHED
	clock := ^pid<<3 | ofProcess
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}
