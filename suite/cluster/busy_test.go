package cluster

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"roost/testkit/apitest"
)

// newUsers signs up a few users.
func newUsers(t *testing.T, r *apitest.Roost, name string) []*apitest.User {
	t.Helper()
	people := make([]*apitest.User, 6)
	for i := range people {
		people[i] = r.SignUp(t, fmt.Sprintf("%s%d", name, i))
	}
	return people
}

// beBusy lets users post, react, follow each other and read, all at the same time, and checks every answer.
func beBusy(t *testing.T, people []*apitest.User, rounds int) {
	t.Helper()
	var all sync.WaitGroup
	for i, u := range people {
		all.Go(func() {
			for n := range rounds {
				other := people[(i+1+n%(len(people)-1))%len(people)]
				if err := busyRound(t.Context(), u, other.Name, fmt.Sprintf("%s says %d of %d", u.Name, n, rounds)); err != nil {
					t.Errorf("%s, round %d: %v", u.Name, n, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// busyRound posts a text, reacts to it, follows another user, and reads all of that again.
func busyRound(ctx context.Context, u *apitest.User, other, text string) error {
	ask := func(query string, vars apitest.Vars, want ...string) (string, error) {
		res, err := u.Do(ctx, query, vars)
		if err != nil {
			return "", err
		}
		body := string(res.Body)
		for _, w := range want {
			if !strings.Contains(body, w) {
				return "", fmt.Errorf("%s is missing in %s", w, body)
			}
		}
		return body, nil
	}
	made, err := ask(`mutation($t: String!) { createTweet(input: {text: $t}) { tweet { id text } userErrors { code } } }`,
		apitest.Vars{"t": text}, `"text":"`+text+`"`)
	if err != nil {
		return err
	}
	id := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(made)[1]
	for _, q := range []struct {
		query string
		vars  apitest.Vars
		want  []string
	}{
		{`mutation($id: ID!) { setReaction(input: {subjectId: $id, reaction: LIKE}) { userErrors { code } } }`, apitest.Vars{"id": id},
			[]string{`"userErrors":[]`}},
		{`query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount viewerReaction } }`, apitest.Vars{"ids": []string{id}},
			[]string{`"likeCount":1,"viewerReaction":"LIKE"`}},
		{`query($u: String!) { user(username: $u) { username followers { totalCount } timeline(first: 3) { nodes { text } } } }`,
			apitest.Vars{"u": u.Name}, []string{`"username":"` + u.Name + `"`, `"text":"` + text + `"`}},
		{`query($u: String!) { user(username: $u) { username name following(first: 3) { totalCount nodes { username } } } }`,
			apitest.Vars{"u": other}, []string{`"username":"` + other + `"`}},
		{`{ viewer { homeTimeline(first: 5) { nodes { text author { username } } } } }`, nil, []string{`"text":"` + text + `"`}},
	} {
		if _, err := ask(q.query, q.vars, q.want...); err != nil {
			return err
		}
	}
	return nil
}
