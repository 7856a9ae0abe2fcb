package costs

import (
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// thread writes a tweet of a new user, answers to it by all of ring b, and a chain below the last of them by the same users. It returns
// the tweet and the end of the chain.
func (w *crowd) thread(t testing.TB) (first, last int64) {
	t.Helper()
	first, parent := w.nextID(), rig.UserID(t, w.SignUp(t, "talking").ID)
	rows := [][]any{{first, parent, "who answers?", ids.Time(first), 1, nil, nil}}
	for _, b := range w.b {
		last = w.nextID()
		rows = append(rows, []any{last, b, "I do", ids.Time(last), 1, first, parent})
	}
	parent = w.b[len(w.b)-1]
	for _, b := range w.b {
		next := w.nextID()
		rows = append(rows, []any{next, b, "and I", ids.Time(next), 1, last, parent})
		last, parent = next, b
	}
	w.insert(t, "tweets (id, author_id, text, created_at, version, in_reply_to, parent_author_id)", rows)
	return first, last
}

// firstOf is for operations that read the tweet with the answers, lastOf for those that read the end of the chain.
func firstOf(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
	first, _ := c.thread(t)
	return c.viewer.Client, apitest.Vars{"id": ids.TweetID(first).String()}
}

func lastOf(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
	_, last := c.thread(t)
	return c.viewer.Client, apitest.Vars{"id": ids.TweetID(last).String()}
}

// secondReply is firstOf with the cursor of the second answer.
func secondReply(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
	client, vars := firstOf(t, c, n)
	res := c.viewer.Must(t, `query($id: ID!) { tweet(id: $id) { replies(first: 2, orderBy: OLDEST) { pageInfo { endCursor } } } }`, vars)
	vars["at"] = res.String("tweet.replies.pageInfo.endCursor")
	return client, vars
}
