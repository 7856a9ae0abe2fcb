package rig

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Link is a TCP proxy between nodes and a store, which a test can cut and delay.
type Link struct {
	Listener net.Listener
	mu       sync.Mutex
	to       string
	cut      bool
	delay    time.Duration // of what comes back
	open     map[net.Conn]bool
	all      sync.WaitGroup
}

// NewLink passes connections on to an address until the end of the test.
func NewLink(t *testing.T, to string) *Link {
	t.Helper()
	return NewFarLink(t, to, 0)
}

// NewFarLink also delays what comes back.
func NewFarLink(t *testing.T, to string, delay time.Duration) *Link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Link{Listener: l, to: to, delay: delay, open: map[net.Conn]bool{}}
	k.all.Go(k.accept)
	t.Cleanup(func() {
		_ = l.Close()
		k.Cut()
		k.all.Wait()
	})
	return k
}

// URL is that of the Redis behind it.
func (k *Link) URL() string { return "redis://" + k.Listener.Addr().String() + "/0" }

// Cut closes all connections, and new ones as they come.
func (k *Link) Cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = true
	k.drop()
}

// Mend passes connections on again.
func (k *Link) Mend() { k.Turn("") }

// Turn closes all connections and passes new ones on to another address, if one is given.
func (k *Link) Turn(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to != "" {
		k.to = to
	}
	k.cut = false
	k.drop()
}

// Lead passes new connections on to another address; open ones stay where they are.
func (k *Link) Lead(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to, k.cut = to, false
}

func (k *Link) drop() {
	for c := range k.open {
		_ = c.Close()
	}
	clear(k.open)
}

func (k *Link) accept() {
	for {
		in, err := k.Listener.Accept()
		if err != nil {
			return
		}
		k.all.Go(func() { k.pass(in) })
	}
}

// pass copies both ways until either side ends.
func (k *Link) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	k.mu.Lock()
	to, cut := k.to, k.cut
	k.mu.Unlock()
	if cut {
		return
	}
	out, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	k.mu.Lock()
	if k.cut || k.to != to { // meanwhile
		k.mu.Unlock()
		return
	}
	k.open[in], k.open[out] = true, true
	k.mu.Unlock()
	back := make(chan struct{})
	go func() {
		defer close(back)
		copyAll(in, far{out, k.delay})
	}()
	copyAll(out, in)
	<-back
	k.mu.Lock()
	delete(k.open, in)
	delete(k.open, out)
	k.mu.Unlock()
}

// far is a connection to far away.
type far struct {
	net.Conn
	delay time.Duration
}

func (f far) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.delay > 0 {
		<-time.After(f.delay)
	}
	return n, err
}

// copyAll copies until one end is closed, and closes the other.
func copyAll(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
