package live

import (
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// homeOverEvents subscribes without `after`: only the header Last-Event-ID makes a stream continue. It does not ask for cursors.
const homeOverEvents = `subscription { homeTimelineEvents { __typename
	... on TimelineEntryAdded { edge { node { id text } } }
	... on TimelineEntryRemoved { tweetId }
	... on TimelineReset { reason } } }`

// An EventSource that loses its connection again and again, also before its first event, and comes back to any node while several
// write, gets each event once, in the order of the log.
func TestEventStreamsContinueOnAnyNode(t *testing.T) {
	const each = 20
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		users := a.SignUps(t, "writer", 4)
		ada := users[0]
		for _, u := range users[1:] {
			ada.Follow(t, u.ID)
		}
		nodes := []*apitest.Roost{a, b}
		stream := beginEvents(t, ada)
		before := len(rig.Logged(t, a.DB(t), users...))
		wait := traffic(nodes, users, each)
		failed := make(chan error, 1)
		const end = "it ends"
		go func() {
			err := wait()
			if err == nil {
				_, err = ada.Try(`mutation { createTweet(input: {text: "`+end+`"}) { tweet { id } userErrors { code } } }`, nil)
			}
			failed <- err
		}()
		rnd := rand.New(rand.NewPCG(7, 7))
		var got []string
		streams := 1
		for left, ended := 3, false; !ended; left-- {
			for left <= 0 {
				stream.Leave()
				stream = rig.UserOn(nodes[rnd.IntN(2)], ada).Events(t, homeOverEvents, nil, stream.LastID)
				left = rnd.IntN(10)
				streams++
			}
			r, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			event := rig.HomeEvent(t, r)
			got = append(got, event)
			ended = event[0] == '+' && r.String("homeTimelineEvents.edge.node.text") == end
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		t.Logf("%d events over %d streams", len(got), streams)
		rig.ExpectLog(t, got, rig.Logged(t, a.DB(t), users...)[before:])
	})
}

// A stream that has received no event yet misses nothing when its node stops: it ends without `complete`, and continues elsewhere,
// or on the same node when that has started again.
func TestEventStreamsContinueAfterARestart(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		bob, ada := a.SignUp(t, "bob"), a.SignUp(t, "ada")
		ada.Follow(t, bob.ID)
		beginEvents(t, ada).Leave()
		stream := ada.Events(t, homeOverEvents, nil, "") // begins anew, and gets no event
		stream.Begun(t)
		a.Stop()
		if r, err := stream.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("the stream of a node that stopped: %v, %v", r, err)
		}
		if a.Mode == apitest.Embedded {
			b = apitest.Start(t, a.Config)
		}
		var missed []string
		for range 5 {
			missed = append(missed, rig.UserOn(b, bob).Tweet(t, "meanwhile"))
		}
		stream = rig.UserOn(b, ada).Events(t, homeOverEvents, nil, stream.LastID)
		missed = append(missed, rig.UserOn(b, bob).Tweet(t, "now"))
		expectTweets(t, stream, missed...)
		again := rig.UserOn(b, ada).Events(t, homeOverEvents, nil, stream.LastID)
		expectTweets(t, again, rig.UserOn(b, bob).Tweet(t, "the last"))
	})
}

// beginEvents opens a stream, and reads it up to a tweet of the user. What they did before is then behind it.
func beginEvents(t *testing.T, u *apitest.User) *apitest.Events {
	t.Helper()
	stream := u.Events(t, homeOverEvents, nil, "")
	stream.Begun(t)
	first := u.Tweet(t, "it begins")
	for {
		r, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if rig.HomeEvent(t, r) == "+"+first {
			return stream
		}
	}
}

// expectTweets wants exactly these tweets next.
func expectTweets(t *testing.T, stream *apitest.Events, tweets ...string) {
	t.Helper()
	for _, id := range tweets {
		r, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := rig.HomeEvent(t, r); got != "+"+id {
			t.Fatalf("got %s, want +%s", got, id)
		}
	}
}
