package apitest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Socket is a graphql-transport-ws connection.
type Socket struct {
	Conn    *websocket.Conn
	mu      sync.Mutex
	streams map[string]*Stream
	closed  chan struct{}
	err     error
	write   sync.Mutex
}

// Message is one message of the protocol.
type Message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
	order   int
}

// Stream is a running operation of a socket.
type Stream struct {
	ID     string
	socket *Socket
	// C gets the messages of the operation: next, error, complete.
	C chan Message
}

// streamBuffer is how many messages of a stream may be unread. No test leaves as many; beyond it the socket is not read.
const streamBuffer = 2048

// Dial opens a socket as the client, with its key or the cookies of its jar, and waits for the
// acknowledgement.
func (c *Client) Dial(t testing.TB) *Socket {
	t.Helper()
	s, err := c.TryDial()
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	t.Cleanup(func() { _ = s.Conn.Close() })
	return s
}

// TryDial is Dial for sockets that the server may refuse: it returns the error.
func (c *Client) TryDial() (*Socket, error) {
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: Patience, Jar: c.HTTP.Jar}
	conn, res, err := d.Dial("ws"+strings.TrimPrefix(c.URL, "http")+"/graphql", http.Header{})
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	init := map[string]any{"type": "connection_init"}
	if c.Key != "" {
		init["payload"] = map[string]any{"Authorization": "Bearer " + c.Key}
	}
	if err := conn.WriteJSON(init); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var ack Message
	_ = conn.SetReadDeadline(time.Now().Add(Patience))
	if err := conn.ReadJSON(&ack); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if ack.Type != "connection_ack" {
		return nil, errors.Join(errors.New("no acknowledgement but "+ack.Type), conn.Close())
	}
	_ = conn.SetReadDeadline(time.Time{})
	s := &Socket{Conn: conn, streams: map[string]*Stream{}, closed: make(chan struct{})}
	go s.read()
	return s, nil
}

func (s *Socket) read() {
	defer close(s.closed)
	for order := 1; ; order++ {
		m := Message{order: order}
		if err := s.Conn.ReadJSON(&m); err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		if m.Type == "ping" {
			_ = s.send(Message{Type: "pong"})
			continue
		}
		s.mu.Lock()
		st := s.streams[m.ID]
		s.mu.Unlock()
		if st != nil {
			st.C <- m
		}
	}
}

func (s *Socket) send(v any) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.Conn.WriteJSON(v)
}

// Subscribe starts an operation.
func (s *Socket) Subscribe(t testing.TB, query string, vars Vars) *Stream {
	t.Helper()
	st := &Stream{ID: Unique("op"), socket: s, C: make(chan Message, streamBuffer)}
	s.mu.Lock()
	s.streams[st.ID] = st
	s.mu.Unlock()
	err := s.send(map[string]any{"id": st.ID, "type": "subscribe", "payload": map[string]any{"query": query, "variables": vars}})
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	return st
}

// Next waits for the operation's next answer.
func (st *Stream) Next(t testing.TB) *Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	r, err := st.TryNext(ctx)
	if err != nil {
		t.Fatalf("wait for an event: %v", err)
	}
	return r
}

// TryNext waits for the operation's next answer, its end, or the socket's.
func (st *Stream) TryNext(ctx context.Context) (*Response, error) {
	select {
	case m := <-st.C:
		return decode(m)
	default:
	}
	select {
	case m := <-st.C:
		return decode(m)
	case <-st.socket.closed:
		select {
		case m := <-st.C:
			return decode(m)
		default:
			return nil, st.socket.Err()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ErrComplete is the error of TryNext when the operation has ended.
var ErrComplete = errors.New("the operation is complete")

func decode(m Message) (*Response, error) {
	r := &Response{Body: m.Payload, Order: m.order}
	switch m.Type {
	case "complete":
		return nil, ErrComplete
	case "error":
		return r, json.Unmarshal(m.Payload, &r.Errors)
	}
	if err := json.Unmarshal(m.Payload, r); err != nil {
		return nil, err
	}
	if len(r.Data) > 0 {
		return r, json.Unmarshal(r.Data, &r.data)
	}
	return r, nil
}

// Stop ends the operation.
func (st *Stream) Stop(t testing.TB) {
	t.Helper()
	if err := st.socket.send(Message{ID: st.ID, Type: "complete"}); err != nil {
		t.Fatalf("complete: %v", err)
	}
}

// Err returns why the socket was closed, nil while it is open.
func (s *Socket) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Closed waits until the server closes the socket and returns its close code, 0 if there was none.
func (s *Socket) Closed(t testing.TB) int {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	select {
	case <-s.closed:
	case <-deadline.C:
		t.Fatalf("the socket is still open after %s", Patience)
	}
	var ce *websocket.CloseError
	if errors.As(s.Err(), &ce) {
		return ce.Code
	}
	return 0
}
