package api

import (
	"slices"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// The way of a newcomer: sign up, follow, tweet, read the home timeline, see it move.
func TestNewcomer(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		ada.Follow(t, bob.ID)
		first := bob.Tweet(t, "good morning")
		if got := ada.Home(t, 10); !slices.Equal(got, []string{first}) {
			t.Fatalf("home timeline is %v, want %v", got, first)
		}
		socket := ada.Dial(t)
		home := rig.WatchHome(t, ada, socket)
		second := bob.Tweet(t, "and good night")
		rig.ExpectHome(t, home, "+"+second)
		bob.Delete(t, second)
		rig.ExpectHome(t, home, "-"+second)
		counts := socket.Subscribe(t,
			`subscription($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { id reactions { likeCount viewerReaction } } }`,
			apitest.Vars{"ids": []string{first}})
		if got := counts.Next(t).Int("reactionsChanged.reactions.likeCount"); got != 0 {
			t.Fatalf("the first state has %d likes", got)
		}
		bob.React(t, first, "LIKE")
		if got := counts.Next(t).Int("reactionsChanged.reactions.likeCount"); got != 1 {
			t.Fatalf("after a like the state has %d likes", got)
		}
	})
}
