package live

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// mute subscribes over a socket that nobody reads: what comes piles up in the kernel, then in the node.
func mute(t testing.TB, u *apitest.User, query string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, res, err := d.Dial("ws"+strings.TrimPrefix(u.URL, "http")+"/graphql", nil)
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	write := func(v any) {
		if err := conn.WriteJSON(v); err != nil {
			t.Fatal(err)
		}
	}
	write(map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + u.Key}})
	var ack apitest.Message
	if err := conn.ReadJSON(&ack); err != nil || ack.Type != "connection_ack" {
		t.Fatalf("no acknowledgement but %+v, %v", ack, err)
	}
	write(map[string]any{"id": "mute", "type": "subscribe", "payload": map[string]any{"query": query}})
	return conn
}

// A client that does not read loses its queue or its socket, never an entry in silence, and nobody else
// waits for it.
func TestAReaderThatDoesNotRead(t *testing.T) {
	const batches, batch = 25, 20
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		users := r.SignUps(t, "reader", 3)
		quick, slow, bob := users[0], users[1], users[2]
		quick.Follow(t, bob.ID)
		slow.Follow(t, bob.ID)
		st := rig.WatchHome(t, quick, quick.Dial(t))
		var fat strings.Builder // some 30 KB an event
		for i := range 40 {
			fmt.Fprintf(&fat, "t%d: text ", i)
		}
		conn := mute(t, slow, `subscription { homeTimelineEvents { ... on TimelineEntryAdded { edge { node { `+fat.String()+
			` } } } ... on TimelineReset { reason } } }`)
		slow.Tweet(t, "may or may not be seen")

		var post strings.Builder
		for i := range batch {
			fmt.Fprintf(&post, "m%d: createTweet(input: {text: $t%d}) { userErrors { code } } ", i, i)
		}
		params, values := "", apitest.Vars{}
		for i := range batch {
			params += fmt.Sprintf("$t%d: String! ", i)
		}
		for n := range batches {
			for i := range batch {
				values[fmt.Sprint("t", i)] = fmt.Sprintf("%d %s", n*batch+i, strings.Repeat("語", 270))
			}
			bob.Must(t, "mutation("+params+") { "+post.String()+" }", values)
			for i := range batch { // the quick one gets everything, in order, while the other reads nothing
				event := st.Next(t)
				if got := number(event.String("homeTimelineEvents.edge.node.text")); got != n*batch+i {
					t.Fatalf("event %d is %s", n*batch+i, event.Data)
				}
			}
		}
		readOn(t, conn, batches*batch)
	})
}

// number is the one that a text starts with, -1 if there is none.
func number(text string) int {
	head, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(head)
	if err != nil {
		return -1
	}
	return n
}

// readOn reads what is left for the slow one: entries without a hole until a reset or the end of the
// socket.
func readOn(t *testing.T, conn *websocket.Conn, posted int) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(apitest.Patience)); err != nil {
		t.Fatal(err)
	}
	seen := -1
	for {
		var m struct {
			Payload struct {
				Data struct {
					HomeTimelineEvents struct {
						Reason string
						Edge   struct{ Node map[string]string }
					}
				}
			}
		}
		_, raw, err := conn.ReadMessage()
		if err != nil {
			t.Logf("%d of %d entries, then the socket was closed: %v", seen+1, posted, err)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("entries are missing and nobody says so")
			}
			return
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		event := m.Payload.Data.HomeTimelineEvents
		if event.Reason == "CLIENT_TOO_SLOW" {
			t.Logf("%d of %d entries, then a reset", seen+1, posted)
			return
		}
		if n := number(event.Edge.Node["t0"]); n != seen+1 {
			if n == -1 && seen == -1 {
				continue // the one before
			}
			t.Fatalf("entry %d comes after %d: %.200s", n, seen, raw)
		} else if seen = n; seen == posted-1 {
			t.Fatalf("%d entries of 30 KB waited for a client that did not read", posted)
		}
	}
}
