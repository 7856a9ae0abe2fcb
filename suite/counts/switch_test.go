package counts

import (
	"context"
	"sync"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A user switches between LIKE and DISLIKE. Each switch is one change of both counts: readers on both nodes, payloads and a subscriber see
// exactly one reaction at any time, and the subscriber's last state is that of the last switch.
func TestSwitchesAreSeenWhole(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		u := a.SignUp(t, "switch")
		tweet := u.Tweet(t, "like or dislike")
		u.React(t, tweet, "LIKE")
		pushes, _ := rig.WatchCounts(t, b.Anonymous().Dial(t), tweet)
		whole := func(who string, s rig.Summary) {
			if s.Likes+s.Dislikes != 1 || s.Likes < 0 || s.Dislikes < 0 {
				t.Errorf("%s sees %+v", who, s)
			}
		}
		ended, stop := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for _, node := range []*apitest.Roost{a, b} {
			readers.Go(func() {
				for ended.Err() == nil {
					res, err := node.Anonymous().Try(summaries, apitest.Vars{"ids": []string{tweet}})
					if err != nil {
						t.Error(err)
						return
					}
					whole("a reader", rig.SummaryAt(res, "reactionSummaries.0"))
				}
			})
		}
		const switches = 60
		for i := range switches {
			kind := []string{"DISLIKE", "LIKE"}[i%2]
			s := rig.SummaryAt(u.Must(t, rig.SetReaction, apitest.Vars{"id": tweet, "k": kind}), "setReaction.subject.reactions")
			if whole("the user", s); s.Revision != i+2 || s.Mine != kind {
				t.Errorf("switch %d answers %+v", i, s)
			}
		}
		stop()
		readers.Wait()
		for revision := 0; revision < switches+1; {
			s := rig.SummaryAt(pushes.Next(t), "reactionsChanged.reactions")
			if whole("the subscriber", s); s.Revision <= revision {
				t.Errorf("after revision %d comes %+v", revision, s)
			}
			revision = s.Revision
		}
	})
}
