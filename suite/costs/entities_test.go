package costs

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
)

// mentioningTweets is how many tweets mentioning writes, mentions how many users each of them mentions. Together they mention more users
// than a batch of names has.
const mentioningTweets, mentions = 20, 5

// mentioning writes tweets of the first of ring a, older than all others, that mention users of rings a and b, and returns them.
func (w *crowd) mentioning(t testing.TB) (made []int64) {
	t.Helper()
	var rows [][]any
	for i := range mentioningTweets {
		var text strings.Builder
		for j := range mentions {
			n := i*mentions + j
			fmt.Fprintf(&text, "@%c%d ", "ab"[n%2], n/2)
		}
		id := w.earlierID()
		made = append(made, id)
		rows = append(rows, []any{id, w.a[0], text.String(), ids.Time(id), 1})
	}
	w.insert(t, "tweets (id, author_id, text, created_at, version)", rows)
	return made
}

// clientDocuments are the documents of the typed client, by the beginning of their text.
func clientDocuments(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../web/client/documents.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]string{}
	for _, text := range all {
		name, _, _ := strings.Cut(text, "(")
		byName[name] = text
	}
	return byName
}

// The pages of the typed client, which show entities, are answered with as many tweets as a page may have, so they cost no more than a
// signed-in caller may spend on one operation. Beside its answers a thread has up to 50 ancestors, so there half as many answers are.
// Pages of the default size are answered without a session as well.
func TestLargestPagesOfTheClientAreAnswered(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server, apitest.Metered)
	c := newCrowd(t, r)
	c.tag(t)
	first, last := c.thread(t)
	documents := clientDocuments(t)
	for _, p := range []struct {
		document, page string
		vars           apitest.Vars
		anonymous      bool
		first, atLeast int
	}{
		{"query HomeTimeline", "viewer.homeTimeline", apitest.Vars{}, false, 100, 100},
		{"query Profile", "user.timeline", apitest.Vars{"username": c.viewer.Name}, true, 100, ownTweets},
		{"query HashtagTweets", "hashtag.tweets", apitest.Vars{"name": "roost"}, true, 100, ownTweets},
		{"query Thread", "tweet.replies", apitest.Vars{"id": ids.TweetID(first).String()}, true, 50, 50},
		{"query Thread", "tweet.replies", apitest.Vars{"id": ids.TweetID(last).String()}, true, 50, 0},
	} {
		query := documents[p.document]
		if !strings.Contains(query, "entities") || !strings.Contains(query, "$first") {
			t.Errorf("%s does not ask for pages of tweets with entities: %q", p.document, query)
			continue
		}
		if p.anonymous {
			c.Anonymous().Must(t, query, p.vars)
		}
		p.vars["first"] = p.first
		res := c.viewer.Must(t, query, p.vars)
		if n := len(res.Get(p.page + ".edges").([]any)); n < p.atLeast {
			t.Errorf("%s: %d entries, want %d", p.document, n, p.atLeast)
		}
		if found := strings.Contains(string(res.Data), `"__typename":"MentionEntity"`); found != (p.page != "tweet.replies") {
			t.Errorf("%s: mentions are found: %t", p.document, found)
		}
	}
}
