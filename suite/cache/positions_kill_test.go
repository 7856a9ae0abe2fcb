package cache

import (
	"context"
	"fmt"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// A writer is killed after its commit, before it has invalidated anything. A client that another node sends to read the
// timeline again finds there what happened.
func TestPageAfterAResetIsNew(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	d := c.StartCrashing(t, 2)
	f := newFollowers(t, c, 1, 1)[0]
	here, author := c.Nodes[1], f.authors[0].ID
	for round := range testtime.Soak(6, 40) {
		rd, before := rig.ReadHome(t, here.Roost, f.user) // it is in the cache now
		rd.Connect(t, here.Roost)
		posted := f.authors[0].Tweet(t, "the subscription runs")
		rig.WatchCounts(t, rd.Socket, posted)
		if round%2 == 1 { // the tweet that was just posted
			rd.Next(t)
		}
		p := <-d.Alive
		if err := f.change(t.Context(), rig.UserOn(p.Roost, f.user), author, true); err != nil {
			t.Fatal(err)
		}
		d.Replace(p, func(err error) { t.Error(err) })
		event, res := rd.Next(t)
		// What the page showed may come again. A tweet of the author comes if it is behind the page's position, and the node looked for its
		// audience when the user followed the author already.
		for event[0] == '+' && (before[event[1:]] != "" || round%2 == 0 && res.String("homeTimelineEvents.edge.node.author.id") == author) {
			event, res = rd.Next(t)
		}
		if event != "TIMELINE_REBUILT" {
			t.Fatalf("round %d: %s came", round, event)
		}
		if err := f.read(t.Context(), rig.UserOn(here.Roost, f.user)); err != nil {
			t.Fatal(err)
		}
		page := f.pages[len(f.pages)-1]
		if covers := rig.PositionAt(t, page.cursor) >= rig.PositionAt(t, rd.Cursor); page.shows[author] != (round%2 == 0) || !covers {
			t.Errorf("round %d: the page after the reset shows the author: %v; its position covers the reset: %v", round, page.shows[author], covers)
		}
		rd.Leave()
	}
}

// A writer is killed after its commit, before it has invalidated anything. Whoever subscribes to the counts on another
// node gets the last state, whenever that is; and who reads after a push reads nothing older.
func TestCountsAfterAKilledWriter(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	d := c.StartCrashing(t, 2)
	here := c.Nodes[1]
	ada := c.Nodes[0].SignUp(t, "ada")
	const query = `query($id: ID!) { tweet(id: $id) { reactions { likeCount dislikeCount viewerReaction revision } } }`
	for round := range testtime.Soak(4, 30) {
		tweet := ada.Tweet(t, fmt.Sprint("round ", round))
		reader := rig.UserOn(here.Roost, ada)
		socket := reader.Dial(t)
		told, _ := rig.WatchCounts(t, socket, tweet)
		for range 2 { // it is in the cache now
			reader.Must(t, query, apitest.Vars{"id": tweet})
		}
		p := <-d.Alive
		if res, err := rig.UserOn(p.Roost, ada).Do(t.Context(), rig.SetReaction, apitest.Vars{"id": tweet, "k": "LIKE"}); err == nil {
			t.Fatalf("a node was to die, and answers %s", res.Body)
		}
		later := make([]*apitest.Stream, 20)
		first := make([]rig.Summary, len(later))
		for i := range later {
			st, states := rig.WatchCounts(t, socket, tweet)
			later[i], first[i] = st, states[tweet]
		}
		d.Replace(p, func(err error) { t.Error(err) })
		if got := rig.SummaryAt(told.Next(t), "reactionsChanged.reactions"); got.Revision != 1 || got.Likes != 1 {
			t.Errorf("round %d: %+v is pushed", round, got)
		}
		if got := rig.SummaryAt(reader.Must(t, query, apitest.Vars{"id": tweet}), "tweet.reactions"); got.Revision != 1 {
			t.Errorf("round %d: revision 1 was pushed, and revision %d is read", round, got.Revision)
		}
		for i, st := range later {
			got := first[i]
			if got.Revision == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), apitest.Patience)
				res, err := st.TryNext(ctx)
				cancel()
				if err != nil {
					t.Fatalf("round %d: subscription %d began with revision 0 and gets no other: %v", round, i, err)
				}
				got = rig.SummaryAt(res, "reactionsChanged.reactions")
			}
			if got.Revision != 1 || got.Likes != 1 {
				t.Errorf("round %d: subscription %d ends with %+v", round, i, got)
			}
		}
		_ = socket.Conn.Close()
	}
}
