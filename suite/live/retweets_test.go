package live

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// A stream adds a tweet that somebody followed has retweeted first, moves it to the next retweet when the first one is undone, and removes
// it when the tweet is deleted. A client that leaves between the two events of an undo gets the second one where it comes back.
func TestRetweetsInStreams(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		users := a.SignUps(t, "retweeter", 5)
		ada, bob, cat, dan, zoe := users[0], users[1], users[2], users[3], users[4]
		for _, u := range []*apitest.User{bob, cat, dan} {
			ada.Follow(t, u.ID)
		}
		old := zoe.Tweet(t, "passed on")
		rd, _ := rig.ReadHome(t, a, ada)
		rd.Connect(t, a)
		rd.Until(t, "+"+ada.Tweet(t, "it begins"))
		// brought expects the tweet as somebody's retweet, where a page has it.
		brought := func(by *apitest.User, retweet string) {
			t.Helper()
			event, r := rd.Next(t)
			edge := "homeTimelineEvents.edge."
			if event != "+"+old || r.String(edge+"retweet.user.id") != by.ID || r.String(edge+"retweet.id") != retweet {
				t.Fatalf("the retweet of %s comes as %s", by.Name, r.Body)
			}
			for _, node := range []*apitest.Roost{a, b} {
				page := rig.UserOn(node, ada).Must(t, `{ viewer { homeTimeline { edges { cursor node { id } retweet { id user { id } } } } } }`, nil)
				i := slices.Index(page.Strings("viewer.homeTimeline.edges", "node.id"), old)
				at := fmt.Sprintf("viewer.homeTimeline.edges.%d.", i)
				if i < 0 || page.String(at+"cursor") != r.String(edge+"cursor") || page.String(at+"retweet.id") != retweet {
					t.Fatalf("the page has %s, the event %s", page.Data, r.Body)
				}
			}
		}
		quiet := func(when string) {
			t.Helper()
			fence := "+" + ada.Tweet(t, when)
			if got := rd.Until(t, fence); len(got) != 1 {
				t.Errorf("%s: %v came", when, got)
			}
		}
		first := rig.UserOn(b, bob).Retweet(t, old)
		brought(bob, first)
		second := rig.UserOn(b, cat).Retweet(t, old)
		dan.Retweet(t, old)
		quiet("later retweets")
		dan.Unretweet(t, old)
		third := dan.Retweet(t, old)
		quiet("an undo that is not of the earliest")

		bob.Unretweet(t, old)
		if event, _ := rd.Next(t); event != "-"+old {
			t.Fatalf("the end of the first retweet comes as %s", event)
		}
		rd.Leave()
		rd.Connect(t, b)
		brought(cat, second)
		quiet("after the next retweet")

		rd.Leave()
		rig.UserOn(b, cat).Unretweet(t, old)
		rd.Connect(t, a)
		if event, _ := rd.Next(t); event != "-"+old {
			t.Fatalf("the end of the second retweet is caught up on as %s", event)
		}
		brought(dan, third)
		bob.Retweet(t, old)
		quiet("another retweet of the first")

		zoe.Delete(t, old)
		if event, _ := rd.Next(t); event != "-"+old {
			t.Fatalf("the deletion comes as %s", event)
		}
		quiet("after the deletion")
	})
}

// Whoever retweets what, and undoes and deletes it: a client that applies the events to its page, and comes back to any node wherever it
// was cut off, has the page that a new client reads.
func TestStreamsLeadToThePage(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		users := a.SignUps(t, "user", 6)
		ada, followed := users[0], users[:4]
		for _, u := range followed[1:] {
			ada.Follow(t, u.ID)
		}
		seed := rand.Uint64()
		dice, nodes := rand.New(rand.NewPCG(seed, 0)), []*apitest.Roost{a, b}
		early, _ := rig.ReadHome(t, a, ada)
		early.Connect(t, a)
		early.Until(t, "+"+ada.Tweet(t, "the follows are behind this"))
		rd, has := rig.ReadHome(t, a, ada) // places by tweet
		rd.Connect(t, a)
		apply := func() (event string) {
			event, r := rd.Next(t)
			switch cursor := r.String("homeTimelineEvents.edge.cursor"); {
			case event[0] == '-':
				delete(has, event[1:])
			case event[0] != '+':
				t.Fatalf("the timeline is reset: %s", event)
			case has[event[1:]] != "" && has[event[1:]] != cursor:
				t.Fatalf("seed %d: %s is added at %s, and is at %s", seed, event[1:], cursor, has[event[1:]])
			default:
				has[event[1:]] = cursor
			}
			return event
		}
		type post struct {
			id string
			by *apitest.User
		}
		var posts []post
		at := func(u *apitest.User) *apitest.User { return rig.UserOn(nodes[dice.IntN(2)], u) }
		for round := range testtime.Soak(25, 400) {
			for range 1 + dice.IntN(12) {
				u := users[dice.IntN(len(users))]
				switch n := dice.IntN(10); {
				case n < 2 || len(posts) == 0:
					posts = append(posts, post{at(u).Tweet(t, "hello"), u})
				case n < 3:
					i := dice.IntN(len(posts))
					at(posts[i].by).Delete(t, posts[i].id)
					posts = slices.Delete(posts, i, i+1)
				case n < 7:
					at(u).Retweet(t, posts[len(posts)-1-dice.IntN(min(4, len(posts)))].id)
				default:
					at(u).Unretweet(t, posts[len(posts)-1-dice.IntN(min(4, len(posts)))].id)
				}
			}
			fence := "+" + ada.Tweet(t, fmt.Sprint("round ", round))
			for apply() != fence {
				if dice.IntN(3) == 0 {
					rd.Leave()
					rd.Connect(t, nodes[dice.IntN(2)])
				}
			}
			want := map[string]string{}
			page := at(ada).Must(t, `{ viewer { homeTimeline(first: 100) { pageInfo { hasNextPage } edges { cursor node { id } } } } }`, nil)
			for _, e := range page.Get("viewer.homeTimeline.edges").([]any) {
				want[apitest.Get(e, "node.id").(string)] = apitest.Get(e, "cursor").(string)
			}
			if page.Get("viewer.homeTimeline.pageInfo.hasNextPage") == true {
				break
			}
			if !maps.Equal(has, want) {
				t.Fatalf("seed %d, round %d: the client has %v, the page %v", seed, round, has, want)
			}
		}
	})
}
