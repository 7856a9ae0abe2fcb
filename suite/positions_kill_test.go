package suite

import (
	"context"
	"fmt"
	"testing"

	"roost/internal/apitest"
)

// A writer is killed after its commit, before it has invalidated anything. Who is told by another node to read the
// timeline again finds there what happened.
func TestPageAfterAResetIsNew(t *testing.T) {
	t.Parallel()
	c := newPair(t, rig{})
	c.start(t, c.nodes)
	d := c.doomed(t, 2)
	f := newFollowers(t, c, 1, 1)[0]
	here, author := c.nodes[1], f.authors[0].ID
	for round := range soak(6, 40) {
		rd, _ := readHome(t, here.Roost, f.user) // it is in the cache now
		rd.connect(t, here.Roost)
		watchCounts(t, rd.socket, f.authors[0].Tweet(t, "the subscription runs"))
		if round%2 == 1 { // the tweet that was just posted
			rd.next(t)
		}
		p := <-d.alive
		if err := f.change(t.Context(), at(p.Roost, f.user), author, true); err != nil {
			t.Fatal(err)
		}
		d.replace(p, func(err error) { t.Error(err) })
		if event, _ := rd.next(t); event != "TIMELINE_REBUILT" {
			t.Fatalf("round %d: %s came", round, event)
		}
		if err := f.read(t.Context(), at(here.Roost, f.user)); err != nil {
			t.Fatal(err)
		}
		page := f.pages[len(f.pages)-1]
		if covers := positionAt(t, page.cursor) >= positionAt(t, rd.cursor); page.shows[author] != (round%2 == 0) || !covers {
			t.Errorf("round %d: the page after the reset shows the author: %v; its position covers the reset: %v", round, page.shows[author], covers)
		}
		rd.leave()
	}
}

// A writer is killed after its commit, before it has invalidated anything. Whoever subscribes to the counts on another
// node gets the last state, whenever that is; and who reads after a push reads nothing older.
func TestCountsAfterAKilledWriter(t *testing.T) {
	t.Parallel()
	c := newPair(t, rig{})
	c.start(t, c.nodes)
	d := c.doomed(t, 2)
	here := c.nodes[1]
	ada := c.nodes[0].SignUp(t, "ada")
	const query = `query($id: ID!) { tweet(id: $id) { reactions { likeCount dislikeCount viewerReaction revision } } }`
	for round := range soak(4, 30) {
		tweet := ada.Tweet(t, fmt.Sprint("round ", round))
		reader := at(here.Roost, ada)
		socket := reader.Dial(t)
		told, _ := watchCounts(t, socket, tweet)
		for range 2 { // it is in the cache now
			reader.Must(t, query, apitest.Vars{"id": tweet})
		}
		p := <-d.alive
		if res, err := at(p.Roost, ada).Do(t.Context(), setReaction, apitest.Vars{"id": tweet, "k": "LIKE"}); err == nil {
			t.Fatalf("a node was to die, and answers %s", res.Body)
		}
		later := make([]*apitest.Stream, 20)
		first := make([]summary, len(later))
		for i := range later {
			st, states := watchCounts(t, socket, tweet)
			later[i], first[i] = st, states[tweet]
		}
		d.replace(p, func(err error) { t.Error(err) })
		if got := summaryAt(told.Next(t), "reactionsChanged.reactions"); got.revision != 1 || got.likes != 1 {
			t.Errorf("round %d: %+v is pushed", round, got)
		}
		if got := summaryAt(reader.Must(t, query, apitest.Vars{"id": tweet}), "tweet.reactions"); got.revision != 1 {
			t.Errorf("round %d: revision 1 was pushed, and revision %d is read", round, got.revision)
		}
		for i, st := range later {
			got := first[i]
			if got.revision == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), apitest.Patience)
				res, err := st.TryNext(ctx)
				cancel()
				if err != nil {
					t.Fatalf("round %d: subscription %d began with revision 0 and gets no other: %v", round, i, err)
				}
				got = summaryAt(res, "reactionsChanged.reactions")
			}
			if got.revision != 1 || got.likes != 1 {
				t.Errorf("round %d: subscription %d ends with %+v", round, i, got)
			}
		}
		_ = socket.Conn.Close()
	}
}
