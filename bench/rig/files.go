package rig

import (
	"fmt"
	"syscall"
)

// Files makes sure that this process, and each of its children, may have so many files open at once, sockets
// included. The soft limit is raised as far as needed; programs in Go raise it to the hard one by themselves.
// It fails when the hard limit is lower and may not be raised.
func Files(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read how many files may be open: %w", err)
	}
	if limit.Cur >= uint64(n) {
		return nil
	}
	want := syscall.Rlimit{Cur: uint64(n), Max: max(uint64(n), limit.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		return fmt.Errorf("%d files must be open at once, `ulimit -Hn` allows %d: %w", n, limit.Max, err)
	}
	return nil
}
