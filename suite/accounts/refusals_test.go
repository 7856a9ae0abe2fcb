package accounts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"roost/graph"
	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// refusal is an input that a mutation refuses.
type refusal struct {
	name, mutation string
	input          apitest.Vars
	// want are the codes with their paths, such as "INVALID input.email".
	want []string
}

// signing is a sign-up that would be taken but for the changes.
func signing(changes apitest.Vars) apitest.Vars {
	name := apitest.Unique("refused")
	in := apitest.Vars{"username": name, "email": name + "@example.com", "password": "correct horse", "tokenDelivery": "TOKEN"}
	maps.Copy(in, changes)
	return in
}

// afterOthers are codes with which only a request is refused that repeats another one; see TestIdempotentCreateTweet and
// TestIdempotentTweetInProgress in suite/api.
var afterOthers = []string{"IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS"}

func refusalsOf(u, other *apitest.User, theirs string) []refusal {
	long := func(n int) string { return strings.Repeat("x", n) }
	device := func(token, name any) apitest.Vars {
		return signing(apitest.Vars{"device": apitest.Vars{"token": token, "name": name}})
	}
	gone := ids.Encode(ids.KindTweet, 1<<40)
	return append(textRefusals(u.Password), []refusal{
		{"no username", "signUp", signing(apitest.Vars{"username": ""}), []string{"REQUIRED input.username"}},
		{"a long username", "signUp", signing(apitest.Vars{"username": long(31)}), []string{"TOO_LONG input.username"}},
		{"a blank in the username", "signUp", signing(apitest.Vars{"username": "a b"}), []string{"INVALID input.username"}},
		{"a username that is not ASCII", "signUp", signing(apitest.Vars{"username": "zoë"}), []string{"INVALID input.username"}},
		{"a line break after the username", "signUp", signing(apitest.Vars{"username": "ada\n"}), []string{"INVALID input.username"}},
		{"a letter that folds to ASCII", "signUp", signing(apitest.Vars{"username": "\u212Aelvin"}), []string{"INVALID input.username"}},
		{"no email", "signUp", signing(apitest.Vars{"email": ""}), []string{"REQUIRED input.email"}},
		{"a long email", "signUp", signing(apitest.Vars{"email": long(250) + "@x.yz"}), []string{"TOO_LONG input.email"}},
		{"an email without @", "signUp", signing(apitest.Vars{"email": "ada"}), []string{"INVALID input.email"}},
		{"two @", "signUp", signing(apitest.Vars{"email": "a@b@c.d"}), []string{"INVALID input.email"}},
		{"an email with a name", "signUp", signing(apitest.Vars{"email": "Ada <ada@example.com>"}), []string{"INVALID input.email"}},
		{"a quoted email", "signUp", signing(apitest.Vars{"email": `"a b"@example.com`}), []string{"INVALID input.email"}},
		{"a line break in the email", "signUp", signing(apitest.Vars{"email": "ada@exam\nple.com"}), []string{"INVALID input.email"}},
		{"a short password", "signUp", signing(apitest.Vars{"password": "1234567"}), []string{"TOO_SHORT input.password"}},
		{"few code points of many bytes", "signUp", signing(apitest.Vars{"password": "🙂🙂🙂🙂🙂🙂🙂"}), []string{"TOO_SHORT input.password"}},
		{"a long password", "signUp", signing(apitest.Vars{"password": long(1025)}), []string{"TOO_LONG input.password"}},
		{"a blank name", "signUp", signing(apitest.Vars{"name": " \t "}), []string{"REQUIRED input.name"}},
		{"a long name", "signUp", signing(apitest.Vars{"name": long(51)}), []string{"TOO_LONG input.name"}},
		{"a control character in the name", "signUp", signing(apitest.Vars{"name": "a\u0007b"}), []string{"INVALID input.name"}},
		{"a long device token", "signUp", device(long(257), nil), []string{"TOO_LONG input.device.token"}},
		{"a long device name", "signUp", device(nil, long(101)), []string{"TOO_LONG input.device.name"}},
		{"a control character in the device's name", "signUp", device(nil, "a\u0085"), []string{"INVALID input.device.name"}},
		{"a taken username", "signUp", signing(apitest.Vars{"username": strings.ToUpper(u.Name)}), []string{"TAKEN input.username"}},
		{"a taken email", "signUp", signing(apitest.Vars{"email": strings.ToUpper(u.Name) + "@Example.com"}), []string{"TAKEN input.email"}},
		{"both taken", "signUp", signing(apitest.Vars{"username": u.Name, "email": u.Name + "@example.com"}),
			[]string{"TAKEN input.username", "TAKEN input.email"}},
		{"everything wrong", "signUp", signing(apitest.Vars{"username": "", "email": "x", "password": "x", "name": long(51),
			"device": apitest.Vars{"token": long(257)}}), []string{"REQUIRED input.username", "INVALID input.email", "TOO_SHORT input.password",
			"TOO_LONG input.name", "TOO_LONG input.device.token"}},

		{"nobody", "logIn", apitest.Vars{"login": "nobody_at_all", "password": u.Password, "tokenDelivery": "TOKEN"},
			[]string{"INVALID_CREDENTIALS input"}},
		{"no login", "logIn", apitest.Vars{"login": "", "password": u.Password, "tokenDelivery": "TOKEN"}, []string{"INVALID_CREDENTIALS input"}},
		{"a wrong password", "logIn", apitest.Vars{"login": u.Name, "password": "wrong horse", "tokenDelivery": "TOKEN"},
			[]string{"INVALID_CREDENTIALS input"}},
		{"a very long password", "logIn", apitest.Vars{"login": u.Name, "password": long(100_000), "tokenDelivery": "TOKEN"},
			[]string{"INVALID_CREDENTIALS input"}},
		{"a long device token", "logIn", apitest.Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN",
			"device": apitest.Vars{"token": long(257)}}, []string{"TOO_LONG input.device.token"}},

		{"another user's session", "revokeSession", apitest.Vars{"sessionId": other.SessionID}, []string{"NOT_FOUND input.sessionId"}},
		{"a session that never was", "revokeSession", apitest.Vars{"sessionId": ids.SessionID{User: rig.UserRow(u.ID), ID: 5}.String()},
			[]string{"NOT_FOUND input.sessionId"}},
		{"not the current password", "changePassword", apitest.Vars{"currentPassword": "wrong horse", "newPassword": "another horse"},
			[]string{"INVALID_CREDENTIALS input.currentPassword"}},
		{"a short new password", "changePassword", apitest.Vars{"currentPassword": u.Password, "newPassword": "short"},
			[]string{"TOO_SHORT input.newPassword"}},
		{"a long new password", "changePassword", apitest.Vars{"currentPassword": u.Password, "newPassword": long(1025)},
			[]string{"TOO_LONG input.newPassword"}},

		{"a blank name", "updateProfile", apitest.Vars{"name": "  "}, []string{"REQUIRED input.name"}},
		{"a long bio", "updateProfile", apitest.Vars{"bio": long(161)}, []string{"TOO_LONG input.bio"}},
		{"a control character in the bio", "updateProfile", apitest.Vars{"bio": "a\u001bb"}, []string{"INVALID input.bio"}},
		{"a script as website", "updateProfile", apitest.Vars{"websiteUrl": "javascript:alert(1)"}, []string{"INVALID input.websiteUrl"}},
		{"a website without host", "updateProfile", apitest.Vars{"websiteUrl": "https://"}, []string{"INVALID input.websiteUrl"}},
		{"a long website", "updateProfile", apitest.Vars{"websiteUrl": "https://example.com/" + long(200)},
			[]string{"TOO_LONG input.websiteUrl"}},
		{"a bad username and email", "updateSettings", apitest.Vars{"username": "-", "email": "-"},
			[]string{"INVALID input.username", "INVALID input.email"}},
		{"another's username and email", "updateSettings", apitest.Vars{
			"username": strings.ToUpper(other.Name), "email": other.Name + "@EXAMPLE.com", "currentPassword": u.Password},
			[]string{"TAKEN input.username", "TAKEN input.email"}},
		{"an email without the password", "updateSettings", apitest.Vars{"email": "new-" + u.Name + "@example.com"},
			[]string{"REQUIRED input.currentPassword"}},
		{"an email and a name without the password", "updateSettings",
			apitest.Vars{"username": apitest.Unique("new"), "email": "new-" + u.Name + "@example.com"},
			[]string{"REQUIRED input.currentPassword"}},
		{"an email with an empty password", "updateSettings", apitest.Vars{"email": "new-" + u.Name + "@example.com", "currentPassword": ""},
			[]string{"REQUIRED input.currentPassword"}},
		{"an email with a wrong password", "updateSettings",
			apitest.Vars{"email": "new-" + u.Name + "@example.com", "currentPassword": "wrong horse"},
			[]string{"INVALID_CREDENTIALS input.currentPassword"}},
		{"another spelling of the email", "updateSettings", apitest.Vars{"email": strings.ToUpper(u.Name) + "@example.com"},
			[]string{"REQUIRED input.currentPassword"}},

		{"oneself", "followUser", apitest.Vars{"userId": u.ID}, []string{"SELF input.userId"}},
		{"nobody", "followUser", apitest.Vars{"userId": ids.Encode(ids.KindUser, 1<<40)}, []string{"NOT_FOUND input.userId"}},
		{"one too many", "followUser", apitest.Vars{"userId": other.ID}, []string{"LIMIT_REACHED input.userId"}},
		{"oneself", "unfollowUser", apitest.Vars{"userId": u.ID}, []string{"SELF input.userId"}},
		{"nobody", "unfollowUser", apitest.Vars{"userId": ids.Encode(ids.KindUser, 1<<40)}, []string{"NOT_FOUND input.userId"}},
		{"blank", "createTweet", apitest.Vars{"text": " \n\t "}, []string{"REQUIRED input.text"}},
		{"long", "createTweet", apitest.Vars{"text": strings.Repeat("🙂", 281)}, []string{"TOO_LONG input.text"}},
		{"a control character", "createTweet", apitest.Vars{"text": "a\u0008"}, []string{"INVALID input.text"}},
		{"another user's tweet", "deleteTweet", apitest.Vars{"tweetId": theirs}, []string{"FORBIDDEN input.tweetId"}},
		{"no tweet", "deleteTweet", apitest.Vars{"tweetId": gone}, []string{"NOT_FOUND input.tweetId"}},
		{"no tweet", "setReaction", apitest.Vars{"subjectId": gone, "reaction": "LIKE"}, []string{"NOT_FOUND input.subjectId"}},
		{"no tweet to undo for", "setReaction", apitest.Vars{"subjectId": gone, "reaction": "NONE"}, []string{"NOT_FOUND input.subjectId"}},
	}...)
}

// Every way to refuse an input: the code, the path, nothing in the payload, and nothing written.
func TestRefusals(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, other, db := r.SignUp(t, "refused"), r.SignUp(t, "other"), r.DB(t)
		theirs := other.Tweet(t, "not yours")
		_, err := db.Writer().ExecContext(t.Context(), "INSERT INTO user_stats (user_id, following_count) VALUES ($1, 5000)", rig.UserRow(u.ID))
		if err != nil {
			t.Fatal(err)
		}
		state := func() string {
			var all []string
			for _, table := range []string{"users", "username_claims", "email_claims", "sessions", "follows", "tweets", "reactions", "events"} {
				all = append(all, fmt.Sprintf("%s %d", table, apitest.Int(t, db, "SELECT count(*) FROM "+table)))
			}
			ended := apitest.Int(t, db, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL")
			changed := apitest.Int(t, db, "SELECT coalesce(sum(version), 0) FROM users")
			return fmt.Sprint(all, ended, changed)
		}
		before, seen := state(), map[string]bool{}
		for _, c := range refusalsOf(u, other, theirs) {
			who := u.Client
			if c.mutation == "signUp" || c.mutation == "logIn" {
				who = r.Anonymous()
			}
			res := who.Must(t, rig.Mutations[c.mutation], apitest.Vars{"i": c.input})
			var payload map[string]map[string]json.RawMessage
			if err := json.Unmarshal(res.Data, &payload); err != nil {
				t.Fatalf("%s: %v", res.Data, err)
			}
			var refused []struct {
				Code, Message string
				Path          []string
			}
			if err := json.Unmarshal(payload["x"]["userErrors"], &refused); err != nil {
				t.Fatalf("%s: %v", res.Data, err)
			}
			var got []string
			for _, e := range refused {
				got, seen[e.Code] = append(got, e.Code+" "+strings.Join(e.Path, ".")), true
				if e.Message == "" {
					t.Errorf("%s, %s: %s has no message", c.mutation, c.name, e.Code)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: refused with %q, want %q", c.mutation, c.name, got, c.want)
			}
			for field, value := range payload["x"] {
				if field != "userErrors" && string(value) != "null" {
					t.Errorf("%s, %s: %s is %s", c.mutation, c.name, field, value)
				}
			}
			if after := state(); after != before {
				t.Errorf("%s, %s: the rows were\n%s\nand are\n%s", c.mutation, c.name, before, after)
				before = after
			}
		}
		for _, v := range graph.Schema(&graph.Resolver{}).Schema().Types["UserErrorCode"].EnumValues {
			if !seen[v.Name] && !slices.Contains(afterOthers, v.Name) {
				t.Errorf("nothing was refused with %s", v.Name)
			}
		}
	})
}
