package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
	"roost/server/internal/testschema"
	"roost/server/transport"
)

// bySession lets sockets in as the user and session that their first message names.
func bySession(s *setup) {
	s.socket.Init = func(_ context.Context, _ *http.Request, payload map[string]any) (transport.InitResult, error) {
		user, session := number(payload["user"]), number(payload["session"])
		return transport.InitResult{UserID: user, SessionID: session, Ctx: func(ctx context.Context) context.Context {
			return caller.With(ctx, caller.New(user, session))
		}}, nil
	}
}

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// session is a socket of a user's session.
func (f *fixture) session(t *testing.T, user, session int) *client {
	t.Helper()
	c := f.dial(t)
	c.say(fmt.Sprintf(`{"type":"connection_init","payload":{"user":%d,"session":%d}}`, user, session))
	c.expect(ackMessage)
	return c
}

// next is an event of the operation "s" with what `seen` says, under a name.
func next(name, seen string) string {
	return fmt.Sprintf(`{"id":"s","type":"next","payload":{"data":{"shared":{"%s":"%s"}}}}`, name, seen)
}

// Each subscriber gets its own view of an event, whatever others have made of the same event in the same moment.
func TestEventsAreSharedByEqualSubscriptionsOnly(t *testing.T) {
	t.Parallel()
	f := start(t, bySession)
	const (
		plain = "subscription{shared{seen}}"
		asked = "subscription($a:String){shared(for:$a){seen}}"
		named = "subscription($a:String,$b:String){shared(for:$a){seen(as:$b)}}"
		deep  = "subscription($b:String){...f} fragment f on Subscription{shared{...g}} fragment g on Item{...on Item{seen(as:$b)}}"
		skip  = "subscription($c:Boolean!){shared{seen no:seen @skip(if:$c)}}"
		two   = "subscription A{shared{seen}} subscription B{shared{seen(as:\\\"B\\\")}}"
	)
	cases := []struct {
		user, session int
		query, rest   string // rest of the payload
		want          string
		group         string // of subscriptions that may share
	}{
		{1, 1, plain, "", next("seen", "1 as nobody"), "plain"},
		{1, 1, plain, "", next("seen", "1 as nobody"), "plain"},
		{1, 2, plain, "", next("seen", "1 as nobody"), "other session"},
		{2, 3, plain, "", next("seen", "2 as nobody"), "other user"},
		{0, 0, plain, "", next("seen", "0 as nobody"), "nobody"},
		{0, 0, plain, "", next("seen", "0 as nobody"), "nobody"},
		{1, 1, "subscription{shared{me:seen}}", "", next("me", "1 as nobody"), "alias"},
		{1, 1, asked, `,"variables":{"a":"x"}`, next("seen", "1 as nobody"), "asked"},
		{1, 1, asked, `,"variables":{"a":"y"}`, next("seen", "1 as nobody"), "asked"},
		{1, 1, named, `,"variables":{"a":"x","b":"x"}`, next("seen", "1 as x"), "named x"},
		{1, 1, named, `,"variables":{"a":"y","b":"x"}`, next("seen", "1 as x"), "named x"},
		{1, 1, named, `,"variables":{"a":"x","b":"y"}`, next("seen", "1 as y"), "named y"},
		{1, 1, deep, `,"variables":{"b":"x"}`, next("seen", "1 as x"), "deep x"},
		{1, 1, deep, `,"variables":{"b":"y"}`, next("seen", "1 as y"), "deep y"},
		{1, 1, skip, `,"variables":{"c":true}`, next("seen", "1 as nobody"), "skip"},
		{1, 1, skip, `,"variables":{"c":false}`,
			strings.Replace(next("seen", "1 as nobody"), `"}}}}`, `","no":"1 as nobody"}}}}`, 1), "no skip"},
		{1, 1, two, `,"operationName":"A"`, next("seen", "1 as nobody"), "A"},
		{1, 1, two, `,"operationName":"B"`, next("seen", "1 as B"), "B"},
	}
	clients := make([]*client, len(cases))
	groups := map[string]bool{}
	for i, c := range cases {
		groups[c.group] = true
		clients[i] = f.session(t, c.user, c.session)
		clients[i].say(fmt.Sprintf(`{"id":"s","type":"subscribe","payload":{"query":"%s"%s}}`, c.query, c.rest))
	}
	eventually(t, "all to listen", func() bool { return f.res.Listeners() == len(cases) })
	for round := range 20 {
		f.res.Broadcast(testschema.Item{ID: "1", Key: fmt.Sprint("event ", round)})
		for i, c := range cases {
			if got, err := clients[i].read(); err != nil || got != c.want {
				t.Fatalf("%d: want %s\n got %s, %v", i, c.want, got, err)
			}
		}
	}
	made, views := f.res.Seen.Load(), int64(20*(len(groups)+1)) // one group has the field twice
	t.Logf("%d views of 20 events were made %d times for %d subscriptions", views/20, made, len(cases))
	if made < views {
		t.Errorf("different views were made only %d times, less than %d", made, views)
	}
}

// Many equal subscriptions cost little more than one.
func TestEqualSubscriptionsAreServedOnce(t *testing.T) {
	t.Parallel()
	const clients, rounds = 40, 10
	f := start(t, bySession)
	var all []*client
	for range clients {
		c := f.session(t, 1, 1)
		c.say(subscribe("s", "subscription{shared{seen}}"))
		all = append(all, c)
	}
	eventually(t, "all to listen", func() bool { return f.res.Listeners() == clients })
	for round := range rounds {
		f.res.Broadcast(testschema.Item{ID: "1", Key: fmt.Sprint("event ", round)})
		for _, c := range all {
			c.expect(next("seen", "1 as nobody"))
		}
	}
	if n := f.res.Seen.Load(); n > clients*rounds/4 {
		t.Errorf("%d events were made %d times for %d subscriptions", rounds, n, clients)
	}
}

// What one of equal subscriptions cannot make, the others make themselves.
func TestFailedEventsAreNotShared(t *testing.T) {
	t.Parallel()
	const clients = 10
	f := start(t, bySession)
	var all []*client
	for range clients {
		c := f.session(t, 1, 1)
		c.say(subscribe("s", "subscription{shared{seen}}"))
		all = append(all, c)
	}
	eventually(t, "all to listen", func() bool { return f.res.Listeners() == clients })
	f.res.SeenFaults.Store(1)
	f.res.Broadcast(testschema.Item{ID: "1", Key: "event"})
	failed := 0
	for _, c := range all {
		got, err := c.read()
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.Contains(got, `"type":"error"`):
			failed++
		case got != next("seen", "1 as nobody"):
			t.Error(got)
		}
	}
	if failed != 1 {
		t.Errorf("%d fail instead of the one whose field fails", failed)
	}
}

// A user's open subscriptions may cost so much together, over all sockets; what ends is given back, also when its
// socket dies.
func TestSubscriptionsOfAUserHaveABudget(t *testing.T) {
	t.Parallel()
	f := start(t, bySession, func(s *setup) {
		s.socket.UserPoints, s.socket.Rate, s.socket.Burst = 150, 1e6, 1e6
		s.socket.Cost = func(oc *graphql.OperationContext) int { return len(oc.RawQuery) }
	})
	silent := func(name string) string { return "subscription " + name + "{silent}" }
	first, second := f.session(t, 1, 1), f.session(t, 1, 2)
	first.say(subscribe("1", silent("A")), subscribe("2", silent("B")))
	eventually(t, "both to run", func() bool { return f.res.Running.Load() == 2 })
	second.say(subscribe("3", silent("C")))
	second.hearError("3", "RATE_LIMITED")
	second.say(subscribe("4", "subscription{ticks(n:1)} # "+strings.Repeat("x", 150)))
	second.hearError("4", "QUERY_TOO_COMPLEX")
	second.say(subscribe("5", "{hello}")) // other operations have limits of their own
	second.expect(`{"id":"5","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"5","type":"complete"}`)
	other := f.session(t, 2, 3)
	other.say(subscribe("1", silent("C")))
	eventually(t, "another user's to run", func() bool { return f.res.Running.Load() == 3 })

	room := func() bool {
		second.say(subscribe("6", "subscription{ticks(n:1)}"))
		got, err := second.read()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, "RATE_LIMITED") {
			return false
		}
		second.expect(`{"id":"6","type":"complete"}`)
		return true
	}
	if room() {
		t.Error("there is room for one more")
	}
	first.say(`{"id":"1","type":"complete"}`)
	eventually(t, "room for one more", room)
	second.say(subscribe("7", silent("C")))
	eventually(t, "it to run", func() bool { return f.res.Running.Load() == 3 })
	if room() {
		t.Error("there is room for one more")
	}
	_ = first.Close()
	eventually(t, "room for one more", room)
}
