package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// around puts a text into so many brackets.
func around(n int, open, inner, shut string) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

// What nobody may send is refused by the API as it is served, with a typed error, and the node goes on.
func TestHostileRequests(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		for name, c := range hostileQueries {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// By hand: an encoder would mend what is wrong.
				body := `{"query":"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.query) + `"}`
				expectRefused(t, u, body, c.code)
			})
		}
		for name, c := range map[string]struct{ body, code string }{
			"5 MB of a query":      {`{"query":"{limits{pageSize}}#` + strings.Repeat("x", 5<<20) + `"}`, "BAD_REQUEST"},
			"5 MB of a variable":   {`{"query":"{limits{pageSize}}","variables":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`, "BAD_REQUEST"},
			"a NUL in a variable":  {`{"query":"query($n:String!){user(username:$n){id}}","variables":{"n":"a\u0000b"}}`, "BAD_REQUEST"},
			"a surrogate":          {`{"query":"query($n:String!){user(username:$n){id}}","variables":{"n":"a\udc00b"}}`, "BAD_REQUEST"},
			"a variable not UTF-8": {`{"query":"query($n:String!){user(username:$n){id}}","variables":{"n":"a` + "\xff" + `b"}}`, "BAD_REQUEST"},
			"first: 2^62, variable": {`{"query":"query($n:Int){viewer{homeTimeline(first:$n){nodes{id}}}}","variables":{"n":4611686018427387904}}`,
				"BAD_REQUEST"},
			"first: 1e400, variable": {`{"query":"query($n:Int){viewer{homeTimeline(first:$n){nodes{id}}}}","variables":{"n":1e400}}`,
				"BAD_REQUEST"},
			"variables too deep": {`{"query":"{limits{pageSize}}","variables":{"a":` + around(1000, "[", "", "]") + `}}`, "QUERY_TOO_COMPLEX"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				expectRefused(t, u, c.body, c.code)
			})
		}
	})
}

const someHome = `{ viewer { homeTimeline(first: %s) { nodes { id } } } }`

// fragmentBomb has fragments of which each spreads the next one twice.
func fragmentBomb() string {
	var b strings.Builder
	b.WriteString("{viewer{user{...F0}}}")
	for i := range 30 {
		fmt.Fprintf(&b, "fragment F%d on User{a:followers{nodes{...F%[2]d}} b:followers{nodes{...F%[2]d}}}", i, i+1)
	}
	return b.String() + "fragment F30 on User{id}"
}

var hostileQueries = map[string]struct{ query, code string }{
	"fragment bomb":       {fragmentBomb(), "QUERY_TOO_COMPLEX"},
	"deep nesting":        {"{viewer{user" + around(100, "{followers{nodes", "{id}", "}}") + "}}", "QUERY_TOO_COMPLEX"},
	"deeper than a stack": {around(20_000, "{a", "", "}"), "QUERY_TOO_COMPLEX"},
	"1,000 aliases":       {"{" + rig.Numbered(1000, `a%d:user(username:"ada"){id}`) + "}", "QUERY_TOO_COMPLEX"},
	"5,000 equal fields":  {"{limits{" + strings.Repeat("pageSize ", 5000) + "}}", "QUERY_TOO_COMPLEX"},
	"50,000 directives":   {"{limits{pageSize" + strings.Repeat(" @a", 50_000) + "}}", "QUERY_TOO_COMPLEX"},
	"pages in pages": {"{viewer{user{followers(first:100){nodes{followers(first:100){nodes{followers(first:100){nodes{id}}}}}}}}}",
		"QUERY_TOO_COMPLEX"},
	"pages of nothing": {"{viewer{user{followers(first:100){nodes{followers(first:100){" +
		"nodes{timeline(first:100){pageInfo{hasNextPage}}}}}}}}}", "QUERY_TOO_COMPLEX"},
	"introspection repeated": {"{" + rig.Numbered(20, "s%d:__schema{types{fields{args{type{name}}}}}") + "}", "QUERY_TOO_COMPLEX"},
	"@defer":                 {"{viewer{...@defer{email}}}", "BAD_REQUEST"},
	"invalid UTF-8":          {"{user(username:\"a\xffb\"){id}}", "BAD_REQUEST"},
	"NUL":                    {`{user(username:"a\u0000b"){id}}`, "BAD_REQUEST"},
	"half a surrogate pair":  {`{user(username:"a\ud800b"){id}}`, "BAD_REQUEST"},
	"first: -1":              {fmt.Sprintf(someHome, "-1"), "BAD_REQUEST"},
	"first: 101":             {fmt.Sprintf(someHome, "101"), "BAD_REQUEST"},
	"first: 2^31":            {fmt.Sprintf(someHome, "2147483648"), "BAD_REQUEST"},
	"first: 2^62":            {fmt.Sprintf(someHome, "4611686018427387904"), "BAD_REQUEST"},
}

// expectRefused sends a body and wants it refused with a code; afterwards the node answers as ever.
func expectRefused(t *testing.T, u *apitest.User, body, code string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.URL+"/graphql", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+u.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answer), `"code":"`+code+`"`) || len(answer) > 16<<10 {
		t.Errorf("status %d, %d bytes: %.300s; want %s", res.StatusCode, len(answer), answer, code)
	}
	if name := u.Must(t, `{ viewer { user { username } } }`, nil).String("viewer.user.username"); name != u.Name {
		t.Errorf("afterwards the viewer is %q", name)
	}
}
