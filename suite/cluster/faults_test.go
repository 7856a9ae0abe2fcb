package cluster

import (
	"fmt"
	"syscall"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// A node that dies just before a commit has done nothing of an operation, one that dies just after it all
// of it, though nobody got an answer.
func TestKilledAtTheCommit(t *testing.T) {
	writes := map[string]struct {
		query string
		// counts is by how much the write raises the number of rows, or of events.
		counts string
	}{
		"signUp": {`mutation { signUp(input: {username: "latecomer", email: "late@example.com", password: "correct horse",
			tokenDelivery: TOKEN}) { token } }`,
			`SELECT count(*) FROM users WHERE username = 'latecomer'`},
		"logIn": {`mutation($name: String!) { logIn(input: {login: $name, password: "correct horse", tokenDelivery: TOKEN}) { token } }`,
			`SELECT max(n) - 1 FROM (SELECT count(*) AS n FROM sessions GROUP BY user_id) AS of_one`},
		"createTweet": {`mutation { createTweet(input: {text: "now"}) { tweet { id } } }`, `SELECT count(*) FROM tweets WHERE text = 'now'`},
		"deleteTweet": {`mutation($own: ID!) { deleteTweet(input: {tweetId: $own}) { deletedTweetId } }`,
			`SELECT count(*) FROM tweets WHERE deleted_at IS NOT NULL`},
		"followUser": {`mutation($user: ID!) { followUser(input: {userId: $user}) { user { id } } }`,
			`SELECT count(*) FROM follows WHERE active`},
		"setReaction": {`mutation($tweet: ID!) { setReaction(input: {subjectId: $tweet, reaction: LIKE}) { subject { id } } }`,
			`SELECT count(*) FROM reactions WHERE kind = 1`},
		"retweet": {`mutation($tweet: ID!) { retweet(input: {tweetId: $tweet}) { tweet { id } } }`, `SELECT count(*) - 1 FROM retweets`},
		"unretweet": {`mutation($passedOn: ID!) { unretweet(input: {tweetId: $passedOn}) { tweet { id } } }`,
			`SELECT count(*) FROM retweets WHERE NOT active`},
		"updateProfile": {`mutation { updateProfile(input: {name: "Ada L."}) { user { id } } }`,
			`SELECT count(*) FROM users WHERE name = 'Ada L.'`},
		"logOut": {`mutation { logOut { session { id } } }`, `SELECT count(*) FROM sessions WHERE end_reason = 'LOGGED_OUT'`},
	}
	inBothModes(t, func(t *testing.T, p *rig.Process) {
		bin := rig.Faulty.Build(t)
		p.Start(t, bin)
		ada, bob := p.SignUp(t, "ada"), p.SignUp(t, "bob")
		vars := apitest.Vars{"user": bob.ID, "tweet": bob.Tweet(t, "hello"), "own": ada.Tweet(t, "mine"), "name": ada.Name,
			"passedOn": bob.Tweet(t, "passed on")}
		ada.Retweet(t, vars["passedOn"].(string))
		p.End(t, syscall.SIGTERM)
		for _, point := range []string{"events.before-commit", "events.after-commit"} {
			for _, name := range []string{"signUp", "createTweet", "followUser", "setReaction", "retweet", "unretweet",
				"updateProfile", "deleteTweet", "logIn", "logOut"} {
				w := writes[name]
				p.Start(t, bin, fmt.Sprintf("ROOST_FAULT=%s:kill", point))
				if res, err := ada.Try(w.query, vars); res != nil {
					t.Fatalf("%s was to die at %s and answers %s, %v", name, point, res.Body, err)
				}
				<-p.Proc.Exited()
				want := map[string]int64{"events.before-commit": 0, "events.after-commit": 1}[point]
				p.Look(t, func(db *sqldb.DB) {
					if got := apitest.Int(t, db, w.counts); got != want {
						t.Errorf("%s killed at %s: %s gives %d, want %d", name, point, w.counts, got, want)
					}
					rig.CheckRows(t, db)
				})
			}
		}
		p.Start(t, bin)
		if res := ada.Run(t, `{ viewer { user { name } } }`, nil); res.Status != 401 {
			t.Errorf("the session that was ended without an answer says %s", res.Body)
		}
		p.End(t, syscall.SIGTERM)
	})
}
