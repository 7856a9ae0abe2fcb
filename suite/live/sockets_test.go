package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/testkit/apitest"
)

// needFiles makes sure that this process, and those that it starts, may have so many sockets open.
func needFiles(t testing.TB, sockets int) {
	t.Helper()
	const besides = 500
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// Go raises the soft limit of every program to the hard one.
	if limit.Max < uint64(sockets+besides) {
		t.Fatalf("%d sockets need a hard limit of %d open files, here it is %d: raise it (ulimit -Hn, or LimitNOFILE of the service)",
			sockets, sockets+besides, limit.Max)
	}
}

// perAddress is how many sockets the tests open from one address, below what nodes allow.
const perAddress = 500

// light is a socket that costs the test little: nothing reads it but its owner. It comes from an address
// of 127.0.0.0/8 that the number picks.
type light struct{ *websocket.Conn }

// lightBuffers are shared by all light sockets.
var lightBuffers sync.Pool

// dialLight opens a socket, and waits for the acknowledgement.
func dialLight(ctx context.Context, url, key string, number int) (light, error) {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+number/perAddress))}}
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: apitest.Patience,
		NetDialContext: from.DialContext, ReadBufferSize: 512, WriteBufferSize: 512, WriteBufferPool: &lightBuffers}
	conn, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http")+"/graphql", nil)
	if err != nil {
		return light{}, err
	}
	s := light{conn}
	init := map[string]any{"type": "connection_init"}
	if key != "" {
		init["payload"] = map[string]any{"Authorization": "Bearer " + key}
	}
	var ack apitest.Message
	err = errors.Join(res.Body.Close(), conn.WriteJSON(init), s.patient(), conn.ReadJSON(&ack))
	if err == nil && ack.Type != "connection_ack" {
		err = errors.New("no acknowledgement but " + ack.Type)
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return light{}, errors.Join(err, conn.Close())
	}
	return s, nil
}

// patient lets the next reads fail if they take longer than a test waits.
func (s light) patient() error { return s.SetReadDeadline(time.Now().Add(apitest.Patience)) }

// subscribe starts an operation.
func (s light) subscribe(query string, vars apitest.Vars) error {
	return s.WriteJSON(map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": query, "variables": vars}})
}

// errBusy is the error of a node that cannot begin an operation now. A client tries it again.
var errBusy = errors.New("the node is busy")

// next reads the data of the next answer.
func (s light) next(data any) error {
	_, raw, err := s.ReadMessage()
	if err != nil {
		return err
	}
	kind := struct{ Type string }{}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	if kind.Type == "error" && strings.Contains(string(raw), `"UNAVAILABLE"`) {
		return fmt.Errorf("%w: %s", errBusy, raw)
	}
	m := struct {
		Type    string
		Payload struct {
			Data   any
			Errors []any
		}
	}{}
	m.Payload.Data = data
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	if m.Type != "next" || len(m.Payload.Errors) > 0 {
		return fmt.Errorf("not an answer with data: %s", raw)
	}
	return nil
}

// gather does something for each of n sockets, a few at a time, as independent clients come.
func gather(t testing.TB, n int, fn func(i int) error) {
	t.Helper()
	const atOnce = 32
	apitest.Parallel(t, atOnce, func(worker int) error {
		for i := worker; i < n; i += atOnce {
			if err := fn(i); err != nil {
				return fmt.Errorf("socket %d: %w", i, err)
			}
		}
		return nil
	})
}
