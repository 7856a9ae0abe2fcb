package cluster

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"roost/app"
	"roost/ent/migrations"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/rig"
)

// onOwnCluster starts a node on a PostgreSQL that the test may stop.
func onOwnCluster(t *testing.T) (*apitest.Roost, *pgtest.Cluster) {
	t.Helper()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	db := rig.OpenURL(t, cluster.URL())
	if _, err := migrations.Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	return apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL = cluster.URL() }), cluster
}

// operationsOf are single operations, by the name of what they do, with what they need.
func operationsOf(friend *apitest.User, tweet string) map[string]apitest.Vars {
	all := map[string]apitest.Vars{everyRead: {"user": friend.ID, "tweet": tweet, "name": friend.Name}}
	for query, vars := range map[string]apitest.Vars{
		`{ viewer { user { name } } }`: {}, `{ viewer { homeTimeline { nodes { id } } } }`: {}, `{ viewer { sessions { id } } }`: {},
		`query($tweet: ID!) { tweet(id: $tweet) { text } }`:                                       {"tweet": tweet},
		`query($user: ID!) { node(id: $user) { id } }`:                                            {"user": friend.ID},
		`query($name: String!) { user(username: $name) { followers { totalCount } } }`:            {"name": friend.Name},
		`query($tweet: ID!) { reactionSummaries(subjectIds: [$tweet]) { likeCount } }`:            {"tweet": tweet},
		`mutation($user: ID!) { followUser(input: {userId: $user}) { userErrors { code } } }`:     {"user": friend.ID},
		`mutation($user: ID!) { unfollowUser(input: {userId: $user}) { userErrors { code } } }`:   {"user": friend.ID},
		`mutation { createTweet(input: {text: "away"}) { userErrors { code } } }`:                 {},
		`mutation($tweet: ID!) { deleteTweet(input: {tweetId: $tweet}) { userErrors { code } } }`: {"tweet": tweet},
		`mutation($tweet: ID!) { setReaction(input: {subjectId: $tweet, reaction: LIKE}) { userErrors { code } } }`: {
			"tweet": tweet},
		`mutation { updateProfile(input: {name: "x"}) { userErrors { code } } }`:                                                       {},
		`mutation { updateSettings(input: {sessionPolicy: SINGLE_DEVICE}) { userErrors { code } } }`:                                   {},
		`mutation { changePassword(input: {currentPassword: "correct horse", newPassword: "another horse"}) { userErrors { code } } }`: {},
		`mutation { revokeOtherSessions { userErrors { code } } }`:                                                                     {},
		`mutation { logOut { userErrors { code } } }`:                                                                                  {},
	} {
		all[query] = vars
	}
	return all
}

// operationsOfNobody work without a session.
func operationsOfNobody(friend *apitest.User, tweet string) map[string]apitest.Vars {
	all := operationsOf(friend, tweet)
	maps.DeleteFunc(all, func(query string, _ apitest.Vars) bool {
		return strings.HasPrefix(query, "mutation") || strings.Contains(query, "viewer {")
	})
	all[`mutation { signUp(input: {username: "nobody", email: "nobody@example.com", password: "correct horse",
		tokenDelivery: TOKEN}) { userErrors { code } } }`] = nil
	all[`mutation { logIn(input: {login: "nobody", password: "correct horse", tokenDelivery: TOKEN}) { userErrors { code } } }`] = nil
	return all
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*pgtest.Cluster){"stopped": (*pgtest.Cluster).Stop, "killed": (*pgtest.Cluster).Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, cluster := onOwnCluster(t)
			ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
			ada.Follow(t, bob.ID)
			tweet := ada.Tweet(t, "hello")
			socket := ada.Dial(t)
			home := rig.WatchHome(t, ada, socket)
			counts, _ := rig.WatchCounts(t, socket, tweet)
			for range 2 {
				away(cluster)
				rig.ClearCache(t, r)
				for query, vars := range operationsOf(bob, tweet) {
					rig.ExpectUnavailable(t, "with a session", query, ada.Run(t, query, vars))
					rig.ExpectUnavailable(t, "over a socket", query, socket.Subscribe(t, query, vars).Next(t))
				}
				for query, vars := range operationsOfNobody(bob, tweet) {
					rig.ExpectUnavailable(t, "anonymous", query, r.Anonymous().Run(t, query, vars))
				}
				refused := socket.Subscribe(t, rig.ReactionsChanged, apitest.Vars{"ids": []string{tweet}}).Next(t)
				rig.ExpectUnavailable(t, "over a socket", "reactionsChanged", refused)
				if _, err := ada.TryDial(); !rig.ClosedWith(err, 1013) {
					t.Errorf("a new socket: %v", err)
				}
				r.Anonymous().Must(t, `{ limits { pageSize } }`, nil) // needs no database
				// The node stays in traffic: what is warm it serves, and all nodes would leave at once.
				apitest.Until(t, "/readyz to report it", func() bool {
					status, body := r.Ready(t)
					return status == 200 && strings.Contains(body, `"status":"degraded"`) && strings.Contains(body, `"database":"degraded"`)
				})
				cluster.Start()
				apitest.Until(t, "/readyz to be content", func() bool {
					status, body := r.Ready(t)
					return status == 200 && strings.Contains(body, `"database":"ok"`)
				})
				if err := useEverything(r, bob, tweet); err != nil {
					t.Fatal(err)
				}
				// The open socket and its subscriptions are as before.
				rig.ExpectHome(t, home, "+"+bob.Tweet(t, "back again"))
				// The last push comes before the database goes away again: it cannot be sent while the viewer's reaction cannot be read.
				bob.React(t, tweet, "LIKE")
				bob.React(t, tweet, "NONE")
				want := ada.Must(t, `query($id: ID!) { tweet(id: $id) { reactions { revision } } }`, apitest.Vars{"id": tweet}).
					Int("tweet.reactions.revision")
				for last := 0; last < want; {
					r := counts.Next(t)
					if last = r.Int("reactionsChanged.reactions.revision"); len(r.Errors) > 0 {
						t.Fatalf("the counts end with %s", r.Body)
					}
				}
			}
			if socket.Err() != nil {
				t.Errorf("the socket was closed: %v", socket.Err())
			}
			rig.CheckRows(t, rig.OpenURL(t, cluster.URL()))
		})
	}
}

// Connections that are cut in the middle of transactions cost their operations, and nothing that was
// acknowledged.
func TestConnectionsCutInTransactions(t *testing.T) {
	t.Parallel()
	const writers, cuts = 12, 25
	r := apitest.New(t, apitest.Server)
	db := r.DB(t)
	crowd := r.SignUps(t, "cut", writers)
	tweet := crowd[0].Tweet(t, "popular")
	var stop atomic.Bool
	var done, lost atomic.Int64
	posted := make([][]string, writers)
	progress, finished := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(finished)
		defer stop.Store(true)
		for range cuts {
			// The next cut comes when some work went well since the last.
			for from := done.Load(); done.Load() < from+writers; {
				select {
				case <-progress:
				case <-t.Context().Done():
					return
				}
			}
			if _, err := db.Writer().Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
				t.Errorf("cut connections: %v", err)
				return
			}
		}
	}()
	apitest.Parallel(t, writers, func(i int) error {
		for n := 0; !stop.Load(); n++ {
			query, vars := `mutation { createTweet(input: {text: "cut?"}) { tweet { id } userErrors { code } } }`, apitest.Vars{}
			switch n % 3 {
			case 1:
				query, vars = rig.SetReaction, apitest.Vars{"id": tweet, "k": []string{"LIKE", "DISLIKE"}[n/3%2]}
			case 2:
				query, vars = `mutation($id: ID!) { `+[]string{"followUser", "unfollowUser"}[n/3%2]+
					`(input: {userId: $id}) { user { id } userErrors { code } } }`,
					apitest.Vars{"id": crowd[(i+1)%writers].ID}
			}
			res, err := crowd[i].Try(query, vars)
			switch {
			case err == nil:
				done.Add(1)
				select {
				case progress <- struct{}{}:
				default:
				}
				if id := res.String("createTweet.tweet.id"); id != "" {
					posted[i] = append(posted[i], id)
				}
			case res == nil || len(res.Errors) == 0 || res.Errors[0].Code() != "UNAVAILABLE":
				return fmt.Errorf("a cut connection shows: %w", err)
			default:
				lost.Add(1)
			}
		}
		return nil
	})
	<-finished
	t.Logf("%d operations went well, %d were cut", done.Load(), lost.Load())
	if lost.Load() == 0 {
		t.Error("no operation was cut")
	}
	for _, all := range posted {
		for _, id := range all {
			if apitest.Int(t, db, "SELECT count(*) FROM tweets WHERE id = $1", rig.TweetID(t, id)) != 1 {
				t.Errorf("tweet %s was acknowledged and is gone", id)
			}
		}
	}
	rig.CheckRows(t, db)
}
