package testproc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

// Ports are taken below the range from which systems pick ports for outgoing
// connections (32768 and up on Linux, 49152 by IANA), so that a server that is
// stopped and started again finds its port free.
const (
	portFrom = 15000
	portTo   = 32000
)

// given are the ports that FreePort has returned in this process. The user of such a port may not listen yet, or may have
// stopped for a while.
var given struct {
	mu    sync.Mutex
	ports map[int]bool
}

// FreePort returns a TCP port of 127.0.0.1 that no process listens on, another one for each call. Another process may take
// it before its user does: start again with another one then.
//
// It tries to connect to the port, and does not listen on it for a moment: a child that
// another goroutine is forking just then would hold a copy of the listening socket, and
// with it the port, until its exec.
func FreePort() (int, error) {
	for range 100 {
		port := portFrom + rand.IntN(portTo-portFrom)
		if !reserve(port) {
			continue
		}
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return port, nil
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	return 0, errors.New("find a free port: 100 tries in vain")
}

// reserve notes a port; it reports false for one that was noted before.
func reserve(port int) bool {
	given.mu.Lock()
	defer given.mu.Unlock()
	if given.ports[port] {
		return false
	}
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	given.ports[port] = true
	return true
}
