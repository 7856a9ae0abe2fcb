package cluster

import (
	"slices"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A node pauses between the INSERT of an event and its COMMIT, while other nodes write and sequence. What the same user
// does after that commit was answered comes later in the log, too.
func TestStalledWriterKeepsTheOrderOfTheLog(t *testing.T) {
	t.Parallel()
	const rounds = 3
	c := rig.NewCluster(t, rig.Options{})
	stalled, other := c.Nodes[0], c.Nodes[1]
	c.Start(t, []*rig.Process{other})
	ada, bob, carol := other.SignUp(t, "ada"), other.SignUp(t, "bob"), other.SignUp(t, "carol")
	c.Start(t, []*rig.Process{stalled}, "ROOST_FAULT=events.before-commit:hold:2500ms:3")

	follow := `mutation($id: ID!) { followUser(input: {userId: $id}) { user { id } userErrors { code } } }`
	there := stalled.As(ada.Key)
	for range rounds {
		followed := make(chan error, 1)
		go func() {
			_, err := there.Try(follow, apitest.Vars{"id": bob.ID})
			followed <- err
		}()
		for answered := false; !answered; {
			select {
			case err := <-followed:
				if err != nil {
					t.Fatal(err)
				}
				answered = true
			default:
				carol.Tweet(t, "meanwhile")
			}
		}
		ada.Unfollow(t, bob.ID)
	}
	apitest.Until(t, "all events to be numbered", func() bool {
		return apitest.Int(t, c.Database, "SELECT count(*) FROM events WHERE seq IS NULL") == 0
	})
	var order string
	err := c.Database.Writer().QueryRowContext(t.Context(), `SELECT string_agg(type, ' ' ORDER BY seq) FROM events
		WHERE type IN ('UserFollowed', 'UserUnfollowed')`).Scan(&order)
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]string{"UserFollowed", "UserUnfollowed"}, rounds); order != strings.Join(want, " ") {
		t.Errorf("the log has %s", order)
	}
}
