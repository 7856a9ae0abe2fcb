package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"roost/server"
)

// While a server drains every answer closes its connection, so that a proxy sends the next request elsewhere.
func TestDrainClosesConnectionsWithTheirAnswers(t *testing.T) {
	t.Parallel()
	f := start(t)
	closes := func() bool {
		res, err := http.Get(f.url + "/graphql?query={hello}")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the answer is %s", res.Status)
		}
		return res.Close
	}
	if closes() {
		t.Error("a connection is closed before the drain")
	}
	f.Drain()
	if !closes() {
		t.Error("a connection is kept while the server drains")
	}
}

// Who has connected before the server stops to listen is answered, also when the request comes after that.
func TestStopAnswersWhoHasConnected(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			testStopAnswersWhoHasConnected(t, addr)
		})
	}
}

func testStopAnswersWhoHasConnected(t *testing.T, on string) {
	f := start(t, func(c *server.Config) { c.Addr, c.PerAddress = on, 1000 })
	addr := strings.TrimPrefix(f.url, "http://")
	dial := func() (net.Conn, error) { return new(net.Dialer).DialContext(t.Context(), "tcp", addr) }
	const clients = 200
	conns := make([]net.Conn, clients)
	for i := range conns {
		var err error
		if conns[i], err = dial(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conns[i].Close() }()
	}
	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop(context.Background()) }()
	eventually(t, "nobody listens", func() bool {
		c, err := dial()
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	lost := 0
	for _, c := range conns {
		const body = `{"query":"{hello}"}`
		_, err := io.WriteString(c, "POST /graphql HTTP/1.1\r\nHost: "+addr+"\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"+
			body)
		if err != nil {
			lost++
			continue
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusOK {
			lost++
			continue
		}
		_ = res.Body.Close()
	}
	if lost > 0 {
		t.Errorf("%d of %d clients that had connected were not answered", lost, clients)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
