package suite

import (
	"testing"
	"time"

	"roost/ent/migrations"
	"roost/internal/apitest"
	"roost/internal/pgtest"
)

// PostgreSQL is away: what both nodes have in the cache, sessions included, is served on without an error, what they
// do not have is UNAVAILABLE. When it is back, writes go on.
func TestCacheServesWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	db := openURL(t, cluster.URL())
	if _, err := migrations.Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	c := newPair(t, rig{databaseURL: cluster.URL()})
	c.start(t, c.nodes)
	users := c.nodes[0].SignUps(t, "warm", 5)
	tweet := users[0].Tweet(t, "still here")
	setBio(t, users[0], "warm")
	const viewed = `query($id: ID!, $name: String!) { viewer { user { id } } tweet(id: $id) { text author { bio } } user(username: $name) { bio viewerIsFollowing } }`
	warm := func(n int) {
		t.Helper()
		u := users[n%len(users)]
		res := at(c.nodes[n%2].Roost, u).Must(t, viewed, apitest.Vars{"id": tweet, "name": users[0].Name})
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
		for end := time.Now().Add(soak(2*time.Second, 30*time.Second)); time.Now().Before(end) || reads < 200; reads++ {
			warm(reads)
		}
		t.Logf("%d warm reads without PostgreSQL", reads)
		for _, p := range c.nodes {
			expectUnavailable(t, "anonymous", "a cold profile", p.Anonymous().Run(t, profileByName, apitest.Vars{"name": "nobodyknows"}))
			expectUnavailable(t, "with a session", "a write", at(p.Roost, users[0]).Run(t, writeProfile, apitest.Vars{"bio": "lost"}))
		}
		warm(0)
		cluster.Start()
		for _, p := range c.nodes {
			p.untilReady(t)
		}
		// Nodes notice by asking: a connection that broke may cost one more answer.
		apitest.Until(t, "writes to go on", func() bool {
			_, err := users[0].Try(writeProfile, apitest.Vars{"bio": "back"})
			return err == nil
		})
		for _, p := range c.nodes {
			wantBio(t, p, users[0], "back", true)
		}
		setBio(t, users[0], "warm")
		for n := range 20 {
			warm(n)
		}
	}
}
