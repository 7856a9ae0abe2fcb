package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"roost/server/transport"
)

// countedConn counts writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// countedListener accepts connections as the server's own listener makes them.
type countedListener struct {
	net.Listener
	conns  *connections
	writes atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: countedConn{c, &l.writes}, conns: l.conns, leave: func() {}, free: func() {}}, nil
}

// An answer that is written together takes one call, whatever its size, and arrives whole; also if it says too little or too much about
// its size, if the connection is closed afterwards, and if there is no body. Other answers are written as net/http does.
func TestAnswersAreWrittenTogether(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &countedListener{Listener: inner, conns: &connections{idle: make(chan struct{}, 1)}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		var size, says int
		if _, err := fmt.Sscanf(r.URL.RawQuery, "%d,%d", &size, &says); err != nil {
			t.Error(err)
		}
		if says > 0 {
			r.Context().Value(transport.ConnKey{}).(*boundedConn).Together(says)
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(bytes.Repeat([]byte{'x'}, size))
	}
	s := &http.Server{Handler: http.HandlerFunc(handler), ConnState: noteState, ConnContext: withConn}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	for _, c := range []struct {
		method     string
		size, says int
		close      bool
		most       int64
	}{
		{"GET", 7000, 7100, false, 1}, {"GET", 7000, 7100, true, 1}, {"GET", 3000, 3100, false, 1}, {"GET", 4000, 4100, false, 1},
		{"GET", 15_000, 15_100, false, 1}, {"GET", 7000, 0, false, 2}, {"GET", 7000, 10, false, 2}, {"GET", 7000, 9000, false, 1},
		{"GET", 10, 9000, false, 1}, {"HEAD", 7000, 7100, false, 1}, {"GET", 7000, 7100, false, 1},
	} {
		before := l.writes.Load()
		req, err := http.NewRequestWithContext(t.Context(), c.method, fmt.Sprintf("http://%s/?%d,%d", inner.Addr(), c.size, c.says), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = c.close
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		body, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		want := strings.Repeat("x", c.size)
		if c.method == http.MethodHead {
			want = ""
		}
		if err != nil || string(body) != want {
			t.Errorf("%+v: %d bytes, %v", c, len(body), err)
		}
		if writes := l.writes.Load() - before; writes > c.most {
			t.Errorf("%+v: %d writes, want at most %d", c, writes, c.most)
		}
	}
}
