package transport

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of bytes that clients have not read yet. Answers of up to smallAnswer bytes are not counted, because the system takes
// that much into its buffer of a connection at once.
const (
	smallAnswer = 16 << 10
	// DefaultMaxUnread is the default bound, in bytes, and suits a node with 512 MiB of memory.
	DefaultMaxUnread = 64 << 20
	// Defaults of HTTP.ReadGrace and HTTP.ReadRate.
	DefaultReadGrace = 5 * time.Second
	DefaultReadRate  = 64 << 10
)

// Unread bounds the bytes of answers and messages that clients have not read yet, and of those that they have begun to send and not
// ended, of all connections together, so that slow clients cannot fill the memory. When the bound is passed, connections are cut off
// until the rest fits: each time, of the network that holds most, the connection that has held bytes for longest. So clients that are
// as fast as answers and requests come are the last to be cut off.
type Unread struct {
	max int

	mu      sync.Mutex
	held    int
	of      map[netip.Prefix]int
	holding list.List // of *account, the one that began first in front
}

// NewUnread returns a bound in bytes, which must be larger than any single answer; 0 is DefaultMaxUnread.
func NewUnread(most int) *Unread {
	if most == 0 {
		most = DefaultMaxUnread
	}
	return &Unread{max: most, of: map[netip.Prefix]int{}}
}

// Held returns how many bytes are held now, without small answers.
func (u *Unread) Held() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held
}

// account counts the unread bytes of one connection. A nil account counts nothing.
type account struct {
	of      *Unread
	network netip.Prefix
	cut     func()
	bytes   atomic.Int64
	// Under the lock of Unread:
	size   int           // what of bytes counts
	at     *list.Element // nil while nothing counts
	closed bool
	wasCut bool
}

// account opens an account for a connection. cut ends the connection soon; it must not block or use the account.
func (u *Unread) account(network netip.Prefix, cut func()) *account {
	if u == nil {
		return nil
	}
	return &account{of: u, network: network, cut: cut}
}

// add adds bytes to what the connection holds, or subtracts them. If the bound is passed, connections are cut off, perhaps this
// one.
func (a *account) add(n int) {
	if a == nil {
		return
	}
	now := a.bytes.Add(int64(n))
	if now <= smallAnswer && now-int64(n) <= smallAnswer {
		return
	}
	u := a.of
	u.mu.Lock()
	defer u.mu.Unlock()
	if a.closed {
		return
	}
	size := int(a.bytes.Load()) // under the lock, so that the last to come sees what all have added
	if size <= smallAnswer {
		size = 0
	}
	u.resize(a, size)
	for u.held > u.max {
		victim := u.victim()
		u.resize(victim, 0)
		victim.closed, victim.wasCut = true, true
		victim.cut()
	}
}

// close removes the account. It reports whether the connection was cut off.
func (a *account) close() (cut bool) {
	if a == nil {
		return false
	}
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	if !a.closed {
		a.of.resize(a, 0)
		a.closed = true
	}
	return a.wasCut
}

// resize changes what an account holds. The caller holds the lock.
func (u *Unread) resize(a *account, size int) {
	u.held += size - a.size
	if u.of[a.network] += size - a.size; u.of[a.network] == 0 {
		delete(u.of, a.network)
	}
	a.size = size
	switch {
	case size == 0 && a.at != nil:
		u.holding.Remove(a.at)
		a.at = nil
	case size > 0 && a.at == nil:
		a.at = u.holding.PushBack(a)
	}
}

// victim returns the account that is cut off next: of the network that holds most, the one that began to hold bytes first. The
// caller holds the lock.
func (u *Unread) victim() *account {
	var network netip.Prefix
	most := 0
	for n, held := range u.of {
		if held > most {
			network, most = n, held
		}
	}
	at := u.holding.Front()
	for at.Value.(*account).network != network {
		at = at.Next()
	}
	return at.Value.(*account)
}
