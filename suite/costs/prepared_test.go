package costs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"roost/app"
	"roost/ent/migrations"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
)

// preparedOps are the operations that are asked most, with variables that depend on how often they have run.
var preparedOps = []struct {
	query string
	vars  func(n int, bob *apitest.User, tweet string) apitest.Vars
}{
	{`{ viewer { homeTimeline(first: 20) { edges { cursor node { id text author { id username } reactions { likeCount viewerReaction } } }
		pageInfo { hasNextPage endCursor } } } }`, nil},
	{`query($u: String!) { user(username: $u) { id name tweetCount followers { totalCount } following { totalCount } viewerIsFollowing
		timeline(first: 10) { edges { cursor node { id text reactions { likeCount viewerReaction } } } } } }`,
		func(_ int, bob *apitest.User, _ string) apitest.Vars { return apitest.Vars{"u": bob.Name} }},
	{`query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount dislikeCount revision viewerReaction } }`,
		func(_ int, _ *apitest.User, tweet string) apitest.Vars { return apitest.Vars{"ids": []string{tweet}} }},
	{`mutation($id: ID!, $r: ReactionKind!) { setReaction(input: {subjectId: $id, reaction: $r}) { subject { reactions { likeCount } }
		userErrors { code } } }`,
		func(n int, _ *apitest.User, tweet string) apitest.Vars {
			return apitest.Vars{"id": tweet, "r": []string{"LIKE", "DISLIKE", "NONE"}[n%3]}
		}},
	{`mutation($t: String!) { createTweet(input: {text: $t}) { tweet { id text } userErrors { code } } }`,
		func(n int, _ *apitest.User, _ string) apitest.Vars { return apitest.Vars{"t": fmt.Sprint("hello ", n)} }},
	{`mutation($id: ID!) { followUser(input: {userId: $id}) { user { id } userErrors { code } } }`,
		func(_ int, bob *apitest.User, _ string) apitest.Vars { return apitest.Vars{"id": bob.ID} }},
	{`mutation($id: ID!) { unfollowUser(input: {userId: $id}) { user { id } userErrors { code } } }`,
		func(_ int, bob *apitest.User, _ string) apitest.Vars { return apitest.Vars{"id": bob.ID} }},
}

// loggedStep matches what PostgreSQL logs about a step of a statement: the process, the step, the name of the prepared statement
// and the text, without the lines that go on with the text.
var loggedStep = regexp.MustCompile(`(?m)^(\d+) LOG:  duration: [0-9.]+ ms  (parse|execute) (\S+): (.*(?:\n\t.*)*)$`)

type loggedText struct{ pid, text string }

// steps counts the steps in a log: how often each process parsed each text under a name, and how often it ran the text without one.
func loggedSteps(log string) (named, unnamed map[loggedText]int) {
	named, unnamed = map[loggedText]int{}, map[loggedText]int{}
	for _, m := range loggedStep.FindAllStringSubmatch(log, -1) {
		is := loggedText{m[1], strings.Join(strings.Fields(m[4]), " ")}
		switch {
		case m[2] == "parse" && m[3] != "<unnamed>":
			named[is]++
		case m[2] == "execute" && m[3] == "<unnamed>":
			unnamed[is]++
		}
	}
	return named, unnamed
}

// PostgreSQL parses each statement of the operations that are asked most once for each connection, and runs none of them
// unprepared once the operation has run a few times.
func TestHotStatementsAreParsedOncePerConnection(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t, pgtest.Options{Settings: map[string]string{
		"log_min_duration_statement": "0", "log_line_prefix": "%p ", "log_min_messages": "log"}})
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: cluster.URL(), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = migrations.Up(t.Context(), db.Writer())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var made requestStatements
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL, c.Watch = cluster.URL(), made.watch })
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	tweet := bob.Tweet(t, "hello")
	run := func(times int) {
		for n := range times {
			for _, op := range preparedOps {
				vars := apitest.Vars{}
				if op.vars != nil {
					vars = op.vars(n, bob, tweet)
				}
				ada.Must(t, op.query, vars)
			}
		}
	}
	run(20)
	runs := map[string]int{}
	for _, text := range made.taken() {
		runs[text]++
	}
	before := len(cluster.Log())
	const times = 15
	run(times)
	log := cluster.Log()
	named, _ := loggedSteps(log)
	for is, n := range named {
		if n > 1 {
			t.Errorf("the process %s parsed %d times: %s", is.pid, n, is.text)
		}
	}
	_, unnamed := loggedSteps(log[before:])
	plain := map[string]int{}
	for is, n := range unnamed {
		plain[is.text] += n
	}
	hot := map[string]int{}
	for _, text := range made.taken() {
		if runs[text] >= 15 {
			hot[text]++
		}
	}
	for text, n := range hot {
		if plain[text] > 0 {
			t.Errorf("of %d runs %d are not prepared: %s", n, plain[text], text)
		}
	}
	if len(hot) < 10 || len(named) < len(hot) {
		t.Errorf("only %d statements are hot, %d are prepared", len(hot), len(named))
	}
	t.Logf("%d hot statements, parsed %d times by all connections", len(hot), len(named))
}
