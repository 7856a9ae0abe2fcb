package live

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

func TestHomeTimelineEvents(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, carol := r.SignUp(t, "ada"), r.SignUp(t, "bob"), r.SignUp(t, "carol")
		ada.Follow(t, bob.ID)
		other := rig.WatchHome(t, bob, bob.Dial(t)) // follows nobody
		st := rig.WatchHome(t, ada, ada.Dial(t))

		one, hidden := bob.Tweet(t, "one"), carol.Tweet(t, "hidden")
		own := ada.Tweet(t, "mine")
		rig.ExpectHome(t, st, "+"+one, "+"+own)
		rig.ExpectHome(t, other, "+"+one)
		carol.Delete(t, hidden)
		bob.Delete(t, one)
		rig.ExpectHome(t, st, "-"+one)
		ada.Follow(t, carol.ID)
		ada.Follow(t, carol.ID) // changes nothing, says nothing
		two := carol.Tweet(t, "two")
		rig.ExpectHome(t, st, "TIMELINE_REBUILT", "+"+two) // a reset replaces what waited before it
		ada.Unfollow(t, carol.ID)
		carol.Tweet(t, "three")
		carol.Delete(t, two)
		last := bob.Tweet(t, "last")
		rig.ExpectHome(t, st, "TIMELINE_REBUILT", "+"+last)
		rig.ExpectHome(t, other, "-"+one, "+"+last)
	})
}

// An entry of an event is the entry of the page, and everything that it shows is as it is now, however
// long the socket is open.
func TestEventsShowWhatIsNow(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		ada.Follow(t, bob.ID)
		st := rig.WatchHome(t, ada, ada.Dial(t))
		for i := range 5 {
			name := fmt.Sprintf("Bob the %d.", i)
			bob.Must(t, `mutation($n: String!) { updateProfile(input: {name: $n}) { userErrors { code } } }`, apitest.Vars{"n": name})
			id := bob.Tweet(t, name)
			event := st.Next(t)
			if got := rig.HomeEvent(t, event); got != "+"+id {
				t.Fatalf("the event is %s, want +%s", got, id)
			}
			const node = "homeTimelineEvents.edge.node."
			if got := event.String(node + "author.name"); got != name {
				t.Errorf("the author is %q, renamed to %q", got, name)
			}
			if got := event.Int(node + "author.tweetCount"); got != i+1 {
				t.Errorf("the author has %d tweets, want %d", got, i+1)
			}
			page := ada.Must(t, `{ viewer { homeTimeline(first: 1) { edges { cursor node { id text } } } } }`, nil)
			if got, want := event.String("homeTimelineEvents.edge.cursor"), page.String("viewer.homeTimeline.edges.0.cursor"); got != want {
				t.Errorf("the event's cursor is %s, the page's %s", got, want)
			}
		}
	})
}

func TestCountsShowWhatIsNow(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		tweet := bob.Tweet(t, "hello")
		st := ada.Dial(t).Subscribe(t, `subscription($id: ID!) { reactionsChanged(subjectIds: [$id]) { ... on Tweet { author { name
			viewerIsFollowing } }
			reactions { likeCount viewerReaction subject { ... on Tweet { author { name } } } } } }`, apitest.Vars{"id": tweet})
		st.Next(t)
		for i := range 4 {
			name, kind := fmt.Sprintf("Bob the %d.", i), []string{"LIKE", "DISLIKE"}[i%2]
			bob.Must(t, `mutation($n: String!) { updateProfile(input: {name: $n}) { userErrors { code } } }`, apitest.Vars{"n": name})
			if i == 2 {
				ada.Follow(t, bob.ID)
			}
			ada.React(t, tweet, kind)
			event := st.Next(t)
			const at = "reactionsChanged."
			if event.String(at+"author.name") != name || event.String(at+"reactions.subject.author.name") != name {
				t.Errorf("the author is renamed to %q: %s", name, event.Data)
			}
			if got := event.String(at + "reactions.viewerReaction"); got != kind {
				t.Errorf("the viewer's reaction is %s, want %s", got, kind)
			}
			if got := event.Get(at + "author.viewerIsFollowing"); got != (i >= 2) {
				t.Errorf("viewerIsFollowing is %v in round %d", got, i)
			}
		}
	})
}

// While somebody tweets without a pause, a reader unfollows and follows again: after the reset that an
// unfollow causes nothing of theirs comes, and never what was posted after its answer.
func TestUnfollowRacingTweets(t *testing.T) {
	const rounds = 30
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		ada.Follow(t, bob.ID)
		socket := ada.Dial(t)
		st := rig.WatchHome(t, ada, socket)
		stop, done := make(chan struct{}), make(chan error, 1)
		var posting atomic.Int64
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if _, err := bob.Try(`mutation($t: String!) { createTweet(input: {text: $t}) { userErrors { code } } }`,
					apitest.Vars{"t": fmt.Sprint(posting.Add(1))}); err != nil {
					done <- err
					return
				}
			}
		}()
		late := 0
		for range rounds {
			answer := socket.Subscribe(t, `mutation($id: ID!) { unfollowUser(input: {userId: $id}) { userErrors { code } } }`,
				apitest.Vars{"id": bob.ID}).Next(t)
			newest := posting.Load()
			fence := ada.Tweet(t, "unfollowed")
			reset := false
			for {
				event := st.Next(t)
				got := rig.HomeEvent(t, event)
				if got == "+"+fence {
					break
				}
				switch {
				case got == "TIMELINE_REBUILT":
					reset = true
				case reset:
					t.Fatalf("%s came after the reset of an unfollow", got)
				case event.Order > answer.Order:
					late++
				}
				if n, err := strconv.ParseInt(event.String("homeTimelineEvents.edge.node.text"), 10, 64); err == nil && n > newest {
					t.Fatalf("number %d was posted after the unfollow had been answered", n)
				}
			}
			if !reset {
				t.Fatal("an unfollow caused no reset")
			}
			ada.Follow(t, bob.ID)
			reset = false
			for seen := 0; seen < 2 || !reset; { // they come again
				event := st.Next(t)
				reset = reset || rig.HomeEvent(t, event) == "TIMELINE_REBUILT"
				if event.String("homeTimelineEvents.edge.node.author.id") == bob.ID {
					seen++
				}
			}
		}
		close(stop)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		t.Logf("%d entries were on their way when an unfollow was answered", late)
	})
}
