package transport_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"roost/server/internal/testschema"
)

// working returns how many goroutines work for subscriptions of the process.
func working() int {
	buf := make([]byte, 64<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "transport.(*stream).work(")
}

// A subscription that waits has no goroutine. It gets every event nevertheless, and ends when its client completes it, when the
// client goes, and when the server drains.
func TestWaitingSubscriptionsHaveNoGoroutines(t *testing.T) {
	t.Parallel()
	const sockets, each = 10, 50
	f := start(t, bySession, func(s *setup) { s.socket.UserPoints = 1e6 })
	var all []*client
	for range sockets {
		c := f.session(t, 1, 1)
		for i := range each {
			c.say(subscribe(fmt.Sprint(i), "subscription{shared{seen}}"))
		}
		all = append(all, c)
	}
	eventually(t, "all to listen", func() bool { return f.res.Listeners() == sockets*each })
	for round := range 5 {
		// Other tests run at the same time and have subscriptions of other kinds, but not that many.
		eventually(t, "the goroutines to end", func() bool { return working() < sockets*each/2 })
		f.res.Broadcast(testschema.Item{ID: "1", Key: fmt.Sprint("event ", round)})
		for _, c := range all {
			got := map[string]bool{}
			for range each {
				text, err := c.read()
				if err != nil {
					t.Fatal(err)
				}
				got[text] = true
			}
			for i := range each {
				if want := strings.Replace(next("seen", "1 as nobody"), `"s"`, fmt.Sprintf(`"%d"`, i), 1); !got[want] {
					t.Fatalf("round %d lacks %s", round, want)
				}
			}
		}
	}
	for i := range each {
		all[0].say(fmt.Sprintf(`{"id":"%d","type":"complete"}`, i))
	}
	eventually(t, "the completed ones to end", func() bool { return f.res.Listeners() == (sockets-1)*each })
	_ = all[1].Close()
	eventually(t, "those of a client that has gone to end", func() bool { return f.res.Listeners() == (sockets-2)*each })
	if err := f.socket.Drain(t.Context()); err != nil || f.res.Listeners() != 0 {
		t.Errorf("after a drain %d subscriptions are open, %v", f.res.Listeners(), err)
	}
}

// Messages arrive whole and in order while the client reads so slowly that frames are sent in parts, and while pongs go between
// them.
func TestMessagesToASlowReaderAreWhole(t *testing.T) {
	t.Parallel()
	f := startTight(t, func(s *setup) { s.socket.SendBuffer, s.socket.Rate, s.socket.Burst = 4<<10, 1e6, 1e6 })
	c := f.connected(t)
	pongs := 0
	c.SetPongHandler(func(string) error { pongs++; return nil })
	const size, messages = 20_000, 300
	c.say(subscribe("s", fmt.Sprintf("subscription{flood(size:%d)}", size)))
	want := `{"id":"s","type":"next","payload":{"data":{"flood":"` + strings.Repeat("x", size) + `"}}}`
	for i := range messages {
		if i%10 == 0 {
			if err := c.WriteMessage(pingMessage, []byte("are you there?")); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.read(); err != nil || got != want {
			t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
		}
	}
	if pongs == 0 {
		t.Error("no ping was answered")
	}
}

// Messages of every length arrive as they are, at the lengths where the form of frames changes and where messages begin to go
// through the queue.
func TestMessagesOfAllLengths(t *testing.T) {
	t.Parallel()
	f := start(t)
	c := f.connected(t)
	const around = `{"id":"s","type":"next","payload":{"data":{"echo":""}}}`
	for _, size := range []int{len(around), 125, 126, 127, 1000, 32<<10 - 1, 32 << 10, 32<<10 + 1, 65535, 65536, 65537} {
		text := strings.Repeat("x", size-len(around))
		c.say(subscribe("s", `{echo(text:\"`+text+`\")}`))
		c.expect(strings.Replace(around, `""`, `"`+text+`"`, 1), `{"id":"s","type":"complete"}`)
	}
}

const pingMessage = 9 // websocket.PingMessage
