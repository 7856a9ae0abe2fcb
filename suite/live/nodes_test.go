package live

import (
	"slices"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// What happens on one node reaches the subscribers of the other, with Redis and without.
func TestNodesReachEachOther(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(r *apitest.Roost){
		"redis up":      func(*apitest.Roost) {},
		"redis stopped": func(r *apitest.Roost) { r.Redis.Stop() },
		"redis paused":  func(r *apitest.Roost) { r.Redis.Pause() },
		"wakes lost":    func(r *apitest.Roost) { loseWakes(t, r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := apitest.New(t, apitest.Server)
			b := rig.StartAnother(t, a)
			bob, ada := a.SignUp(t, "bob"), b.SignUp(t, "ada")
			ada.Follow(t, bob.ID)
			tweet := bob.Tweet(t, "hello")
			home := rig.WatchHome(t, ada, ada.Dial(t))
			counts, _ := rig.WatchCounts(t, ada.Dial(t), tweet)
			away(a)
			const rounds = 5
			slowest := map[string]time.Duration{}
			took := func(what string, since time.Time) { slowest[what] = max(slowest[what], time.Since(since)) }
			for i := range rounds {
				began := time.Now()
				id := bob.Tweet(t, "news")
				rig.ExpectHome(t, home, "+"+id)
				took("tweet", began)
				began = time.Now()
				bob.React(t, tweet, []string{"LIKE", "DISLIKE"}[i%2])
				if got := rig.SummaryAt(counts.Next(t), "reactionsChanged.reactions"); got.Revision != i+1 {
					t.Errorf("revision %d came, want %d", got.Revision, i+1)
				}
				took("reaction", began)
				began = time.Now()
				bob.Delete(t, id)
				rig.ExpectHome(t, home, "-"+id)
				took("deletion", began)
			}
			t.Logf("the slowest of %d: %v", rounds, slowest)
		})
	}
}

// cutPubSub leaves Redis as it is, but nobody may publish or subscribe any more: those who listen are cut off.
func cutPubSub(t *testing.T, r *apitest.Roost) {
	t.Helper()
	if reply, err := r.Redis.Do("ACL SETUSER default resetchannels"); err != nil || reply != "OK" {
		t.Fatalf("forbid all channels: %q, %v", reply, err)
	}
	if reply, err := r.Redis.Do("CLIENT KILL TYPE pubsub"); err != nil {
		t.Fatalf("cut off who listens: %q, %v", reply, err)
	}
}

// loseWakes leaves all subscriptions as they are, but nobody may publish any more: those who listen cannot notice that.
func loseWakes(t *testing.T, r *apitest.Roost) {
	t.Helper()
	if reply, err := r.Redis.Do("ACL SETUSER default -publish"); err != nil || reply != "OK" {
		t.Fatalf("forbid to publish: %q, %v", reply, err)
	}
}

// soon is within what a session that is revoked on one node must be closed on the others; a busy machine gets more.
func soon() time.Duration { return testtime.Soak(15*time.Second, time.Second) }

// A session that is revoked on one node gets its last event, and its sockets are closed, on the other.
func TestNodesEndSessionsEverywhere(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(t *testing.T, r *apitest.Roost){
		"redis up":       func(*testing.T, *apitest.Roost) {},
		"redis stopped":  func(_ *testing.T, r *apitest.Roost) { r.Redis.Stop() },
		"redis paused":   func(_ *testing.T, r *apitest.Roost) { r.Redis.Pause() },
		"without pubsub": cutPubSub,
		"wakes lost":     loseWakes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := apitest.New(t, apitest.Server)
			b := rig.StartAnother(t, a)
			u := a.SignUp(t, "ada")
			kept := rig.UserOn(b, u).Dial(t)
			away(t, a)
			const rounds = 5
			times := make([]time.Duration, rounds)
			for i := range rounds {
				device := a.LogIn(t, u)
				told, idle := rig.UserOn(b, device).Dial(t), rig.UserOn(b, device).Dial(t)
				st := told.Subscribe(t, sessionEnded, nil)
				rig.WatchCounts(t, told, u.Tweet(t, "the subscription runs"))
				u.Must(t, `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { userErrors { code } } }`, apitest.Vars{"id": device.SessionID})
				began := time.Now()
				for _, s := range []*apitest.Socket{told, idle} {
					if code := s.Closed(t); code != 4403 {
						t.Errorf("closed with %d", code)
					}
				}
				times[i] = time.Since(began)
				if got := st.Next(t).String("sessionEnded.reason"); got != "REVOKED" {
					t.Errorf("the reason is %q", got)
				}
			}
			slices.Sort(times)
			t.Logf("closed after %v", times)
			// One of them may have met a machine that was busy with something else.
			if times[rounds/2] > soon() {
				t.Errorf("half of the sessions were closed later than %s: %v", soon(), times)
			}
			rig.WatchCounts(t, kept, u.Tweet(t, "still here"))
		})
	}
}
