package live

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

func TestReactionsChangedStartsWithWhatIs(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		fresh, liked, gone := bob.Tweet(t, "fresh"), bob.Tweet(t, "liked"), bob.Tweet(t, "gone")
		ada.React(t, liked, "LIKE")
		bob.React(t, liked, "DISLIKE")
		ada.React(t, gone, "LIKE")
		bob.Delete(t, gone)
		st := ada.Dial(t).Subscribe(t, rig.ReactionsChanged, apitest.Vars{"ids": []string{fresh, gone, liked, fresh}})
		for _, want := range []struct {
			id string
			rig.Summary
		}{{fresh, rig.Summary{Mine: "NONE"}}, {liked, rig.Summary{Likes: 1, Dislikes: 1, Revision: 2, Mine: "LIKE"}}} {
			event := st.Next(t)
			if id, got := event.String("reactionsChanged.id"), rig.SummaryAt(event, "reactionsChanged.reactions"); id != want.id ||
				got != want.Summary {
				t.Errorf("the first states are %s %+v, want %+v", id, got, want)
			}
		}
		// Nobody else's subscription, nor an anonymous one, has the viewer's own reaction.
		_, states := rig.WatchCounts(t, r.Anonymous().Dial(t), liked)
		if got := states[liked]; got.Mine != "NONE" || got.Likes != 1 {
			t.Errorf("anonymous sees %+v", got)
		}
	})
}

func TestReactionsChangedRefusesWhatIsNoSubject(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		tweet := ada.Tweet(t, "fine")
		socket := ada.Dial(t)
		for _, bad := range []string{"", "nonsense", ada.ID, ada.SessionID, tweet + "A", "%00"} {
			res := socket.Subscribe(t, rig.ReactionsChanged, apitest.Vars{"ids": []string{tweet, bad}}).Next(t)
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("%q: %s", bad, res.Body)
			}
		}
		many := make([]string, 101)
		for i := range many {
			many[i] = tweet
		}
		if res := socket.Subscribe(t, rig.ReactionsChanged, apitest.Vars{"ids": many}).Next(t); len(res.Errors) != 1 ||
			res.Errors[0].Code() != "BAD_REQUEST" {
			t.Errorf("101 subjects: %s", res.Body)
		}
		rig.WatchCounts(t, socket, tweet) // the socket is still good
	})
}

// A thousand reactions at once reach every subscriber as a few states, of which the last is the right
// one; revisions never go back.
func TestBurstsOfReactionsAreMerged(t *testing.T) {
	const users, each, tweets = 50, 20, 3
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		crowd := r.SignUps(t, "burst", users)
		subjects := make([]string, tweets)
		for i := range subjects {
			subjects[i] = crowd[0].Tweet(t, fmt.Sprint("burst ", i))
		}
		gone := crowd[0].Tweet(t, "deleted in the burst")
		watchers := make([]*apitest.Stream, 2)
		for i := range watchers {
			watchers[i], _ = rig.WatchCounts(t, crowd[i].Dial(t), append([]string{gone}, subjects...)...)
		}
		began := time.Now()
		apitest.Parallel(t, users, func(i int) error {
			rnd := rand.New(rand.NewPCG(7, uint64(i)))
			for n := range each {
				if i == 0 && n == each/2 {
					if _, err := crowd[0].Try(`mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { userErrors { code } } }`,
						apitest.Vars{"id": gone}); err != nil {
						return err
					}
				}
				kind := []string{"LIKE", "DISLIKE", "NONE"}[rnd.IntN(3)]
				if _, err := crowd[i].Try(rig.SetReaction, apitest.Vars{"id": subjects[rnd.IntN(tweets)], "k": kind}); err != nil {
					return err
				}
			}
			return nil
		})
		for _, s := range subjects { // each is changed once more, so that the end of the stream is known
			crowd[0].React(t, s, "NONE")
			crowd[0].React(t, s, "LIKE")
		}
		for i, st := range watchers {
			checkBurst(t, crowd[i], st, subjects, gone, began)
		}
	})
}

// checkBurst reads a stream until it shows what the API does.
func checkBurst(t *testing.T, u *apitest.User, st *apitest.Stream, subjects []string, gone string, began time.Time) {
	t.Helper()
	now := map[string]rig.Summary{}
	changes := 0
	for _, s := range subjects {
		res := u.Must(t, `query($id: ID!) { tweet(id: $id) { reactions { likeCount dislikeCount viewerReaction revision } } }`,
			apitest.Vars{"id": s})
		now[s] = rig.SummaryAt(res, "tweet.reactions")
		changes += now[s].Revision
	}
	pushes := 0
	last := map[string]rig.Summary{}
	for equal := 0; equal < len(subjects); pushes++ {
		event := st.Next(t)
		id, got := event.String("reactionsChanged.id"), rig.SummaryAt(event, "reactionsChanged.reactions")
		if id == gone {
			t.Fatalf("a deleted tweet is told of: %+v", got)
		}
		if got.Revision <= last[id].Revision {
			t.Fatalf("revision %d came after %d", got.Revision, last[id].Revision)
		}
		last[id] = got
		equal = 0
		for _, s := range subjects {
			if last[s] == now[s] {
				equal++
			}
		}
	}
	took := time.Since(began)
	t.Logf("%d changes came in %d events within %v", changes, pushes, took)
	if most := len(subjects) * int(took/(50*time.Millisecond)+2); pushes > most {
		t.Errorf("%d changes came in %d events within %v: more than %d", changes, pushes, took, most)
	}
}
