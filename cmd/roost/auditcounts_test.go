package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// auditsCounts runs `roost audit counts` and returns what it prints, with single spaces.
func auditsCounts(r *apitest.Roost, overAdmin bool, args ...string) (string, error) {
	where := []string{"--database-url", r.Config.DatabaseURL, "--redis-url", r.Config.RedisURL}
	if overAdmin || r.Mode == apitest.Embedded {
		where = []string{"--admin-addr", r.App.AdminAddr().String()}
	}
	var out bytes.Buffer
	err := run(context.Background(), append(append([]string{"audit", "counts"}, where...), args...), &out)
	return regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), err
}

// countsPage has all counts that the audit covers.
const countsPage = `query($tweet: ID!, $user: ID!) {
	tweet: node(id: $tweet) { ... on Tweet { retweetCount reactions { likeCount dislikeCount revision } } }
	user: node(id: $user) { ... on User { tweetCount followers(first: 1) { totalCount } following(first: 1) { totalCount } } } }`

// shown returns the counts of a tweet and a user as the API answers them.
func shown(t testing.TB, u *apitest.User, tweet, user string) (all [6]int, revision int) {
	t.Helper()
	res := u.Must(t, countsPage, apitest.Vars{"tweet": tweet, "user": user})
	for i, path := range []string{"tweet.reactions.likeCount", "tweet.reactions.dislikeCount", "tweet.retweetCount", "user.tweetCount",
		"user.followers.totalCount", "user.following.totalCount"} {
		all[i] = res.Int(path)
	}
	return all, res.Int("tweet.reactions.revision")
}

// expectLines fails the test unless each of the lines is in what a command has printed.
func expectLines(t testing.TB, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains("\n"+out, "\n"+w) {
			t.Errorf("no line %q in\n%s", w, out)
		}
	}
}

// At rest no count differs. Counts that are made to differ by hand are found, make the command fail, and are repaired: a subscriber
// receives the new ones, queries answer them, and the cache equals the database.
func TestAuditCountsCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, tweet, _ := auditWorld(t, r)
		ada.React(t, tweet, "DISLIKE")
		bob.Retweet(t, tweet)
		out, err := auditsCounts(r, false)
		if err != nil {
			t.Fatalf("at rest: %v\n%s", err, out)
		}
		expectLines(t, out, "tweet likes 5 0 0 0 0\n", "tweet revision 5 0 0 0 0\n", "user following 2 0 0 0 0\n",
			"recounted 5 tweets and 2 users ")
		want, revision := shown(t, bob, tweet, ada.ID)
		if want != [6]int{1, 1, 1, 5, 1, 0} || revision != 3 {
			t.Fatalf("before the changes the counts are %v, revision %d", want, revision)
		}
		watch, _ := rig.WatchCounts(t, bob.Dial(t), tweet)

		db, id := r.DB(t), rig.TweetID(t, tweet)
		change(t, db, "DELETE FROM reaction_deltas WHERE tweet_id = $1", id)
		change(t, db, `INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, retweet_count, revision) VALUES ($1, 8, 0, 9, 2)
			ON CONFLICT (tweet_id) DO UPDATE SET like_count = 8, dislike_count = 0, retweet_count = 9, revision = 2`, id)
		change(t, db, `UPDATE user_stats SET tweet_count = 6, follower_count = 3, following_count = 7
			WHERE user_id = (SELECT id FROM users WHERE username = $1)`, ada.Name)
		if err := r.App.ClearCache(t.Context()); err != nil { // what is wrong is cached, too
			t.Fatal(err)
		}
		if got, _ := shown(t, bob, tweet, ada.ID); got != [6]int{8, 0, 9, 6, 3, 7} {
			t.Fatalf("the wrong counts are shown as %v", got)
		}
		for _, args := range [][]string{{"--examples=2"}, {"--examples=2", "--rate=1"}} {
			out, err = auditsCounts(r, false, args...)
			if err == nil || err.Error() != "7 counts differ from their rows" || strings.Count(out, "\ntweet "+tweet) != 2 {
				t.Errorf("%v\n%s", err, out)
			}
		}
		out, err = auditsCounts(r, false, "--explain", tweet)
		if err == nil || err.Error() != "the stored counts of "+tweet+" differ from their rows" {
			t.Errorf("the explanation of wrong counts: %v\n%s", err, out)
		}
		expectLines(t, out, "row of tweet_stats 8 0 9 0 2\n", "stored, in all 8 0 9 0 2\n", "recounted 1 1 1 0 3\n", "cached 8 0 9 0 2\n",
			"rows of reactions: 1 likes, 1 dislikes, 0 taken back\n", "Redis holds: counts\n")

		out, err = auditsCounts(r, false, "--repair")
		if err == nil || err.Error() != "repaired 7 counts that differed from their rows" {
			t.Errorf("repair: %v\n%s", err, out)
		}
		expectLines(t, out, "tweet likes 5 1 7 0 1\n", "tweet dislikes 5 1 0 1 1\n", "tweet revision 5 1 0 1 1\n",
			"user tweets 2 1 1 0 1\n", "tweet "+tweet+" retweets 9 1 repaired\n", "user "+ada.ID+" following 7 0 repaired\n")
		if got, revision := shown(t, bob, tweet, ada.ID); got != want || revision != 4 {
			t.Errorf("after the repair the counts are %v, revision %d", got, revision)
		}
		event := watch.Next(t)
		if got := rig.SummaryAt(event, "reactionsChanged.reactions"); got.Likes != 1 || got.Dislikes != 1 || got.Revision != 4 {
			t.Errorf("the subscriber receives %+v", got)
		}
		for _, audit := range []func() (string, error){
			func() (string, error) { return auditsCounts(r, false, "--repair") },
			func() (string, error) { return audits(r) },
		} {
			if out, err := audit(); err != nil {
				t.Errorf("in the end: %v\n%s", err, out)
			}
		}
		out, err = auditsCounts(r, false, "--explain", fmt.Sprint(rig.TweetID(t, tweet)))
		if err != nil {
			t.Errorf("in the end: %v\n%s", err, out)
		}
		expectLines(t, out, "tweet "+tweet+", "+fmt.Sprint(rig.TweetID(t, tweet))+" in the database, visible\n", "stored, in all 1 1 1 0 4\n",
			"cached 1 1 1 0 4\n", "all of them agree\n")
	})
}

// A node in server mode audits, repairs and explains through its admin address. What no tweet is named by is refused.
func TestAuditCountsOverTheAdminAddress(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	ada, bob, tweet, _ := auditWorld(t, r)
	change(t, r.DB(t), "UPDATE user_stats SET tweet_count = 9 WHERE tweet_count = 5")
	if out, err := auditsCounts(r, true, "--repair"); err == nil || err.Error() != "repaired 1 counts that differed from their rows" {
		t.Errorf("%v\n%s", err, out)
	}
	if got, _ := shown(t, bob, tweet, ada.ID); got[3] != 5 {
		t.Errorf("after the repair there are %d tweets", got[3])
	}
	if out, err := auditsCounts(r, true, "--explain", tweet); err != nil || !strings.Contains(out, "all of them agree") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, overAdmin := range []bool{false, true} {
		if out, err := auditsCounts(r, overAdmin, "--explain", "1"); err == nil || !strings.Contains(err.Error(), "there is no such tweet") {
			t.Errorf("nothing: %v\n%s", err, out)
		}
	}
	for _, bad := range [][]string{{"--explain", ada.ID}, {"--explain", "0"}, {"--explain", tweet, "--repair"}, {"--rate=0"},
		{"--examples=1001"}, {"x"}} {
		if out, err := auditsCounts(r, true, bad...); err != errUsage {
			t.Errorf("%v: %v\n%s", bad, err, out)
		}
	}
}

// Without Redis counts are audited and repaired all the same, and an explanation says that Redis does not answer.
func TestAuditCountsWithoutRedis(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.Roles = "api" }) // nothing drains
	_, _, tweet, _ := auditWorld(t, r)
	change(t, r.DB(t), "UPDATE user_stats SET follower_count = 4 WHERE tweet_count = 5")
	c := *r
	c.Config.RedisURL = "redis://127.0.0.1:1/0"
	if out, err := auditsCounts(&c, false, "--repair"); err == nil || err.Error() != "repaired 1 counts that differed from their rows" {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := auditsCounts(&c, false, "--explain", tweet)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	expectLines(t, out, "no row of tweet_stats 0 0 0 0 0\n", "delta 1 1 0 0 0 1\n", "1 undrained deltas together 1 0 0 0 1\n",
		"stored, in all 1 0 0 0 1\n", "Redis holds: unknown, because Redis does not answer\n", "all of them agree\n")
}
