package cache

import (
	"testing"
	"time"

	"roost/ent/migrations"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// PostgreSQL is away: what both nodes have in the cache, sessions included, is served on without an error, what they
// do not have is UNAVAILABLE. When it is back, writes go on.
func TestCacheServesWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	db := rig.OpenURL(t, cluster.URL())
	if _, err := migrations.Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	c := rig.NewCluster(t, rig.Options{DatabaseURL: cluster.URL()})
	c.Start(t, c.Nodes)
	users := c.Nodes[0].SignUps(t, "warm", 5)
	tweet := users[0].Tweet(t, "still here")
	rig.SetBio(t, users[0], "warm")
	const viewed = `query($id: ID!, $name: String!) { viewer { user { id } } tweet(id: $id) { text author { bio } }
		user(username: $name) { bio viewerIsFollowing } }`
	warm := func(n int) {
		t.Helper()
		u := users[n%len(users)]
		res := rig.UserOn(c.Nodes[n%2].Roost, u).Must(t, viewed, apitest.Vars{"id": tweet, "name": users[0].Name})
		if res.String("viewer.user.id") != u.ID || res.String("tweet.text") != "still here" || res.String("tweet.author.bio") != "warm" ||
			res.String("user.bio") != "warm" {
			t.Fatalf("a warm read says %s", res.Body)
		}
	}
	for n := range 20 {
		warm(n)
	}
	for range 2 {
		cluster.Stop()
		reads := 0
		for end := time.Now().Add(testtime.Soak(2*time.Second, 30*time.Second)); time.Now().Before(end) || reads < 200; reads++ {
			warm(reads)
		}
		t.Logf("%d warm reads without PostgreSQL", reads)
		for _, p := range c.Nodes {
			rig.ExpectUnavailable(t, "anonymous", "a cold profile", p.Anonymous().Run(t, rig.ProfileByName, apitest.Vars{"name": "nobodyknows"}))
			rig.ExpectUnavailable(t, "with a session", "a write", rig.UserOn(p.Roost, users[0]).
				Run(t, rig.WriteProfile, apitest.Vars{"bio": "lost"}))
		}
		warm(0)
		cluster.Start()
		for _, p := range c.Nodes {
			p.UntilReady(t)
		}
		// Nodes notice by asking: a connection that broke may cost one more answer.
		apitest.Until(t, "writes to go on", func() bool {
			_, err := users[0].Try(rig.WriteProfile, apitest.Vars{"bio": "back"})
			return err == nil
		})
		for _, p := range c.Nodes {
			wantBio(t, p, users[0], "back", true)
		}
		rig.SetBio(t, users[0], "warm")
		for n := range 20 {
			warm(n)
		}
	}
}
