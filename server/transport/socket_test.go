package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/pullstream"
	"roost/server/transport"
)

const (
	initMessage = `{"type":"connection_init"}`
	ackMessage  = `{"type":"connection_ack"}`
)

func subscribe(id, query string) string {
	return `{"id":"` + id + `","type":"subscribe","payload":{"query":"` + query + `"}}`
}

// Each row is a conversation: what the client sends, what it receives, and the code at the end; 0 if the
// connection must still be good then.
func TestProtocol(t *testing.T) {
	t.Parallel()
	const next1 = `{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`
	const next2 = `{"id":"1","type":"next","payload":{"data":{"ticks":2}}}`
	const complete1 = `{"id":"1","type":"complete"}`
	f := start(t, func(s *setup) { s.socket.MaxMessage = 4 << 10 })
	for _, c := range []struct {
		name     string
		anonym   bool // not initialised by the test
		say      []string
		expect   []string
		code     int
		closedBy string
	}{
		{name: "query", say: []string{subscribe("1", "{hello}")}, expect: []string{
			`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, complete1}},
		{name: "mutation", say: []string{subscribe("1", "mutation{signOut}")}, expect: []string{
			`{"id":"1","type":"next","payload":{"data":{"signOut":"signed out"}}}`, complete1}},
		{name: "subscription", say: []string{subscribe("1", "subscription{ticks(n:2)}")}, expect: []string{next1, next2, complete1}},
		{name: "an id again after its end", say: []string{subscribe("1", "subscription{ticks(n:1)}")}, expect: []string{next1, complete1}},
		{name: "an id that needs escapes", say: []string{`{"id":"\"\u00e9","type":"subscribe","payload":{"query":"{hello}"}}`},
			expect: []string{`{"id":"\"é","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"\"é","type":"complete"}`}},
		{name: "execution error", say: []string{subscribe("1", "{fail}")}, expect: []string{
			`{"id":"1","type":"next","payload":{"errors":[{"message":"the store is away","path":["fail"],` +
				`"extensions":{"code":"UNAVAILABLE"}}],"data":{"fail":null}}}`, complete1}},
		{name: "panic in a resolver", say: []string{subscribe("1", "{panic}")}, expect: []string{
			`{"id":"1","type":"next","payload":{"errors":[{"message":"internal error","path":["panic"],` +
				`"extensions":{"code":"INTERNAL"}}],"data":{"panic":null}}}`, complete1}},
		{name: "complete of nothing", say: []string{`{"id":"7","type":"complete"}`}},
		{name: "ping", say: []string{`{"type":"ping"}`, `{"type":"ping","payload":{"a": 1}}`, `{"type":"ping","payload":null}`},
			expect: []string{`{"type":"pong"}`, `{"type":"pong","payload":{"a": 1}}`, `{"type":"pong","payload":null}`}},
		{name: "pong", say: []string{`{"type":"pong"}`, `{"type":"pong","payload":{}}`}},

		{name: "ping before init", anonym: true, say: []string{`{"type":"ping"}`}, expect: []string{`{"type":"pong"}`}},
		{name: "subscribe before init", anonym: true, say: []string{subscribe("1", "{hello}")}, code: 4401},
		{name: "second init", say: []string{initMessage}, code: 4429},
		{name: "third init", anonym: true, say: []string{initMessage, initMessage}, expect: nil, code: 4429},
		{name: "not JSON", say: []string{`hello`}, code: 4400},
		{name: "empty", say: []string{``}, code: 4400},
		{name: "not JSON before init", anonym: true, say: []string{`{`}, code: 4400},
		{name: "trailing junk", say: []string{`{"type":"ping"}x`}, code: 4400},
		{name: "list", say: []string{`[]`}, code: 4400},
		{name: "null", say: []string{`null`}, code: 4400},
		{name: "no type", say: []string{`{}`}, code: 4400},
		{name: "type of a number", say: []string{`{"type":1}`}, code: 4400},
		{name: "unknown type", say: []string{`{"type":"start"}`}, code: 4400},
		{name: "next from a client", say: []string{`{"id":"1","type":"next","payload":{}}`}, code: 4400},
		{name: "ack from a client", say: []string{ackMessage}, code: 4400},
		{name: "init with text", anonym: true, say: []string{`{"type":"connection_init","payload":"x"}`}, code: 4400},
		{name: "init with a list", anonym: true, say: []string{`{"type":"connection_init","payload":[]}`}, code: 4400},
		{name: "ping with text", say: []string{`{"type":"ping","payload":"x"}`}, code: 4400},
		{name: "subscribe without id", say: []string{`{"type":"subscribe","payload":{"query":"{hello}"}}`}, code: 4400},
		{name: "empty id", say: []string{subscribe("", "{hello}")}, code: 4400},
		{name: "id of a number", say: []string{`{"id":1,"type":"subscribe","payload":{"query":"{hello}"}}`}, code: 4400},
		{name: "long id", say: []string{subscribe(strings.Repeat("1", 200), "{hello}")}, code: 4400},
		{name: "complete without id", say: []string{`{"type":"complete"}`}, code: 4400},
		{name: "subscribe without payload", say: []string{`{"id":"1","type":"subscribe"}`}, code: 4400},
		{name: "subscribe with a null payload", say: []string{`{"id":"1","type":"subscribe","payload":null}`}, code: 4400},
		{name: "subscribe without query", say: []string{`{"id":"1","type":"subscribe","payload":{}}`}, code: 4400},
		{name: "query of a number", say: []string{`{"id":"1","type":"subscribe","payload":{"query":1}}`}, code: 4400},
		{name: "variables of text", say: []string{`{"id":"1","type":"subscribe","payload":{"query":"{hello}","variables":"x"}}`}, code: 4400},
		{name: "same id twice", say: []string{subscribe("1", "subscription{silent}"), subscribe("1", "{hello}")}, code: 4409},
		{name: "invalid UTF-8", say: []string{"{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}"}, code: 4400},
		{name: "NUL in an id", say: []string{subscribe(`\u0000`, "{hello}")}, code: 4400},
		{name: "surrogate in a ping", say: []string{`{"type":"ping","payload":{"a":"\ud800"}}`}, code: 4400},
		{name: "deep ping", say: []string{`{"type":"ping","payload":{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`},
			code: 4400},
		{name: "too long", say: []string{`{"type":"ping","payload":{"a":"` + strings.Repeat("x", 5<<10) + `"}}`}, code: 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var ws *client
			if c.anonym {
				ws = f.dial(t)
			} else {
				ws = f.connected(t)
			}
			ws.say(c.say...)
			if c.name == "third init" { // the first may be acknowledged before the second is read
				if got, err := ws.read(); err == nil && got == ackMessage {
					ws.hearClose(c.code)
				} else if !websocket.IsCloseError(err, c.code) {
					t.Fatalf("got %s, %v", got, err)
				}
				return
			}
			ws.expect(c.expect...)
			if c.code != 0 {
				ws.hearClose(c.code)
				return
			}
			ws.say(`{"type":"ping"}`)
			ws.expect(`{"type":"pong"}`)
		})
	}
}

func TestBinaryFrame(t *testing.T) {
	t.Parallel()
	c := start(t).connected(t)
	if err := c.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	c.hearClose(4400)
}

// An operation that cannot run ends with `error`, and nothing follows it.
func TestOperationErrors(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.extensions = []graphql.HandlerExtension{panicker{}} })
	for name, c := range map[string]struct{ message, code string }{
		"syntax":               {subscribe("1", "{hello"), "BAD_REQUEST"},
		"validation":           {subscribe("1", "{nothing}"), "BAD_REQUEST"},
		"refused subscription": {subscribe("1", "subscription{refused}"), "UNAUTHENTICATED"},
		"panicking start":      {subscribe("1", "subscription{panic}"), "INTERNAL"},
		"panicking extension":  {subscribe("1", "{count(n:1)}"), "INTERNAL"},
		"variables": {`{"id":"1","type":"subscribe","payload":{"query":"query($n:Int){hello}","variables":{"n":"x"}}}`,
			"BAD_REQUEST"},
		"NUL in a variable": {`{"id":"1","type":"subscribe","payload":{"query":"query($t:String){echo(text:$t)}","variables":{"t":"\u0000"}}}`,
			"BAD_REQUEST"},
		"surrogate in a string": {`{"id":"1","type":"subscribe","payload":{"query":"{echo(text:\"\\ud800\")}"}}`, "BAD_REQUEST"},
		"deep variables": {`{"id":"1","type":"subscribe","payload":{"query":"{hello}","variables":{"a":` + strings.Repeat("[", 99) +
			strings.Repeat("]", 99) + `}}}`, "QUERY_TOO_COMPLEX"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := f.connected(t)
			ws.say(c.message)
			ws.hearError("1", c.code)
			ws.say(subscribe("1", "{hello}")) // nothing in between, and the id is free
			ws.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"1","type":"complete"}`)
		})
	}
}

// A stream that fails ends with `error`: it must not look like one that is over.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	c := start(t).connected(t)
	c.say(subscribe("1", "subscription{ticks(n:-2)}"))
	c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"1","type":"next","payload":{"data":{"ticks":2}}}`)
	c.hearError("1", "UNAVAILABLE")
	c.say(subscribe("1", "subscription{ticks(n:1)}"))
	c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"1","type":"complete"}`)
}

// An event that cannot be resolved at all is tried again, then it is replaced or the stream ends with its error. None is
// sent as null.
func TestEventsThatFail(t *testing.T) {
	t.Parallel()
	sound := func(id string) string {
		return `{"id":"1","type":"next","payload":{"data":{"faulty":{"id":"` + id + `","sound":"sound"}}}}`
	}
	for name, c := range map[string]struct {
		times   int
		code    string
		covered bool
		want    []string
		end     string // the code of the error that ends it; empty for a good end
	}{
		"tried again": {pullstream.Retries, "UNAVAILABLE", false, []string{sound("1"), sound("2"), sound("3")}, ""},
		"covered": {pullstream.Retries + 1, "UNAVAILABLE", true,
			[]string{sound("instead of 1"), sound("instead of 2"), sound("3")}, ""},
		"ended":                  {pullstream.Retries + 1, "UNAVAILABLE", false, nil, "UNAVAILABLE"},
		"an accident":            {1, "INTERNAL", true, []string{sound("1"), sound("2"), sound("3")}, ""},
		"no accident":            {2, "INTERNAL", true, []string{sound("instead of 1"), sound("instead of 2"), sound("3")}, ""},
		"hopeless":               {1, "BAD_REQUEST", true, []string{sound("instead of 1"), sound("instead of 2"), sound("3")}, ""},
		"hopeless and uncovered": {1, "BAD_REQUEST", false, nil, "BAD_REQUEST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := start(t).connected(t)
			ws.say(subscribe("1", fmt.Sprintf(`subscription{faulty(times:%d,code:\"%s\",covered:%t){id sound}}`, c.times, c.code, c.covered)))
			ws.expect(c.want...)
			if c.end == "" {
				ws.expect(`{"id":"1","type":"complete"}`)
			} else {
				ws.hearError("1", c.end)
			}
			ws.say(subscribe("1", "{hello}")) // nothing in between, and the id is free
			ws.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"1","type":"complete"}`)
		})
	}
}

// A client that completes an operation while an event is tried again receives nothing more of it.
func TestCompletedWhileAnEventIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := start(t)
	ws := f.connected(t)
	ws.say(subscribe("1", `subscription{faulty(times:100,code:\"UNAVAILABLE\",covered:true){id sound}}`), `{"id":"1","type":"complete"}`)
	eventually(t, "the operation ends", func() bool { return f.seen.has("socket subscription OK") })
	ws.say(subscribe("1", "{hello}"))
	ws.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"1","type":"complete"}`)
}

// A field of an event that panics spoils that event, not the stream.
func TestPanicInAnEvent(t *testing.T) {
	t.Parallel()
	c := start(t).connected(t)
	c.say(subscribe("1", "subscription{panickingItems{id panic}}"))
	for _, id := range []string{"0", "1"} {
		c.expect(`{"id":"1","type":"next","payload":{"errors":[{"message":"internal error","path":["panickingItems","panic"],` +
			`"extensions":{"code":"INTERNAL"}}],"data":{"panickingItems":{"id":"` + id + `","panic":null}}}}`)
	}
	c.expect(`{"id":"1","type":"complete"}`)
}

func TestSubprotocols(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct {
		offer  []string
		chosen string
		code   int
	}{
		{[]string{"graphql-transport-ws"}, "graphql-transport-ws", 0},
		{[]string{"graphql-ws", "graphql-transport-ws"}, "graphql-transport-ws", 0},
		{[]string{"graphql-ws"}, "graphql-ws", 4406},
		{[]string{"chat", "graphql-ws"}, "chat", 4406},
		{[]string{""}, "", 4406},
	} {
		ws := f.dial(t, c.offer...)
		if ws.Subprotocol() != c.chosen {
			t.Errorf("%v: chose %q", c.offer, ws.Subprotocol())
		}
		if c.code != 0 {
			ws.hearClose(c.code)
			continue
		}
		ws.say(initMessage)
		ws.expect(ackMessage)
	}
}

func TestInitTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) { s.socket.InitTimeout = 2 * time.Second })
	f.dial(t).hearClose(4408)
	c := f.connected(t) // one that came in time stays
	c.say(`{"type":"ping"}`)
	c.expect(`{"type":"pong"}`)
}

func TestInitDecides(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.InitTimeout = 3 * time.Second // also for those who are in time on a busy machine
		s.socket.Init = func(ctx context.Context, r *http.Request, payload map[string]any) (transport.InitResult, error) {
			switch payload["as"] {
			case "nobody":
				return transport.InitResult{}, errs.New(errs.Unauthenticated, "no")
			case "stranger":
				return transport.InitResult{}, errors.New("no")
			case "anybody":
				return transport.InitResult{}, errs.Busy("the store", time.Second)
			case "late":
				<-ctx.Done()
				return transport.InitResult{}, ctx.Err()
			case "panic":
				panic("a secret")
			}
			return transport.InitResult{Ctx: func(ctx context.Context) context.Context {
				return caller.With(ctx, caller.New(7, 8))
			}}, nil
		}
	})
	for as, code := range map[string]int{"nobody": 4403, "stranger": 1011, "anybody": 1013, "late": 1013, "panic": 1011} {
		ws := f.dial(t)
		ws.say(`{"type":"connection_init","payload":{"as":"` + as + `"}}`)
		ws.hearClose(code)
	}
	ws := f.dial(t)
	ws.say(`{"type":"connection_init","payload":{"as":"me"}}`)
	ws.expect(ackMessage)
	ws.say(subscribe("1", "{whoami}"))
	ws.expect(`{"id":"1","type":"next","payload":{"data":{"whoami":"user 7 session 8 agent  cookies false"}}}`, `{"id":"1","type":"complete"}`)
}

// The `subscribe` before the acknowledgement is refused even if the init is under way.
func TestSubscribeWhileInitRuns(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *setup) {
		s.socket.Init = func(ctx context.Context, _ *http.Request, _ map[string]any) (transport.InitResult, error) {
			<-ctx.Done()
			return transport.InitResult{}, ctx.Err()
		}
	})
	c := f.dial(t)
	c.say(initMessage, subscribe("1", "{hello}"))
	c.hearClose(4401)
}

func TestNothingAfterComplete(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	for range 50 {
		c.say(subscribe("1", "subscription{flood(size:1000)}"))
		if got, err := c.read(); err != nil || !strings.Contains(got, `"next"`) {
			t.Fatalf("got %s, %v", got, err)
		}
		c.say(`{"id":"1","type":"complete"}`, `{"type":"ping"}`)
		afterPong := false
		for !afterPong {
			got, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			// What was on its way may arrive before the pong, a complete never.
			if strings.Contains(got, `"complete"`) {
				t.Fatalf("got %s", got)
			}
			afterPong = got == `{"type":"pong"}`
		}
		c.say(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
	}
	eventually(t, "the floods end", func() bool { return f.res.Running.Load() == 0 })
}

func TestManyOperationsAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	c.say(subscribe("q", "{gate}"), subscribe("s", "subscription{ticks(n:1)}"))
	c.expect(`{"id":"s","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"s","type":"complete"}`)
	close(f.res.Gate)
	c.expect(`{"id":"q","type":"next","payload":{"data":{"gate":"open"}}}`, `{"id":"q","type":"complete"}`)
}
