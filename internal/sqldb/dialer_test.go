package sqldb_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/testtime"
)

// wire is a way to a server that can fall silent without being cut.
type wire struct {
	listener net.Listener

	mu     sync.Mutex
	server string
	silent bool
	conns  []net.Conn
}

// newWire returns a URL that leads to the database through a wire.
func newWire(t *testing.T, to string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{server: u.Host}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := w.listener.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			server := w.server
			w.mu.Unlock()
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			all.Go(func() { _, _ = io.Copy(out, in) })
			all.Go(func() { _, _ = io.Copy(quiet{in, w}, out) })
		}
	})
	t.Cleanup(func() {
		_ = w.listener.Close()
		w.cut()
		all.Wait()
	})
	u.Host = w.listener.Addr().String()
	return w, u.String()
}

func (w *wire) fallSilent(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = yes
}

// lead passes new connections on to the server of another URL; open ones stay where they are.
func (w *wire) lead(t *testing.T, to string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server = u.Host
}

// cut closes every connection at both ends.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// quiet swallows what is written while the wire is silent.
type quiet struct {
	net.Conn
	w *wire
}

func (q quiet) Write(b []byte) (int, error) {
	q.w.mu.Lock()
	silent := q.w.silent
	q.w.mu.Unlock()
	if silent {
		return len(b), nil
	}
	return q.Conn.Write(b)
}

// A server that falls silent does not keep statements or connections, and the pool is well once it speaks
// again.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	w, through := newWire(t, pgtest.URL(t))
	const patience = time.Second
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: through, MaxConns: 2, Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ask := func() error {
		// Long enough for what is being shown to fail the test by its limit of time, not by this one.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var one int
		return db.Writer().QueryRowContext(ctx, "SELECT 1").Scan(&one)
	}
	for range 2 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		w.fallSilent(true)
		began := time.Now()
		for range 3 { // more than there are connections
			if err := ask(); !sqldb.IsUnavailable(err) {
				t.Errorf("a silent server: %v", err)
			}
		}
		if took := time.Since(began); took > testtime.Patience {
			t.Errorf("a silent server kept statements for %s", took)
		}
		w.fallSilent(false)
	}
}
