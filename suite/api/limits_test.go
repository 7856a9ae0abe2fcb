package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"roost/testkit/apitest"
)

// Each field of Limits is what the server enforces: what is at the limit passes, and what is one beyond it is refused.
func TestLimitsAreEnforced(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "limited")
		names := u.Must(t, `{ __type(name: "Limits") { fields { name } } }`, nil).Strings("__type.fields", "name")
		limits := u.Must(t, "{ limits { "+strings.Join(names, " ")+" } }", nil)
		w := &limited{Roost: r, u: u, tagged: u.Tweet(t, "#roost")}
		proofs := map[string]func(t *testing.T, n int) (code string){
			"tweetLength": w.tweet, "pageSize": w.pages, "batchSize": w.batches, "usernameLength": w.username, "nameLength": w.name,
			"bioLength": w.bio, "passwordMinLength": w.password, "searchLength": w.search,
			"documentBytes": w.document,
		}
		beyond := map[string]string{"pageSize": "BAD_REQUEST", "batchSize": "BAD_REQUEST", "searchLength": "BAD_REQUEST",
			"documentBytes": "QUERY_TOO_COMPLEX", "passwordMinLength": "TOO_SHORT"}
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				proof, n, step := proofs[name], limits.Int("limits."+name), 1
				if proof == nil {
					t.Fatal("nothing shows that it is enforced")
				}
				want := "TOO_LONG"
				if code, ok := beyond[name]; ok {
					want = code
				}
				if want == "TOO_SHORT" {
					step = -1
				}
				if code := proof(t, n); code != "" {
					t.Errorf("%d is refused with %s", n, code)
				}
				if code := proof(t, n+step); code != want {
					t.Errorf("%d is answered with %q, want %s", n+step, code, want)
				}
			})
		}
	})
}

// limited is a user who tries limits. Each method returns the code of the refusal, empty if nothing was refused.
type limited struct {
	*apitest.Roost
	u      *apitest.User
	tagged string // a tweet of the user with the hashtag #roost
}

// long is a text of n code points, each of two UTF-16 units and four bytes.
func long(n int) string { return strings.Repeat("🌊", n) }

// refusal returns the only code with which a response refuses.
func refusal(t *testing.T, res *apitest.Response, payload string) string {
	t.Helper()
	if len(res.Errors) > 0 {
		return res.Errors[0].Code()
	}
	if payload == "" {
		return ""
	}
	return strings.Join(res.Strings(payload+".userErrors", "code"), " ")
}

func (w *limited) tweet(t *testing.T, n int) string {
	return refusal(t, w.u.Run(t, `mutation($text: String!) { createTweet(input: {text: $text}) { userErrors { code } } }`,
		apitest.Vars{"text": long(n)}), "createTweet")
}

func (w *limited) bio(t *testing.T, n int) string  { return w.profile(t, "bio", n) }
func (w *limited) name(t *testing.T, n int) string { return w.profile(t, "name", n) }

func (w *limited) profile(t *testing.T, field string, n int) string {
	return refusal(t, w.u.Run(t, `mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { userErrors { code } } }`,
		apitest.Vars{"i": apitest.Vars{field: long(n)}}), "updateProfile")
}

func (w *limited) username(t *testing.T, n int) string {
	name := apitest.Unique("u")
	return refusal(t, w.u.Run(t, `mutation($i: UpdateSettingsInput!) { updateSettings(input: $i) { userErrors { code } } }`,
		apitest.Vars{"i": apitest.Vars{"username": name + strings.Repeat("x", n-len(name))}}), "updateSettings")
}

func (w *limited) password(t *testing.T, n int) string {
	u := w.SignUp(t, "password")
	return refusal(t, u.Run(t, `mutation($i: ChangePasswordInput!) { changePassword(input: $i) { userErrors { code } } }`,
		apitest.Vars{"i": apitest.Vars{"currentPassword": u.Password, "newPassword": long(n)}}), "changePassword")
}

// pages asks for pages of n items of every list, from each end that the list has.
func (w *limited) pages(t *testing.T, n int) string {
	var all []string
	tweet := fmt.Sprintf("tweet(id: %q)", w.tagged)
	for list, ends := range map[string][]string{
		"viewer { homeTimeline(%s) %s }": {"first", "last"}, "viewer { user { timeline(%s) %s } }": {"first", "last"},
		"viewer { user { followers(%s) %s } }": {"first", "last"}, "viewer { user { following(%s) %s } }": {"first", "last"},
		tweet + " { replies(%s) %s }": {"first"}, tweet + " { retweets(%s) %s }": {"first"},
		`hashtag(name: "roost") { tweets(%s) %s }`: {"first"},
	} {
		for _, end := range ends {
			res := w.u.Run(t, fmt.Sprintf("{ "+list+" }", fmt.Sprintf("%s: %d", end, n), "{ nodes { __typename } }"), nil)
			all = append(all, refusal(t, res, ""))
		}
	}
	return theOnly(t, all)
}

// batches looks n objects up at once, and follows n subjects.
func (w *limited) batches(t *testing.T, n int) string {
	vars := apitest.Vars{"ids": slices.Repeat([]string{w.tagged}, n)}
	return theOnly(t, []string{
		refusal(t, w.u.Run(t, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", vars), ""),
		refusal(t, w.u.Run(t, "query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount } }", vars), ""),
		refusal(t, w.u.Dial(t).Subscribe(t, "subscription($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { id } }", vars).Next(t), ""),
	})
}

// search looks for tweets and users with n code points.
func (w *limited) search(t *testing.T, n int) string {
	vars := apitest.Vars{"query": strings.Repeat("ü", n)}
	return theOnly(t, []string{
		refusal(t, w.u.Run(t, "query($query: String!) { searchTweets(query: $query) { edges { cursor } } }", vars), ""),
		refusal(t, w.u.Run(t, "query($query: String!) { searchUsers(query: $query) { edges { cursor } } }", vars), ""),
	})
}

// document sends a document of n bytes, with and without a session, and over a socket.
func (w *limited) document(t *testing.T, n int) string {
	const query = "{ __typename } #"
	padded := query + strings.Repeat("x", n-len(query))
	return theOnly(t, []string{
		refusal(t, w.u.Run(t, padded, nil), ""),
		refusal(t, w.Anonymous().Run(t, padded, nil), ""),
		refusal(t, w.u.Dial(t).Subscribe(t, padded, nil).Next(t), ""),
	})
}

// theOnly returns the only item of a list.
func theOnly(t *testing.T, list []string) string {
	t.Helper()
	if all := slices.Compact(slices.Clone(list)); len(all) != 1 {
		t.Errorf("refusals differ: %q", list)
	}
	return list[0]
}
