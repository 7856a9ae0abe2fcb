package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/internal/errs"
	"roost/server"
	"roost/server/internal/testschema"
	"roost/server/transport"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// accounts is an Authenticator with the keys key-1 to key-9 of the users 1 to 9, whose sessions the test
// ends; it can be away.
type accounts struct {
	mu       sync.Mutex
	away     bool
	sessions map[int64]ending
	watching int
}

var errAway = errors.New("dial tcp 10.0.0.1:5432: a secret address")

func (a *accounts) Authenticate(_ context.Context, key string) (server.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away {
		return server.Session{}, errAway
	}
	digit, ok := strings.CutPrefix(key, "key-")
	if !ok || len(digit) != 1 {
		return server.Session{}, errs.New(errs.Unauthenticated, "unknown key")
	}
	id := int64(digit[0] - '0')
	select {
	case <-a.session(id).Done():
		return server.Session{}, errs.New(errs.Unauthenticated, "ended")
	default:
		return server.Session{UserID: id, SessionID: id * 10}, nil
	}
}

func (a *accounts) Watch(session int64) (context.Context, func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watching++
	return a.session(session / 10).Context, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.watching--
	}
}

// ending is a session's context, with what ends it.
type ending struct {
	context.Context
	end context.CancelFunc
}

// session is the one of a user; a.mu is held.
func (a *accounts) session(user int64) ending {
	if a.sessions == nil {
		a.sessions = map[int64]ending{}
	}
	if a.sessions[user].Context == nil {
		ctx, end := context.WithCancel(context.Background())
		a.sessions[user] = ending{ctx, end}
	}
	return a.sessions[user]
}

func (a *accounts) endSession(user int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.session(user).end()
}

func (a *accounts) setAway(away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = away
}

type fixture struct {
	*server.Server
	url      string
	res      *testschema.Resolvers
	accounts *accounts
}

func config(res *testschema.Resolvers, who server.Authenticator) server.Config {
	return server.Config{
		Addr:           "127.0.0.1:0",
		AdminAddr:      "127.0.0.1:0",
		Schema:         testschema.NewExecutableSchema(testschema.Config{Resolvers: res}),
		SDL:            "type Query { hello: String! }",
		ErrorPresenter: testschema.Present,
		Recover:        testschema.Recover,
		Authenticator:  who,
		Log:            slog.New(slog.DiscardHandler),
	}
}

// start runs a server on ports of its own.
func start(t *testing.T, change ...func(*server.Config)) *fixture {
	t.Helper()
	f := &fixture{
		res:      &testschema.Resolvers{Gate: make(chan struct{}), Ended: make(chan struct{})},
		accounts: &accounts{},
	}
	cfg := config(f.res, f.accounts)
	for _, c := range change {
		c(&cfg)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Server, f.url = s, "http://"+s.Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return f
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) has(status int, part string) bool {
	return a.status == status && strings.Contains(a.body, part)
}

// send makes a request on a connection of its own; headers are pairs.
func send(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

func (f *fixture) query(t *testing.T, query string, headers ...string) answer {
	t.Helper()
	raw, _ := json.Marshal(map[string]string{"query": query})
	return send(t, "POST", f.url+"/graphql", string(raw), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// dial opens a socket and initialises it with the payload, if there is one.
func (f *fixture) dial(t *testing.T, payload string, headers ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	d := websocket.Dialer{Subprotocols: []string{transport.Subprotocol}, HandshakeTimeout: patience}
	ws, resp, err := d.Dial("ws"+strings.TrimPrefix(f.url, "http")+"/graphql", h)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { _ = ws.Close() })
	init := `{"type":"connection_init"}`
	if payload != "" {
		init = `{"type":"connection_init","payload":` + payload + `}`
	}
	say(t, ws, init)
	return ws, resp, nil
}

func say(t *testing.T, ws *websocket.Conn, message string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next message, or the code that the socket was closed with.
func receive(t *testing.T, ws *websocket.Conn) (string, int) {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := ws.ReadMessage()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return "", closed.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), 0
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, what, ok)
}
