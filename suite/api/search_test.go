package api

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"roost/internal/cursors"
	"roost/testkit/apitest"
)

// search is a document with which clients search for tweets.
const search = `query($q: String!, $f: TweetSearchFilter, $o: TweetSearchOrder, $n: Int, $at: String) {
	searchTweets(query: $q, filter: $f, orderBy: $o, first: $n, after: $at) {
		edges { cursor node { id } } nodes { text author { username } }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
	} }`

// New tweets and users are found, page by page and as the filter says, and deleted tweets are not.
func TestSearch(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		ada.Follow(t, bob.ID)
		var posted []string
		for i := range 5 {
			posted = append(posted, bob.Tweet(t, fmt.Sprintf("hello #world %d", i)))
		}
		own := ada.Tweet(t, "hello again, @bob")
		find := func(c *apitest.Client, vars apitest.Vars) []string {
			t.Helper()
			return c.Must(t, search, vars).Strings("searchTweets.edges", "node.id")
		}
		apitest.Until(t, "all tweets are found", func() bool { return len(find(ada.Client, apitest.Vars{"q": "hello"})) == 6 })
		newest := []string{own}
		for i := range posted {
			newest = append(newest, posted[len(posted)-1-i])
		}
		filter := func(f apitest.Vars) apitest.Vars { return apitest.Vars{"q": "HELLO", "o": "NEWEST", "f": f} }
		for _, c := range []struct {
			who  *apitest.Client
			vars apitest.Vars
			want []string
		}{
			{ada.Client, filter(nil), newest},
			{r.Anonymous(), filter(apitest.Vars{"authorId": ada.ID}), []string{own}},
			{ada.Client, filter(apitest.Vars{"followingOnly": true}), newest[1:]},
			{r.Anonymous(), filter(apitest.Vars{"followingOnly": true}), nil},
			{ada.Client, filter(apitest.Vars{"authorId": own}), nil},
			{ada.Client, filter(apitest.Vars{"since": "2001-01-01T00:00:00Z"}), newest},
			{ada.Client, filter(apitest.Vars{"until": "2001-01-01T00:00:00Z"}), nil},
			{ada.Client, apitest.Vars{"q": "#world -3", "o": "NEWEST", "n": 2}, newest[1:2]},
			{ada.Client, apitest.Vars{"q": "@bob"}, []string{own}},
			{ada.Client, apitest.Vars{"q": "hello", "n": 0}, nil},
		} {
			want := c.want
			if c.vars["n"] == 2 { // the newest two without the one that is excluded
				want = []string{posted[4], posted[2]}
			}
			if got := find(c.who, c.vars); !slices.Equal(got, want) {
				t.Errorf("%v finds %v, want %v", c.vars, got, want)
			}
		}
		for _, order := range []string{"RELEVANT", "NEWEST"} {
			var walked []string
			at := ""
			for page := 0; ; page++ {
				vars := apitest.Vars{"q": "hello", "o": order, "n": 2}
				if at != "" {
					vars["at"] = at
				}
				res := ada.Must(t, search, vars)
				walked = append(walked, res.Strings("searchTweets.edges", "node.id")...)
				edges := res.Strings("searchTweets.edges", "cursor")
				at = res.String("searchTweets.pageInfo.endCursor")
				if at != edges[len(edges)-1] || res.String("searchTweets.pageInfo.startCursor") != edges[0] ||
					res.Get("searchTweets.pageInfo.hasPreviousPage") != (page > 0) {
					t.Errorf("%s: the page is at %s", order, res.Data)
				}
				if res.Get("searchTweets.pageInfo.hasNextPage") == false {
					break
				}
			}
			if slices.Sort(walked); len(slices.Compact(walked)) != 6 {
				t.Errorf("%s: the pages have %v", order, walked)
			}
		}
		bob.Delete(t, posted[0])
		if got := find(ada.Client, apitest.Vars{"q": "hello", "n": 100}); slices.Contains(got, posted[0]) || len(got) != 5 {
			t.Errorf("after a deletion %v are found", got)
		}
		users := func(query string) []string {
			t.Helper()
			return r.Anonymous().Must(t, `query($q: String!) { searchUsers(query: $q) { nodes { username } edges { node { id } } } }`,
				apitest.Vars{"q": query}).Strings("searchUsers.nodes", "username")
		}
		for query, want := range map[string]string{ada.Name[:len(ada.Name)-1]: ada.Name, "": bob.Name} {
			apitest.Until(t, "users are found", func() bool { return slices.Contains(users(query), want) })
		}
		if got := users(""); got[0] != bob.Name {
			t.Errorf("the most followed are %v", got)
		}
	})
}

// A cursor that no page has had is refused, or leads into the same bounded list.
func TestSearchRefusesMadeUpCursors(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	made := func(class byte, id, low, high uint64) string {
		b := []byte{class}
		for _, n := range []uint64{id, low, high} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return cursors.EncodeBody(cursors.Ranked, b)
	}
	for at, refused := range map[string]bool{
		made(1, 5, 1, 9):               false,
		made(1, 1, 0, math.MaxInt64):   true, // has no end
		made(1, 1, 0, math.MaxInt64-1): false,
		made(1, 10, 1, 9):              true, // outside of its range
		made(1, 0, 0, 9):               true,
		made(255, 5, 1, 9):             true,
	} {
		res := r.Anonymous().Run(t, search, apitest.Vars{"q": "hello", "o": "RELEVANT", "at": at})
		if got := strings.Contains(string(res.Body), `"BAD_REQUEST"`); got != refused || !refused && len(res.Errors) > 0 {
			t.Errorf("%s: %s", at, res.Body)
		}
	}
}

// Replies are found like other tweets, and one connection has the pages of searches, of hashtags and of replies in the same operation.
func TestSearchBesideReplies(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		post := ada.Tweet(t, "a question about #owls")
		reply := bob.Reply(t, post, "an answer about #owls")
		const document = `query($h: String!, $t: ID!) {
			found: searchTweets(query: "#owls", orderBy: NEWEST) { ...Page }
			hashtag(name: $h) { tweets { ...Page } }
			node(id: $t) { ... on Tweet { replies { ...Page } } } }
			fragment Page on TweetConnection {
				edges { cursor node { id inReplyTo { id } } } nodes { isReply } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`
		vars := apitest.Vars{"h": "owls", "t": post}
		apitest.Until(t, "both tweets are found", func() bool {
			return len(ada.Must(t, document, vars).Strings("found.edges", "node.id")) == 2
		})
		res := ada.Must(t, document, vars)
		for path, want := range map[string][]string{"found": {reply, post}, "hashtag.tweets": {reply, post}, "node.replies": {reply}} {
			if got := res.Strings(path+".edges", "node.id"); !slices.Equal(got, want) {
				t.Errorf("%s has %v, want %v", path, got, want)
			}
			if cursor := res.Strings(path+".edges", "cursor")[0]; res.String(path+".pageInfo.startCursor") != cursor {
				t.Errorf("%s: the page begins at %s, its first edge is %s", path, res.String(path+".pageInfo.startCursor"), cursor)
			}
		}
		if at := res.Get("found.edges.0.node.inReplyTo.id"); at != post {
			t.Errorf("the reply that is found answers %v, not %s", at, post)
		}
	})
}

// A search that asks for nothing or too much, or that goes on where no such search was, is refused before anything is read.
func TestSearchRefusals(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		for _, c := range []struct {
			vars   apitest.Vars
			reason string
		}{
			{apitest.Vars{"q": ""}, ""},
			{apitest.Vars{"q": "% \\ ' \x00"}, ""},
			{apitest.Vars{"q": strings.Repeat("a", 10<<10)}, ""},
			{apitest.Vars{"q": "a", "n": 101}, "PAGE_SIZE"},
			{apitest.Vars{"q": "a", "at": "x"}, "BAD_CURSOR"},
			{apitest.Vars{"q": "a", "at": "dAAAAAAAAAAB"}, "BAD_CURSOR"},                // of NEWEST
			{apitest.Vars{"q": "a", "at": "bgAAAAAAAAAB", "o": "NEWEST"}, "BAD_CURSOR"}, // of replies
			{apitest.Vars{"q": "a", "at": "dAAAAAAAAAAB", "o": "NEWEST"}, "none"},
			{apitest.Vars{"q": "'; DROP TABLE search_tweets; --"}, "none"},
		} {
			res := ada.Run(t, `query($q: String!, $o: TweetSearchOrder, $n: Int, $at: String) { viewer { email }
				searchTweets(query: $q, orderBy: $o, first: $n, after: $at) { nodes { id } } }`, c.vars)
			if c.reason == "none" {
				if len(res.Errors) > 0 {
					t.Errorf("%.40v: %s", c.vars, res.Body)
				}
				continue
			}
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("%.40v: %.300s", c.vars, res.Body)
				continue
			}
			if reason, _ := res.Errors[0].Extensions["reason"].(string); reason != c.reason {
				t.Errorf("%.40v: the reason is %q, want %q", c.vars, reason, c.reason)
			}
		}
	})
}
