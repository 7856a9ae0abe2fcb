//go:build unix

package transport

import "syscall"

// attempt writes once. It always reports true, because false would make the caller wait until the system takes more.
func (a *atOnce) attempt(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), a.frame[a.written:])
		if err == syscall.EINTR {
			continue
		}
		if err == nil {
			a.written += n
		}
		return true
	}
}
