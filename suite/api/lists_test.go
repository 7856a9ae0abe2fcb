package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// lists are the connections: how to ask for them, and where their page is.
var lists = map[string]struct {
	before, after string // the document around the field and its arguments
	field         string
	bothWays      bool
}{
	"viewer.homeTimeline":   {"{ viewer { ", " } }", "homeTimeline", true},
	"viewer.user.timeline":  {"{ viewer { user { ", " } } }", "timeline", true},
	"viewer.user.followers": {"{ viewer { user { ", " } } }", "followers", false},
	"viewer.user.following": {"{ viewer { user { ", " } } }", "following", false},
}

// ask is a document that reads a page of a list.
func ask(list, variables, arguments string) string {
	l := lists[list]
	if arguments != "" {
		arguments = "(" + arguments + ")"
	}
	return "query" + variables + " " + l.before + l.field + arguments + ` { nodes { id } edges { cursor node { id } }` + rig.WholePage + `}` +
		l.after
}

// peopled returns a user in whose lists two others are, and a tweet of each.
func peopled(t *testing.T, r *apitest.Roost) (u, bob, cy *apitest.User) {
	u, bob, cy = r.SignUp(t, "ada"), r.SignUp(t, "bob"), r.SignUp(t, "cy")
	for _, other := range []*apitest.User{bob, cy} {
		u.Follow(t, other.ID)
		other.Follow(t, u.ID)
		other.Tweet(t, "theirs")
		u.Tweet(t, "mine")
	}
	return u, bob, cy
}

// badRequest fails the test unless the answer is nothing but a BAD_REQUEST.
func badRequest(t *testing.T, what string, res *apitest.Response) {
	t.Helper()
	if len(res.Errors) == 0 || res.Get("viewer.homeTimeline") != nil || res.Get("viewer.user") != nil {
		t.Errorf("%s: %s", what, res.Body)
	}
	for _, e := range res.Errors {
		if e.Code() != "BAD_REQUEST" || e.Message == "" {
			t.Errorf("%s: %s", what, res.Body)
		}
	}
}

func TestPageArguments(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, _, _ := peopled(t, r)
		for list, l := range lists {
			page := u.Must(t, ask(list, "", ""), nil)
			cursor := page.String(list + ".pageInfo.endCursor")
			if page.Get(list+".nodes.1") == nil || cursor == "" ||
				cursor != page.String(fmt.Sprintf("%s.edges.%d.cursor", list, len(page.Get(list+".edges").([]any))-1)) {
				t.Fatalf("%s: %s", list, page.Data)
			}
			sizes := []string{"first"}
			if l.bothWays {
				sizes = append(sizes, "last")
			}
			for _, size := range sizes {
				for _, n := range []string{
					"-1", "101", "2147483647", "2147483648", "-2147483649", "4611686018427387904", "18446744073709551616", "1.5", `"5"`, "true", "1e2"} {
					badRequest(t, list+" "+size+": "+n, u.Run(t, ask(list, "", size+": "+n), nil))
					vars := apitest.Vars{"n": json.RawMessage(n)}
					badRequest(t, list+" "+size+" as variable: "+n, u.Run(t, ask(list, "($n: Int)", size+": $n"), vars))
				}
				for _, n := range []string{"0", "1", "100", "null"} {
					u.Must(t, ask(list, "", size+": "+n), nil)
				}
			}
			if !l.bothWays {
				continue
			}
			for _, args := range []string{"first: 1, last: 1", `first: 1, before: "C"`, `last: 1, after: "C"`, `after: "C", before: "C"`} {
				badRequest(t, list+" "+args, u.Run(t, ask(list, "", strings.ReplaceAll(args, "C", cursor)), nil))
			}
		}
	})
}

// A cursor is good for its own list alone, and nothing else is a cursor.
func TestForeignCursors(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, _, _ := peopled(t, r)
		cursors := map[string]string{}
		for list := range lists {
			cursors[list] = u.Must(t, ask(list, "", "first: 1"), nil).String(list + ".pageInfo.endCursor")
		}
		for list, l := range lists {
			sides := []string{"after"}
			if l.bothWays {
				sides = append(sides, "before")
			}
			own := cursors[list]
			garbage := []string{"", "x", own[1:], own + "A", own + "=", " " + own, strings.ToUpper(own), own[:11] + "!", own[:8] + "\n\n\r\n", "\n" +
				own[:11], strings.Repeat("\n", 12), u.ID, strings.Repeat("A", 12), strings.Repeat("A", 5000), "🙂"}
			for other, c := range cursors {
				if other != list {
					garbage = append(garbage, c)
				}
			}
			for _, side := range sides {
				u.Must(t, ask(list, "($c: String)", side+": $c"), apitest.Vars{"c": own})
				u.Must(t, ask(list, "($c: String)", side+": $c"), apitest.Vars{"c": nil})
				for _, c := range garbage {
					if c != own {
						badRequest(t, list+" "+side+": "+c, u.Run(t, ask(list, "($c: String)", side+": $c"), apitest.Vars{"c": c}))
					}
				}
			}
		}
	})
}

// Ids of other types, of nothing, and garbage are null in queries, NOT_FOUND in userErrors, and
// BAD_REQUEST in subscriptions.
func TestForeignIDs(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, bob, _ := peopled(t, r)
		tweet, deleted := u.Tweet(t, "here"), u.Tweet(t, "gone")
		u.Delete(t, deleted)
		garbage := []string{"", "x", "0", "-1", u.ID[1:], u.ID + "A", u.ID + "=", " " + u.ID, u.ID + "\n", "\n\r", strings.Repeat("A", 12),
			strings.Repeat("A", 5000), "🙂", "null",
			ids.Encode('x', 1), ids.Encode(ids.KindUser, -5), ids.Encode(ids.KindUser, 0), ids.Encode(ids.KindTweet, 1, 2),
			ids.Encode(ids.KindSession, 1)}
		nothing := append([]string{ids.Encode(ids.KindUser, 1<<40), ids.Encode(ids.KindTweet, 1<<62), deleted, bob.SessionID,
			ids.SessionID{User: rig.UserRow(u.ID), ID: 9}.String()}, garbage...)

		res := u.Must(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } reactionSummaries(subjectIds: $ids) { subject { id } } }`,
			apitest.Vars{"ids": append([]string{tweet, u.ID, u.SessionID}, nothing...)})
		for i := range nothing {
			if res.Get(fmt.Sprintf("nodes.%d", i+3)) != nil || res.Get(fmt.Sprintf("reactionSummaries.%d", i+3)) != nil {
				t.Errorf("%q is something: %s", nothing[i], res.Data)
			}
		}
		if res.String("nodes.0.id") != tweet || res.String("nodes.1.id") != u.ID || res.String("nodes.2.id") != u.SessionID ||
			len(res.Get("nodes").([]any)) != len(nothing)+3 {
			t.Errorf("%s", res.Data)
		}
		if res.String("reactionSummaries.0.subject.id") != tweet || res.Get("reactionSummaries.1") != nil ||
			res.Get("reactionSummaries.2") != nil {
			t.Errorf("%s", res.Data)
		}
		for _, id := range append(nothing, u.ID, u.SessionID) {
			res := u.Must(t, `query($id: ID!) { tweet(id: $id) { id } node(id: $id) { id } user(username: "no-such.name") { id } }`,
				apitest.Vars{"id": id})
			if res.Get("tweet") != nil || res.Get("user") != nil || (res.Get("node") != nil) != (id == u.ID || id == u.SessionID) {
				t.Errorf("%q: %s", id, res.Data)
			}
		}
		for mutation, field := range map[string]string{
			"followUser": "userId", "unfollowUser": "userId", "deleteTweet": "tweetId", "setReaction": "subjectId", "revokeSession": "sessionId"} {
			for _, id := range append(nothing, u.ID, tweet, u.SessionID) {
				if (field == "userId" && id == u.ID) || (field == "tweetId" && (id == tweet || id == deleted)) ||
					(field == "subjectId" && id == tweet) || (field == "sessionId" && id == u.SessionID) {
					continue
				}
				in := apitest.Vars{field: id}
				if mutation == "setReaction" {
					in["reaction"] = "LIKE"
				}
				res := u.Must(t, rig.Mutations[mutation], apitest.Vars{"i": in})
				if res.String("x.userErrors.0.code") != "NOT_FOUND" || res.String("x.userErrors.0.path.1") != field ||
					res.Get("x.userErrors.1") != nil {
					t.Errorf("%s of %q: %s", mutation, id, res.Data)
				}
			}
		}
		s := u.Dial(t)
		const watch = `subscription($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { id } }`
		for _, id := range append(garbage, u.ID, u.SessionID) {
			badRequest(t, "reactionsChanged of "+id, s.Subscribe(t, watch, apitest.Vars{"ids": []string{tweet, id}}).Next(t))
		}
		many := make([]string, 101)
		for i := range many {
			many[i] = tweet
		}
		badRequest(t, "reactionsChanged of 101", s.Subscribe(t, watch, apitest.Vars{"ids": many}).Next(t))
		badRequest(t, "nodes of 101", u.Run(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, apitest.Vars{"ids": many}))
		badRequest(t, "reactionSummaries of 101", u.Run(t, `query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { revision } }`,
			apitest.Vars{"ids": many}))
		u.Must(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } reactionSummaries(subjectIds: $ids) { revision } }`,
			apitest.Vars{"ids": many[1:]})
		if got := s.Subscribe(t, watch, apitest.Vars{"ids": many[1:]}).Next(t).String("reactionsChanged.id"); got != tweet {
			t.Errorf("100 subjects: %q", got)
		}
	})
}
