package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"roost/internal/ids"
	"roost/testkit/apitest"
)

const entitiesOf = `query($id: ID!) { tweet(id: $id) { text entities { __typename start end
	... on HashtagEntity { hashtag { id name } } ... on MentionEntity { user { username } } ... on LinkEntity { url } } } }`

// described are the entities of a tweet, each as its text, cut out of the tweet as clients do, and where it leads.
func described(t *testing.T, c *apitest.Client, tweet string) (all []string) {
	t.Helper()
	res := c.Must(t, entitiesOf, apitest.Vars{"id": tweet})
	text := utf16.Encode([]rune(res.String("tweet.text")))
	for i, kind := range res.Strings("tweet.entities", "__typename") {
		at := func(field string) any { return res.Get(fmt.Sprintf("tweet.entities.%d.%s", i, field)) }
		start, end := res.Int(fmt.Sprintf("tweet.entities.%d.start", i)), res.Int(fmt.Sprintf("tweet.entities.%d.end", i))
		leads := map[string]any{"HashtagEntity": at("hashtag.name"), "MentionEntity": at("user.username"), "LinkEntity": at("url")}[kind]
		all = append(all, fmt.Sprintf("%s=%v", string(utf16.Decode(text[start:end])), leads))
	}
	return all
}

// Entities of a text are where clients find them with UTF-16 offsets, and mentions lead to users whatever their case.
func TestEntities(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		nobody := apitest.Unique("nobody")
		for text, want := range map[string][]string{
			"plain": nil,
			"😀 #Grüße, @" + strings.ToUpper(ada.Name) + ": see (http://example.com/a_(b)?c=d).": {
				"#Grüße=Grüße", "@" + strings.ToUpper(ada.Name) + "=" + ada.Name, "http://example.com/a_(b)?c=d=http://example.com/a_(b)?c=d"},
			"@" + nobody + " 👩‍👩‍👧 #日本語 example.com#x": {"@" + nobody + "=<nil>", "#日本語=日本語", "example.com=https://example.com"},
			"#cafe\u0301 ＃ｉｓｔａｎｂｕｌ #ısı":               {"#cafe\u0301=cafe\u0301", "＃ｉｓｔａｎｂｕｌ=ｉｓｔａｎｂｕｌ", "#ısı=ısı"},
		} {
			if got := described(t, ada.Client, ada.Tweet(t, text)); !slices.Equal(got, want) {
				t.Errorf("%q has %q, want %q", text, got, want)
			}
		}
		// Further hashtags than those that lead to the tweet are entities too.
		var many, want []string
		for i := range 12 {
			tag := fmt.Sprintf("#%s%d", apitest.Unique("many"), i)
			many, want = append(many, tag), append(want, tag+"="+tag[1:])
		}
		tweet := ada.Tweet(t, strings.Join(many, " "))
		if got := described(t, ada.Client, tweet); !slices.Equal(got, want) {
			t.Errorf("12 hashtags are %q, want %q", got, want)
		}
		for i, found := range map[int]bool{0: true, 9: true, 10: false} {
			if res := ada.Must(t, aHashtag, apitest.Vars{"name": many[i], "n": 1}); found != (res.Get("hashtag") != nil) {
				t.Errorf("hashtag %d of the tweet is %v", i, res.Get("hashtag"))
			}
		}
	})
}

const aHashtag = `query($name: String!, $n: Int!, $after: String) { hashtag(name: $name) { id name tweets(first: $n, after: $after) {
	nodes { id author { username } } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`

// A hashtag leads to its tweets, newest first, from its name in any spelling and from its id, until no visible tweet has it.
func TestHashtags(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, tag := r.SignUp(t, "ada"), apitest.Unique("Tag")
		vars := apitest.Vars{"name": "#" + strings.ToUpper(tag), "n": 3, "after": nil}
		if res := ada.Must(t, aHashtag, vars); res.Get("hashtag") != nil {
			t.Errorf("nobody has the hashtag: %s", res.Data)
		}
		var all []string
		for i := range 8 {
			all = slices.Insert(all, 0, ada.Tweet(t, fmt.Sprintf("tweet %d #%s", i, tag)))
			if res := ada.Must(t, aHashtag, vars); res.String("hashtag.tweets.nodes.0.id") != all[0] {
				t.Errorf("the tweet is not in the list when its mutation is answered: %s", res.Data)
			}
		}
		ada.Delete(t, all[3])
		all = slices.Delete(all, 3, 4)
		var got []string
		for more := true; more; {
			res := r.Anonymous().Must(t, aHashtag, vars)
			nodes := res.Strings("hashtag.tweets.nodes", "id")
			if !slices.Equal(nodes, res.Strings("hashtag.tweets.edges", "node.id")) || res.String("hashtag.name") != tag {
				t.Errorf("a page is %s", res.Data)
			}
			got = append(got, nodes...)
			more = res.Get("hashtag.tweets.pageInfo.hasNextPage") == true
			vars["after"] = res.String("hashtag.tweets.pageInfo.endCursor")
		}
		if !slices.Equal(got, all) {
			t.Errorf("the pages have %v, want %v", got, all)
		}

		vars["after"] = nil
		id := ada.Must(t, aHashtag, vars).String("hashtag.id")
		const byID = `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Hashtag { name tweets(first: 1) { nodes { id } } } } }`
		nodes := func() *apitest.Response {
			return ada.Must(t, byID, apitest.Vars{"ids": []string{id, ada.ID, ids.HashtagID(7).String()}})
		}
		res := nodes()
		if res.Get("nodes.0.__typename") != "Hashtag" || res.String("nodes.0.tweets.nodes.0.id") != all[0] || res.Get("nodes.2") != nil {
			t.Errorf("by their ids: %s", res.Data)
		}
		for _, tweet := range all {
			ada.Delete(t, tweet)
		}
		if res := ada.Must(t, aHashtag, vars); res.Get("hashtag") != nil {
			t.Errorf("after the last tweet was deleted: %s", res.Data)
		}
		if res := nodes(); res.Get("nodes.0") != nil {
			t.Errorf("by its id, after the last tweet was deleted: %s", res.Data)
		}
	})
}
