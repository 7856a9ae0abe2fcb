package live

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A client that comes back to the other node with the cursor of the last event that it got gets what it
// missed: no more, no less, in the order of the log, whatever happened to Redis or the nodes meanwhile.
func TestNodesReconnectWithACursor(t *testing.T) {
	const missed = 50
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		bob, ada, dave := a.SignUp(t, "bob"), a.SignUp(t, "ada"), a.SignUp(t, "dave")
		ada.Follow(t, bob.ID)
		db := a.DB(t)
		rd, _ := rig.ReadHome(t, a, ada)
		rd.Connect(t, a)
		rd.Until(t, "+"+bob.Tweet(t, "the first one"))
		nodes := []*apitest.Roost{b, a}
		meanwhile := []struct {
			name   string
			happen func(t *testing.T)
		}{
			{"nothing", func(*testing.T) {}},
			{"Redis is flushed", func(*testing.T) { a.Redis.FlushAll() }},
			{"Redis starts again", func(*testing.T) { a.Redis.Restart() }},
			{"Redis is away", func(*testing.T) { a.Redis.Stop() }},
			{"the nodes start again", func(t *testing.T) {
				a.Stop()
				if a.Mode == apitest.Embedded {
					nodes[0] = apitest.Start(t, a.Config)
					nodes[1] = nodes[0]
					return
				}
				b.Stop()
				nodes[0], nodes[1] = rig.StartAnother(t, a), rig.StartAnother(t, a)
			}},
		}
		for round, m := range meanwhile {
			if a.Redis == nil && round > 0 && round < 4 {
				continue // there is no Redis that could be disturbed
			}
			rd.Leave()
			before := len(rig.Logged(t, db, ada, bob))
			var last string
			for i := range missed {
				node := nodes[i%2]
				if i == missed/2 {
					m.happen(t)
					node = nodes[i%2]
				}
				last = rig.UserOn(node, []*apitest.User{bob, ada}[i%2]).Tweet(t, fmt.Sprint("number ", i))
				rig.UserOn(node, dave).Tweet(t, "nobody reads this")
			}
			rd.Connect(t, nodes[round%2])
			got := rd.Until(t, "+"+last)
			if want := rig.Logged(t, db, ada, bob)[before:]; len(want) != missed || !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", m.name, got, want)
			}
			// It goes on as ever.
			live := rig.UserOn(nodes[0], bob).Tweet(t, "now")
			if got := rd.Until(t, "+"+live); len(got) != 1 {
				t.Errorf("%s: more than the tweet came: %v", m.name, got)
			}
		}
	})
}

// traffic makes the users write at once, on both nodes: tweets, and some deletions. The returned function
// waits until they are done.
func traffic(nodes []*apitest.Roost, users []*apitest.User, each int) (wait func() error) {
	done := make(chan error, len(users))
	for i, u := range users {
		go func() {
			rnd := rand.New(rand.NewPCG(3, uint64(i)))
			done <- func() error {
				for n := range each {
					c := nodes[rnd.IntN(len(nodes))].As(u.Key)
					res, err := c.Try(`mutation($t: String!) { createTweet(input: {text: $t}) { tweet { id } userErrors { code } } }`,
						apitest.Vars{"t": fmt.Sprint("traffic ", n)})
					if err != nil {
						return err
					}
					if rnd.IntN(8) == 0 {
						if _, err := c.Try(`mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { userErrors { code } } }`,
							apitest.Vars{"id": res.String("createTweet.tweet.id")}); err != nil {
							return err
						}
					}
				}
				return nil
			}()
		}()
	}
	return func() error {
		for range users {
			if err := <-done; err != nil {
				return err
			}
		}
		return nil
	}
}

// A reader that loses its connection again and again, and comes back to any node while several write, gets
// each event once, in the order of the log.
func TestNodesReconnectUnderTraffic(t *testing.T) {
	const each = 40
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		users := a.SignUps(t, "writer", 5)
		ada, read, stranger := users[0], users[:4], users[4]
		for _, u := range read[1:] {
			ada.Follow(t, u.ID)
		}
		nodes := []*apitest.Roost{a, b}
		rd, _ := rig.ReadHome(t, a, ada)
		rd.Connect(t, a)
		rd.Until(t, "+"+ada.Tweet(t, "it begins"))
		before := len(rig.Logged(t, a.DB(t), read...))
		wait := traffic(nodes, append(slices.Clone(read), stranger), each)
		failed := make(chan error, 1)
		const end = "it ends"
		go func() {
			err := wait()
			if err == nil {
				_, err = ada.Try(`mutation { createTweet(input: {text: "`+end+`"}) { tweet { id } userErrors { code } } }`, nil)
			}
			failed <- err
		}()
		rnd := rand.New(rand.NewPCG(5, 5))
		var got []string
		connections := 1
		for left, ended := 3, false; !ended; left-- {
			if left == 0 {
				rd.Leave()
				rd.Connect(t, nodes[rnd.IntN(2)])
				left = 1 + rnd.IntN(12)
				connections++
			}
			event, r := rd.Next(t)
			got = append(got, event)
			ended = event[0] == '+' && r.String("homeTimelineEvents.edge.node.text") == end
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		t.Logf("%d events over %d connections", len(got), connections)
		rig.ExpectLog(t, got, rig.Logged(t, a.DB(t), read...)[before:])
	})
}

// Behind a page, its cursor misses nothing on any node. What the page shows already may come once more, in
// at the same position.
func TestNodesGoOnFromAPage(t *testing.T) {
	const rounds, each = 12, 12
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		users := a.SignUps(t, "writer", 4)
		ada := users[0]
		for _, u := range users[1:] {
			ada.Follow(t, u.ID)
		}
		db, nodes := a.DB(t), []*apitest.Roost{a, b}
		again := 0
		for round := range rounds {
			wait := traffic(nodes, users[1:], each)
			users[1].Tweet(t, "the page is read in the midst of it")
			rd, page := rig.ReadHome(t, nodes[round%2], ada)
			rd.Connect(t, nodes[round/2%2])
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for fence := "+" + ada.Tweet(t, "round"); !seen[fence]; {
				event, r := rd.Next(t)
				if event == "TIMELINE_REBUILT" && round == 0 {
					continue // a follow, which the page shows and its cursor may precede
				}
				if event[0] != '+' && event[0] != '-' || seen[event] {
					t.Fatalf("%s came out of place, or twice", event)
				}
				seen[event] = true
				if cursor := page[event[1:]]; event[0] == '+' && cursor != "" {
					again++
					if got := r.String("homeTimelineEvents.edge.cursor"); got != cursor {
						t.Errorf("an entry of the page comes with the cursor %s, not %s", got, cursor)
					}
				}
			}
			rd.Leave()
			all := rig.Logged(t, db, users...)
			for _, want := range all[max(0, len(all)-90):] {
				onPage := page[want[1:]] != ""
				deleted := slices.Contains(all, "-"+want[1:])
				switch {
				case seen[want], want[0] == '+' && (onPage || deleted), want[0] == '-' && !onPage && !seen["+"+want[1:]]:
				default:
					t.Errorf("round %d: %s is neither on the page nor came", round, want)
				}
			}
		}
		t.Logf("%d entries came once more", again)
	})
}
