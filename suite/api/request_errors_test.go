package api

import (
	"fmt"
	"testing"

	"roost/testkit/apitest"
)

// requestError is a request that is refused before anything is read for it.
type requestError struct {
	query  string
	vars   apitest.Vars
	reason string
	// message is the whole message; empty does not look at it.
	message string
}

const outOfRange = "`first` and `last` take 0 to 100"

func requestErrors(name string) []requestError {
	user := func(list string) string { return fmt.Sprintf("{ user(username: %q) { username %s } }", name, list) }
	input := `mutation($i: CreateTweetInput!) { createTweet(input: $i) { tweet { id } } }`
	signUp := `mutation($i: SignUpInput!) { signUp(input: $i) { token } }`
	return []requestError{
		{"{ viewer {", nil, "PARSE", ""},
		{"hello", nil, "PARSE", ""},
		{`{ viewer { email(x: "\q") } }`, nil, "PARSE", ""},
		{"{ nothing }", nil, "VALIDATION", ""},
		{"{ user { username } }", nil, "VALIDATION", ""},
		{`{ user(username: 1) { username } }`, nil, "VALIDATION", ""},
		{"{ viewer { email } } { limits { pageSize } }", nil, "VALIDATION", ""},

		{"{ ...F } fragment F on Query { ...F }", nil, "VALIDATION", ""},
		{"{ ... @defer { limits { pageSize } } }", nil, "VALIDATION", "@defer is not supported"},

		{user("followers(first: 101) { totalCount }"), nil, "PAGE_SIZE", outOfRange},
		{user("followers(first: -1) { totalCount }"), nil, "PAGE_SIZE", outOfRange},
		{user("following(last: 5000000000) { totalCount }"), nil, "PAGE_SIZE", outOfRange},
		{user("timeline(last: 101) { nodes { id } }"), nil, "PAGE_SIZE", outOfRange},
		{user("followers(first: 1, last: 1) { totalCount }"), nil, "PAGE_SIZE", "set `first` or `last`, not both"},
		{user(`followers(first: 1, before: "x") { totalCount }`), nil, "PAGE_SIZE", "`first` goes with `after`, `last` with `before`"},
		{user("... on User { ... { followers(first: 101) { totalCount } } }"), nil, "PAGE_SIZE", outOfRange},
		{user("...F") + " fragment F on User { following { nodes { ...G } } } fragment G on User { timeline(first: 101) { nodes { id } } }",
			nil, "PAGE_SIZE", outOfRange},
		{`query($n: Int) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": 101}, "PAGE_SIZE", outOfRange},
		{`query($n: Int = 101) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, nil, "PAGE_SIZE", outOfRange},
		{user("followers(first: 101) @include(if: true) { totalCount }"), nil, "PAGE_SIZE", outOfRange},

		{user(`followers(after: "x") { totalCount }`), nil, "BAD_CURSOR", "the cursor is not one of this list"},
		{`query($at: String) { viewer { homeTimeline(after: $at) { nodes { id } } } }`, apitest.Vars{"at": "aAAAAAAAAAAB!"}, "BAD_CURSOR", ""},
		{`subscription { homeTimelineEvents(after: "x") { cursor } }`, nil, "BAD_CURSOR", "`after` is not a cursor of timeline events"},

		{`query($n: Int!) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, nil, "VARIABLES",
			`Variable "$n" of required type "Int!" was not provided.`},
		{`query($n: Int!) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": nil}, "VARIABLES",
			`Variable "$n" of non-null type "Int!" must not be null.`},
		{`query($n: Int) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": "x"}, "VARIABLES",
			`Variable "$n" got invalid value; Int cannot represent non-integer value.`},
		{`query($n: Int) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": "5"}, "VARIABLES",
			`Variable "$n" got invalid value; Int cannot represent non-integer value.`},
		{`query($n: Int) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": 1.5}, "VARIABLES",
			`Variable "$n" got invalid value; Int cannot represent non-integer value.`},
		{`query($n: Int) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, apitest.Vars{"n": 5_000_000_000}, "VARIABLES",
			`Variable "$n" got invalid value; Int cannot represent non 32-bit signed integer value.`},
		{input, apitest.Vars{"i": "x"}, "VARIABLES", `Variable "$i" got invalid value; Expected type "CreateTweetInput" to be an object.`},
		{input, apitest.Vars{"i": apitest.Vars{}}, "VARIABLES",
			`Variable "$i" got invalid value; Field "text" of required type "String!" was not provided.`},
		{input, apitest.Vars{"i": apitest.Vars{"text": nil}}, "VARIABLES",
			`Variable "$i" got invalid value at "i.text"; Expected non-nullable type "String!" not to be null.`},
		{input, apitest.Vars{"i": apitest.Vars{"text": 5}}, "VARIABLES",
			`Variable "$i" got invalid value at "i.text"; String cannot represent a non string value.`},
		{input, apitest.Vars{"i": apitest.Vars{"text": "x", "texts": 1}}, "VARIABLES",
			`Variable "$i" got invalid value; Field "texts" is not defined by type "CreateTweetInput".`},
		{signUp, apitest.Vars{"i": apitest.Vars{"username": "a", "email": "a", "password": "a", "tokenDelivery": "token"}}, "VARIABLES",
			`Variable "$i" got invalid value at "i.tokenDelivery"; Value does not exist in "TokenDelivery" enum.`},
		{signUp, apitest.Vars{"i": apitest.Vars{"username": "a", "email": "a", "password": "a", "device": apitest.Vars{"name": []int{1}}}},
			"VARIABLES",
			`Variable "$i" got invalid value at "i.device.name"; String cannot represent a non string value.`},
		{`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, apitest.Vars{"ids": []any{"a", nil}}, "VARIABLES",
			`Variable "$ids" got invalid value at "ids[1]"; Expected non-nullable type "ID!" not to be null.`},
		{`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, apitest.Vars{"ids": []any{true}}, "VARIABLES",
			`Variable "$ids" got invalid value at "ids[0]"; ID cannot represent value.`},
		{`query($y: Boolean!) { viewer @include(if: $y) { email } }`, apitest.Vars{"y": "true"}, "VARIABLES",
			`Variable "$y" got invalid value; Boolean cannot represent a non boolean value.`},
		{`query($y: Boolean = true) { viewer @include(if: $y) { email } }`, apitest.Vars{"y": nil}, "VARIABLES",
			`Variable "$y" must not be null where type "Boolean!" is expected.`},
		{`query($y: Boolean = true) { viewer { email @skip(if: $y) } }`, apitest.Vars{"y": nil}, "VARIABLES",
			`Variable "$y" must not be null where type "Boolean!" is expected.`},
	}
}

// What is wrong with a request is found before it begins, so that no field is null for it, and a program can see
// what it is.
func TestRequestErrors(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	u := r.SignUp(t, "asking")
	socket := u.Dial(t)
	for _, c := range requestErrors(u.Name) {
		answers := map[string]*apitest.Response{"over a socket": socket.Subscribe(t, c.query, c.vars).Next(t)}
		if c.query[0] != 's' {
			answers["over HTTP"] = u.Run(t, c.query, c.vars)
			answers["over HTTP again"] = u.Run(t, c.query, c.vars) // now the document may be cached
		}
		for how, res := range answers {
			if len(res.Errors) == 0 || len(res.Data) > 0 {
				t.Errorf("%s: %s %v: %s", how, c.query, c.vars, res.Body)
				continue
			}
			e := res.Errors[0]
			if e.Code() != "BAD_REQUEST" || e.Extensions["reason"] != c.reason || c.message != "" && e.Message != c.message {
				t.Errorf("%s: %s %v: %s\nwant %s %s", how, c.query, c.vars, res.Body, c.reason, c.message)
			}
		}
	}
}

// What looks alike and is right.
func TestRequestsThatAreNoErrors(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	u := r.SignUp(t, "asking")
	for _, c := range []struct {
		query string
		vars  apitest.Vars
	}{
		{`query($n: String!) { user(username: $n) { followers(first: 0) { totalCount nodes { id } } } }`, apitest.Vars{"n": u.Name}},
		{`query($n: String!) { user(username: $n) { timeline(first: 100) { nodes { id } } } }`, apitest.Vars{"n": u.Name}},
		{`query($n: String!, $no: Boolean!) { user(username: $n) { followers(first: 101) @include(if: $no) { totalCount } } }`,
			apitest.Vars{"n": u.Name, "no": false}},
		{`query($n: String!) { user(username: $n) { ...F @skip(if: true) username } }
			fragment F on User { followers(first: 101) { totalCount } }`,
			apitest.Vars{"n": u.Name}},
		{`query($f: Int, $l: Int) { viewer { homeTimeline(first: $f, last: $l) { nodes { id } } } }`, apitest.Vars{"f": 2, "l": nil}},
		{`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, apitest.Vars{"ids": u.ID}}, // one is a list of one
		{`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, apitest.Vars{"ids": []any{5}}},
		{`mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { userErrors { code } } }`, apitest.Vars{"i": apitest.Vars{"bio": nil}}},
		{`query A { viewer { email } } query B($n: Int!) { viewer { homeTimeline(first: $n) { nodes { id } } } }`, nil},
	} {
		request := map[string]any{"query": c.query, "variables": c.vars}
		if c.vars == nil {
			request["operationName"] = "A"
		}
		res, err := u.Send(t.Context(), request)
		if err != nil || len(res.Errors) > 0 {
			t.Errorf("%s %v: %v %s", c.query, c.vars, err, res.Body)
		}
	}
}

// A value that is not a URI is the client's fault, however it is sent.
func TestURIsThatAreNoStrings(t *testing.T) {
	t.Parallel()
	u := apitest.New(t, apitest.Embedded).SignUp(t, "linking")
	const update = `mutation($w: URI) { updateProfile(input: {websiteUrl: $w}) { userErrors { code } } }`
	for _, value := range []any{5, 1.5, true, []any{"https://example.com"}, apitest.Vars{"a": nil}} {
		res := u.Run(t, update, apitest.Vars{"w": value})
		if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" || res.Errors[0].Extensions["reason"] != "VARIABLES" {
			t.Errorf("%v: %s", value, res.Body)
		}
	}
}

func TestUsernamesWithAnAt(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "Asking")
		for _, name := range []string{u.Name, "@" + u.Name, "@asking" + u.Name[len("asking"):]} {
			res := r.Anonymous().Must(t, `query($n: String!) { user(username: $n) { id username } }`, apitest.Vars{"n": name})
			if res.Get("user") == nil || res.String("user.id") != u.ID || res.String("user.username") != u.Name {
				t.Errorf("%s is %s", name, res.Data)
			}
		}
		for _, name := range []string{"", "@", "@@" + u.Name, u.Name + "@", " @" + u.Name} {
			if res := r.Anonymous().Must(t, `query($n: String!) { user(username: $n) { id } }`, apitest.Vars{"n": name}); res.Get("user") != nil {
				t.Errorf("%q is %s", name, res.Data)
			}
		}
	})
}
