//go:build unix

package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// pending reports whether a connection waits in the kernel's queue of a listener. A timeout of Accept does not show that: on a busy
// machine the deadline may have passed before Accept looked.
func pending(l net.Listener) bool {
	below, ok := l.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := below.SyscallConn()
	if err != nil {
		return false
	}
	waits := false
	_ = raw.Control(func(fd uintptr) { // fails if the listener is closed; then nothing waits
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		waits = n > 0
	})
	return waits
}
