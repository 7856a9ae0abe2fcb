package live

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// Redis goes away and comes back, empty, while a hundred subscribers of two nodes watch and both nodes write:
// every event comes, or a reset does.
func TestNodesRedisRestart(t *testing.T) {
	const readers, sockets, each = 20, 5, 12
	t.Parallel()
	a := apitest.New(t, apitest.Server)
	b := rig.StartAnother(t, a)
	nodes := []*apitest.Roost{a, b}
	crowd := a.SignUps(t, "crowd", readers)
	bob, carol := a.SignUp(t, "bob"), b.SignUp(t, "carol")
	apitest.Parallel(t, readers, func(i int) error {
		for _, u := range []*apitest.User{bob, carol} {
			if _, err := crowd[i].Try(`mutation($id: ID!) { followUser(input: {userId: $id}) { userErrors { code } } }`,
				apitest.Vars{"id": u.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	subscribed := make([]*rig.Reader, readers*sockets)
	for i := range subscribed {
		u := crowd[i/sockets]
		subscribed[i], _ = rig.ReadHome(t, nodes[i%2], u)
		subscribed[i].Connect(t, nodes[i%2])
	}
	tweets := func(text string) error {
		for i := range each {
			for n, u := range []*apitest.User{bob, carol} {
				if _, err := rig.UserOn(nodes[n], u).Try(`mutation($t: String!) { createTweet(input: {text: $t}) { userErrors { code } } }`,
					apitest.Vars{"t": fmt.Sprint(text, i)}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, phase := range []struct {
		name          string
		begin, midway func()
	}{
		{"before ", func() {}, func() {}},
		{"during ", a.Redis.Stop, a.Redis.Restart},
		{"hung ", a.Redis.Pause, a.Redis.Resume},
	} {
		phase.begin()
		if err := tweets(phase.name); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() { written <- tweets(phase.name + "until after ") }()
		phase.midway()
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	last := "+" + carol.Tweet(t, "the last one")
	var log []string
	db := a.DB(t)
	apitest.Until(t, "the log to be numbered", func() bool {
		log = rig.Logged(t, db, bob, carol)
		return log[len(log)-1] == last
	})
	resets := 0
	for _, rd := range subscribed {
		for i := 0; i < len(log); i++ {
			event, _ := rd.Next(t)
			if event[0] != '+' { // it replaces some of them
				resets++
				event, _ = rd.Next(t)
				for i < len(log) && log[i] != event {
					i++
				}
			}
			if i == len(log) || event != log[i] {
				t.Fatalf("event %d is %s, want %v", i, event, log[min(i, len(log)-1)])
			}
		}
	}
	t.Logf("%d subscribers got %d events each, with %d resets", len(subscribed), len(log), resets)
}

// A reader unfollows on one node while tweets are posted on both: on the other node nothing of theirs comes
// after the reset, and never what was posted after the answer.
func TestNodesUnfollowRacingTweets(t *testing.T) {
	const rounds = 15
	t.Parallel()
	a := apitest.New(t, apitest.Server)
	b := rig.StartAnother(t, a)
	ada, bob := a.SignUp(t, "ada"), a.SignUp(t, "bob")
	ada.Follow(t, bob.ID)
	rd, _ := rig.ReadHome(t, b, ada)
	rd.Connect(t, b)
	rd.Until(t, "+"+bob.Tweet(t, "the first one"))
	var posting atomic.Int64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			n := posting.Add(1)
			if _, err := rig.UserOn([]*apitest.Roost{a, b}[n%2], bob).Try(
				`mutation($t: String!) { createTweet(input: {text: $t}) { userErrors { code } } }`,
				apitest.Vars{"t": fmt.Sprint("#", n)}); err != nil {
				done <- err
				return
			}
		}
	}()
	for range rounds {
		ada.Unfollow(t, bob.ID)
		newest, fence, reset := posting.Load(), "+"+ada.Tweet(t, "unfollowed"), false
		for event := ""; event != fence; {
			var r *apitest.Response
			event, r = rd.Next(t)
			switch {
			case event == "TIMELINE_REBUILT":
				reset = true
			case reset && r.String("homeTimelineEvents.edge.node.author.id") == bob.ID:
				t.Fatalf("%s came after the reset of an unfollow", r.Data)
			}
			text := strings.TrimPrefix(r.String("homeTimelineEvents.edge.node.text"), "#")
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > newest {
				t.Fatalf("number %d was posted after the unfollow had been answered", n)
			}
		}
		if !reset {
			t.Fatal("an unfollow caused no reset")
		}
		rig.UserOn(b, ada).Follow(t, bob.ID)
		reset = false
		for seen := 0; seen < 2 || !reset; {
			event, r := rd.Next(t)
			reset = reset || event == "TIMELINE_REBUILT"
			if r.String("homeTimelineEvents.edge.node.author.id") == bob.ID {
				seen++
			}
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A client of one node that does not read is reset or closed, and the readers of both nodes get everything
// meanwhile.
func TestNodesASlowReader(t *testing.T) {
	const batches, batch = 25, 20
	t.Parallel()
	a := apitest.New(t, apitest.Server)
	b := rig.StartAnother(t, a)
	users := a.SignUps(t, "reader", 3)
	quick, slow, bob := users[0], users[1], users[2]
	quick.Follow(t, bob.ID)
	slow.Follow(t, bob.ID)
	var quicks []*rig.Reader
	for _, node := range []*apitest.Roost{a, b} {
		rd, _ := rig.ReadHome(t, node, quick)
		rd.Connect(t, node)
		rd.Until(t, "+"+quick.Tweet(t, "are you there?"))
		quicks = append(quicks, rd)
	}
	var fat strings.Builder // some 30 KB an event
	for i := range 40 {
		fmt.Fprintf(&fat, "t%d: text ", i)
	}
	begin, _ := rig.ReadHome(t, b, slow)
	conn := mute(t, rig.UserOn(b, slow), `subscription { homeTimelineEvents(after: "`+begin.Cursor+
		`") { ... on TimelineEntryAdded { edge { node { `+fat.String()+
		` } } } ... on TimelineReset { reason } } }`)
	params, post := "", ""
	for i := range batch {
		params += fmt.Sprintf("$t%d: String! ", i)
		post += fmt.Sprintf("m%d: createTweet(input: {text: $t%d}) { userErrors { code } } ", i, i)
	}
	for n := range batches {
		values := apitest.Vars{}
		for i := range batch {
			values[fmt.Sprint("t", i)] = fmt.Sprintf("%d %s", n*batch+i, strings.Repeat("語", 270))
		}
		bob.Must(t, "mutation("+params+") { "+post+" }", values)
		for _, rd := range quicks {
			for i := 0; i < batch; {
				_, r := rd.Next(t)
				got := number(r.String("homeTimelineEvents.edge.node.text"))
				if got == -1 && n == 0 {
					continue // the one before
				}
				if got != n*batch+i {
					t.Fatalf("event %d is %s", n*batch+i, r.Data)
				}
				i++
			}
		}
	}
	readOn(t, conn, batches*batch)
}
