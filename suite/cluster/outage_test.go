package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// everyRead asks for every field that reads.
const everyRead = `query($user: ID!, $tweet: ID!, $name: String!) {
	node(id: $user) { id } nodes(ids: [$user, $tweet]) { id }
	viewer { email sessionPolicy currentSession { id } sessions { id lastUsedAt }
		user { id name tweetCount followers { totalCount nodes { id } } following { totalCount nodes { id } } timeline { nodes { id } } }
		homeTimeline(first: 10) { edges { cursor node { id author { name } reactions { likeCount viewerReaction } } } pageInfo { hasNextPage } } }
	user(username: $name) { id viewerIsFollowing isFollowingViewer }
	tweet(id: $tweet) { text author { username } viewerCanDelete }
	reactionSummaries(subjectIds: [$tweet]) { likeCount revision }
	limits { pageSize } }`

// useEverything runs every operation of the API as a newcomer beside a friend who is there already.
func useEverything(r *apitest.Roost, friend *apitest.User, tweet string) error {
	name := apitest.Unique("away")
	run := func(c *apitest.Client, vars apitest.Vars, query string) (*apitest.Response, error) {
		res, err := c.Try(query, vars)
		if err == nil && strings.Contains(string(res.Data), `":null}`) {
			err = fmt.Errorf("run %s: %s", query, res.Data)
		}
		return res, err
	}
	up, err := run(r.Anonymous(), apitest.Vars{"n": name, "m": name + "@example.com"}, `mutation($n: String!, $m: String!) {
		signUp(input: {username: $n, email: $m, password: "correct horse", tokenDelivery: TOKEN}) { token viewer { user { id } }
		userErrors { code } } }`)
	if err != nil {
		return err
	}
	me := r.As(up.String("signUp.token"))
	in, err := run(r.Anonymous(), apitest.Vars{"n": name}, `mutation($n: String!) {
		logIn(input: {login: $n, password: "correct horse", tokenDelivery: TOKEN}) { token session { id } userErrors { code } } }`)
	if err != nil {
		return err
	}
	other := r.As(in.String("logIn.token"))
	vars := apitest.Vars{"user": friend.ID, "tweet": tweet, "name": friend.Name}
	for _, write := range []string{
		`mutation($user: ID!) { followUser(input: {userId: $user}) { user { viewerIsFollowing } viewer { user { following { totalCount } } }
			userErrors { code } } }`,
		`mutation($tweet: ID!) { setReaction(input: {subjectId: $tweet, reaction: LIKE}) { subject { reactions { likeCount } }
			userErrors { code } } }`,
		`mutation { updateProfile(input: {name: "Still here"}) { user { name } userErrors { code } } }`,
		`mutation { updateSettings(input: {sessionPolicy: MULTI_DEVICE}) { viewer { sessionPolicy } userErrors { code } } }`,
		everyRead,
		`mutation($user: ID!) { unfollowUser(input: {userId: $user}) { user { viewerIsFollowing } userErrors { code } } }`,
		`mutation { changePassword(input: {currentPassword: "correct horse", newPassword: "another horse"}) { viewer { email }
			userErrors { code } } }`,
		`mutation { revokeOtherSessions { sessions { id } userErrors { code } } }`,
	} {
		if _, err := run(me, vars, write); err != nil {
			return err
		}
	}
	posted, err := run(me, nil, `mutation { createTweet(input: {text: "away"}) { tweet { id } timelineEdge { cursor } userErrors { code } } }`)
	if err != nil {
		return err
	}
	for _, write := range []string{
		`mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { deletedTweetId userErrors { code } } }`,
		`mutation { logOut { session { endReason } userErrors { code } } }`,
	} {
		if _, err := run(me, apitest.Vars{"id": posted.String("createTweet.tweet.id")}, write); err != nil {
			return err
		}
	}
	// The change of the password has ended the other session.
	if got, err := other.Do(context.Background(), `{ viewer { email } }`, nil); err != nil || got.Status != 401 {
		return fmt.Errorf("an ended session answers %v, %v", got, err)
	}
	return nil
}

// checkLive sees that subscriptions begin, move and end.
func checkLive(t testing.TB, u *apitest.User, tweet string) {
	t.Helper()
	socket := u.Dial(t)
	home := rig.WatchHome(t, u, socket)
	st, _ := rig.WatchCounts(t, socket, tweet)
	u.React(t, tweet, "LIKE")
	st.Next(t)
	u.React(t, tweet, "NONE")
	own := u.Tweet(t, "live")
	rig.ExpectHome(t, home, "+"+own)
	_ = socket.Conn.Close()
}

func TestRedisAway(t *testing.T) {
	for name, c := range map[string]struct {
		away, back func(r *apitest.Roost)
	}{
		"refuses": {func(r *apitest.Roost) { r.Redis.Stop() }, func(r *apitest.Roost) { r.Redis.Restart() }},
		"hangs":   {func(r *apitest.Roost) { r.Redis.Pause() }, func(r *apitest.Roost) { r.Redis.Resume() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := apitest.New(t, apitest.Server)
			second := apitest.Start(t, r.Config)
			u := r.SignUp(t, "ada")
			tweet := u.Tweet(t, "hello")
			// Two rounds: what went well once may have left something behind.
			for round := range 2 {
				before := fmt.Sprintf(`query Before%d { limits { pageSize } }`, round)
				keep(t, r, before)
				expectKept(t, second, before)
				c.away(r)
				for range 3 {
					if err := useEverything(r, u, tweet); err != nil {
						t.Fatal(err)
					}
				}
				checkLive(t, u, tweet)
				expectKept(t, r, before) // each node still has its own
				during := fmt.Sprintf(`query During%d { limits { pageSize } }`, round)
				keep(t, r, during)
				expectKept(t, r, during)
				expectMissesAreQuick(t, r)
				apitest.Until(t, "/readyz to miss Redis", func() bool { // its answers are kept for a moment
					status, body := r.Ready(t)
					return status == 200 && strings.Contains(body, `"redis":"degraded"`)
				})
				c.back(r)
				apitest.Until(t, "documents to be shared again", func() bool {
					after := fmt.Sprintf(`query %s { limits { pageSize } }`, apitest.Unique("After"))
					keep(t, r, after)
					res, err := second.Anonymous().Persisted(t.Context(), after)
					return err == nil && len(res.Errors) == 0
				})
				apitest.Until(t, "/readyz to be content", func() bool {
					status, body := r.Ready(t)
					return status == 200 && strings.Contains(body, `"redis":"ok"`)
				})
				if err := useEverything(second, u, tweet); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func keep(t testing.TB, r *apitest.Roost, query string) {
	t.Helper()
	if res, err := r.Anonymous().Persist(t.Context(), query); err != nil || len(res.Errors) > 0 {
		t.Fatalf("keep %s: %v %s", query, err, res.Body)
	}
}

func expectKept(t testing.TB, r *apitest.Roost, query string) {
	t.Helper()
	if res, err := r.Anonymous().Persisted(t.Context(), query); err != nil || len(res.Errors) > 0 {
		t.Fatalf("ask for %s by its hash: %v %s", query, err, res.Body)
	}
}

// expectMissesAreQuick asks for documents that only Redis could hold. If each waited for a Redis that
// hangs, they would take a minute.
func expectMissesAreQuick(t testing.TB, r *apitest.Roost) {
	t.Helper()
	const misses = 240
	ctx, cancel := context.WithTimeout(t.Context(), apitest.Patience)
	defer cancel()
	for range misses {
		res, err := r.Anonymous().Persisted(ctx, apitest.Unique("query Unknown"))
		if err != nil {
			t.Fatalf("%d questions without Redis take longer than %s: %v", misses, apitest.Patience, err)
		}
		if len(res.Errors) != 1 || res.Errors[0].Code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Fatalf("an unknown document: %s", res.Body)
		}
	}
}
