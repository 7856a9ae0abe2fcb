package live

import (
	"fmt"
	"testing"

	"roost/testkit/apitest"
)

// Viewers get their own view of a new tweet, though most of them are sent the same bytes: what the author sees of it differs from
// what followers see, and fields that depend on the viewer in other ways are made for each.
func TestEventsAreMadeOnceForAllViewers(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		const fields = `id viewerCanDelete reactions { likeCount viewerReaction } author { isViewer viewerIsFollowing `
		const query = `subscription($after: String) { homeTimelineEvents(after: $after) { ... on TimelineEntryAdded { edge { node { ` +
			fields + ` %s } } } } } }`
		const node = "homeTimelineEvents.edge.node."
		author := r.SignUp(t, "author")
		viewers := []*apitest.User{author}
		for i := range 6 {
			fan := r.SignUp(t, fmt.Sprint("fan", i))
			fan.Follow(t, author.ID)
			if i%2 == 0 {
				author.Follow(t, fan.ID)
			}
			viewers = append(viewers, fan)
		}
		after := author.Must(t, `{ viewer { homeTimeline(first: 1) { eventCursor } } }`, nil).String("viewer.homeTimeline.eventCursor")
		var streams []*apitest.Stream
		for _, v := range viewers {
			for _, rest := range []string{"", "isFollowingViewer"} {
				streams = append(streams, v.Dial(t).Subscribe(t, fmt.Sprintf(query, rest), apitest.Vars{"after": after}))
			}
		}
		for range 5 {
			tweet := author.Tweet(t, "hello")
			for i, st := range streams {
				own := i < 2
				want := fmt.Sprintf("%s %t NONE %t %t", tweet, own, own, !own)
				event := st.Next(t)
				for event.Get(node+"id") == nil { // the resets of the follows
					event = st.Next(t)
				}
				got := fmt.Sprintf("%s %v %s %v %v", event.String(node+"id"), event.Get(node+"viewerCanDelete"),
					event.String(node+"reactions.viewerReaction"), event.Get(node+"author.isViewer"),
					event.Get(node+"author.viewerIsFollowing"))
				if got != want {
					t.Errorf("subscriber %d sees %s, want %s", i, got, want)
				}
				if back := !own && i/2%2 == 1; i%2 == 1 && event.Get(node+"author.isFollowingViewer") != back {
					t.Errorf("subscriber %d: the author follows them: %t, want %t", i, !back, back)
				}
			}
		}
	})
}
