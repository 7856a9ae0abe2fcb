package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/testkit/apitest"
)

// inTimelines is a document with which clients search in their home timelines and in a user's timeline.
const inTimelines = `query($q: String, $u: String!, $n: Int, $at: String, $ownAt: String, $i: [TimelineContent!]) {
	viewer { homeTimeline(first: $n, after: $at, matching: $q) { ...Home } }
	user(username: $u) { timeline(first: $n, after: $ownAt, include: $i, matching: $q) { ...Own } } }
	fragment Home on HomeTimelineConnection { eventCursor nodes { id } edges { cursor retweet { user { id } } node { id text } }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
	fragment Own on TimelineConnection { nodes { id } edges { cursor retweet { user { id } } node { id text } }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`

const homePath, ownPath = "viewer.homeTimeline", "user.timeline"

// entriesOf describes the entries of a page whose tweets contain a word: their cursors, tweets and retweeters.
func entriesOf(res *apitest.Response, path, word string) (out []string) {
	list, _ := res.Get(path + ".edges").([]any)
	for _, e := range list {
		if text, _ := apitest.Get(e, "node.text").(string); strings.Contains(text, word) {
			out = append(out, fmt.Sprint(apitest.Get(e, "cursor"), apitest.Get(e, "node.id"), apitest.Get(e, "retweet.user.id")))
		}
	}
	return out
}

// A search of a timeline has the entries of the timeline whose tweets match, with their cursors, which continue in the whole timeline and
// back. A new tweet is found within a second.
func TestSearchesOfTimelines(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, carl := r.SignUp(t, "ada"), r.SignUp(t, "bob"), r.SignUp(t, "carl")
		ada.Follow(t, bob.ID)
		old := carl.Tweet(t, "an owl of carl's")
		for i := range 4 {
			bob.Tweet(t, fmt.Sprintf("owl number %d", i))
			bob.Tweet(t, "nothing to see")
		}
		bob.Reply(t, old, "an answer about an owl")
		bob.Retweet(t, old)
		ada.Tweet(t, "my own owl")
		gone := bob.Tweet(t, "an owl that is gone")
		vars := func(q any, more apitest.Vars) apitest.Vars {
			out := apitest.Vars{"q": q, "u": bob.Name, "n": 50, "i": []string{"TWEETS", "REPLIES", "RETWEETS"}}
			for k, v := range more {
				out[k] = v
			}
			return out
		}
		find := func(q any, more apitest.Vars) *apitest.Response { return ada.Must(t, inTimelines, vars(q, more)) }
		apitest.Until(t, "the last tweet is found", func() bool {
			return slices.Contains(find("gone", nil).Strings(homePath+".nodes", "id"), gone)
		})
		bob.Delete(t, gone)
		whole := find(nil, nil)
		for _, path := range []string{homePath, ownPath} {
			want := entriesOf(whole, path, "owl")
			if got := entriesOf(find("OWL", nil), path, ""); !slices.Equal(got, want) || len(got) < 6 {
				t.Errorf("%s: the search has %v, the timeline %v", path, got, want)
			}
			at, walked := apitest.Vars{"n": 2}, []string(nil)
			name := map[string]string{homePath: "at", ownPath: "ownAt"}[path]
			for range 20 {
				res := find("owl", at)
				walked = append(walked, entriesOf(res, path, "")...)
				if res.Get(path+".pageInfo.hasPreviousPage") != (at[name] != nil) {
					t.Errorf("%s: the page after %v is at %v", path, at[name], res.Get(path+".pageInfo"))
				}
				if at[name] = res.String(path + ".pageInfo.endCursor"); res.Get(path+".pageInfo.hasNextPage") == false {
					break
				}
			}
			if !slices.Equal(walked, want) {
				t.Errorf("%s: the pages have %v, not %v", path, walked, want)
			}
			for i, cursor := range whole.Strings(path+".edges", "cursor") { // every cursor of the timeline continues in the search
				rest := entriesOf(find("owl", apitest.Vars{name: cursor}), path, "")
				if !slices.Equal(rest, want[len(want)-len(rest):]) || i == 0 && len(rest) < len(want)-1 {
					t.Errorf("%s: after %s the search has %v", path, cursor, rest)
				}
			}
			last := find("owl", apitest.Vars{"n": 3}).String(path + ".pageInfo.endCursor")
			if got := entriesOf(find(nil, apitest.Vars{name: last}), path, "owl"); !slices.Equal(got, want[3:]) {
				t.Errorf("%s: the timeline goes on with %v, not %v", path, got, want[3:])
			}
		}
		if find("owl", nil).String(homePath+".eventCursor") == "" {
			t.Error("a search has no eventCursor")
		}
		for _, q := range []string{"", " \t", "\"\" -", strings.Repeat("x", 10<<10), "%", strings.Repeat("a ", 33) + strings.Repeat("b c ", 50)} {
			want := ada.Run(t, `query($q: String!) { searchTweets(query: $q) { nodes { id } } }`, apitest.Vars{"q": q})
			got := ada.Run(t, inTimelines, vars(q, nil))
			if len(want.Errors) != len(got.Errors) || len(got.Errors) > 0 && (got.Errors[0].Message != want.Errors[0].Message ||
				got.Errors[0].Code() != want.Errors[0].Code()) {
				t.Errorf("%.20q is answered with %v, by searchTweets with %v", q, got.Errors, want.Errors)
			}
		}
		for _, q := range []string{`owl' OR '1'='1`, "owl & !owl", "owl\u2028\"", `\`, "owl:* %", "NEAR(owl)"} {
			if res := ada.Run(t, inTimelines, vars(q, nil)); len(res.Errors) > 0 && res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("%q is answered with %v", q, res.Errors)
			}
		}
		began := time.Now()
		quick := bob.Tweet(t, "a quick fox")
		acknowledged := time.Now()
		apitest.Until(t, "the new tweet is found", func() bool {
			return slices.Contains(find("fox", nil).Strings(homePath+".nodes", "id"), quick)
		})
		t.Logf("a new tweet was found %v after it was acknowledged, which took %v", time.Since(acknowledged), acknowledged.Sub(began))
		bob.Unretweet(t, old)
		if got := entriesOf(find("carl's", nil), homePath, ""); len(got) != 0 {
			t.Errorf("after the retweet was undone the search has %v", got)
		}
		ada.Unfollow(t, bob.ID)
		if got := entriesOf(find("owl", nil), homePath, ""); len(got) != 1 {
			t.Errorf("after the unfollow the search has %v", got)
		}
	})
}
