//go:build !unix

package server

import "net"

// pending reports whether a connection waits in the kernel's queue of a listener; here that cannot be found out.
func pending(net.Listener) bool { return false }
