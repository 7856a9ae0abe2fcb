package rig

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy between nodes and a store, which a test can cut and delay.
type Proxy struct {
	Listener net.Listener
	mu       sync.Mutex
	to       string
	cut      bool
	delay    time.Duration // of what comes back
	tap      func(from net.Conn) io.Reader
	open     map[net.Conn]bool
	all      sync.WaitGroup
}

// NewProxy starts a proxy that forwards connections to an address until the end of the test.
func NewProxy(t *testing.T, to string) *Proxy {
	t.Helper()
	return NewSlowProxy(t, to, 0)
}

// NewSlowProxy is NewProxy with a delay of all data that comes back.
func NewSlowProxy(t *testing.T, to string, delay time.Duration) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Proxy{Listener: l, to: to, delay: delay, open: map[net.Conn]bool{}}
	k.all.Go(k.accept)
	t.Cleanup(func() {
		_ = l.Close()
		k.Cut()
		k.all.Wait()
	})
	return k
}

// Tap makes the proxy read what clients send through the reader that tap returns for each new connection.
func (k *Proxy) Tap(tap func(from net.Conn) io.Reader) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tap = tap
}

// URL returns the URL of the Redis behind the proxy.
func (k *Proxy) URL() string { return "redis://" + k.Listener.Addr().String() + "/0" }

// Cut closes all connections, and each new one as soon as it is opened.
func (k *Proxy) Cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = true
	k.drop()
}

// Restore forwards connections again after Cut.
func (k *Proxy) Restore() { k.Redirect("") }

// Redirect closes all connections and forwards new ones, to another address if one is given.
func (k *Proxy) Redirect(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to != "" {
		k.to = to
	}
	k.cut = false
	k.drop()
}

// RedirectNew forwards new connections to another address; open ones stay where they are.
func (k *Proxy) RedirectNew(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to, k.cut = to, false
}

func (k *Proxy) drop() {
	for c := range k.open {
		_ = c.Close()
	}
	clear(k.open)
}

func (k *Proxy) accept() {
	for {
		in, err := k.Listener.Accept()
		if err != nil {
			return
		}
		k.all.Go(func() { k.pass(in) })
	}
}

// pass copies both ways until either side ends.
func (k *Proxy) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	k.mu.Lock()
	to, cut, tap := k.to, k.cut, k.tap
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
		copyAll(in, far{out, k.delay}, in, out)
	}()
	var sent io.Reader = in
	if tap != nil {
		sent = tap(in)
	}
	copyAll(out, sent, in, out)
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

// copyAll copies until one end is closed, and closes both.
func copyAll(to io.Writer, from io.Reader, ends ...net.Conn) {
	_, _ = io.Copy(to, from)
	for _, c := range ends {
		_ = c.Close()
	}
}
