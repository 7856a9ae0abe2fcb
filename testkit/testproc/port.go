package testproc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Ports are taken below the range from which systems pick ports for outgoing
// connections (32768 and up on Linux, 49152 by IANA), so that a server that is
// stopped and started again finds its port free.
const (
	portFrom  = 15000
	portTo    = 32000
	blockSize = 250
)

// given are the ports that this process may return. A process takes whole blocks of ports and keeps them as long as it lives, so
// that no other test takes the port of a server that is stopped for a while.
var given struct {
	mu         sync.Mutex
	next, left int
	locks      []*os.File // of the blocks; the end of the process releases them
}

// FreePort returns a TCP port of 127.0.0.1 that no process listens on, another one for each call, and none that another process of
// tests has received. Programs other than tests may still take it before its user does: start again with another one then.
//
// It tries to connect to the port, and does not listen on it for a moment: a child that
// another goroutine is forking just then would hold a copy of the listening socket, and
// with it the port, until its exec.
func FreePort() (int, error) {
	for range 100 {
		port, err := reserve()
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
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

// reserve returns the next port of the process's block, and takes another block after its last one.
func reserve() (int, error) {
	given.mu.Lock()
	defer given.mu.Unlock()
	if given.left == 0 {
		from, lock, err := takeBlock()
		if err != nil {
			return 0, err
		}
		given.next, given.left, given.locks = from, blockSize, append(given.locks, lock)
	}
	given.left--
	given.next++
	return given.next - 1, nil
}

// takeBlock locks a block of ports for this process, and returns its first port. Blocks are locked by files in the directory of temporary
// files, which stay there.
func takeBlock() (from int, lock *os.File, err error) {
	const blocks = (portTo - portFrom) / blockSize
	for _, i := range rand.Perm(blocks) {
		from = portFrom + i*blockSize
		lock, err = os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("roost-test-ports-%d", from)), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			continue // somebody else's
		}
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return from, lock, nil
		}
		_ = lock.Close()
	}
	return 0, nil, fmt.Errorf("all %d blocks of ports are taken: %w", blocks, err)
}
