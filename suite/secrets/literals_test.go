package secrets

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/app"
	"roost/testkit/apitest"
)

// secret is a word that no schema has.
const secret = "hunter2"

// misplaced are ways to write a secret where it may not belong.
var misplaced = []string{
	secret, `"` + secret + `"`, `"""` + secret + `"""`, "[" + secret + "]", `["` + secret + `", 1]`, `{x: "` + secret + `"}`, "{x: " + secret +
		"}",
	`"` + secret, `"\q ` + secret + `"`, `"\u` + secret + `"`, `"" "` + secret + `"`, secret + " " + secret, `"` + secret + `\`, "0" + secret,
	"#" + secret + "\n%",
}

// A secret in the wrong place of a document or of variables does not come back in the error that refuses it.
func TestLiteralsAreNotRepeated(t *testing.T) {
	r := apitest.New(t, apitest.Embedded)
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: sdl(t, r)})
	asked := 0
	ask := func(query string, vars apitest.Vars) {
		t.Helper()
		asked++
		res, err := r.Anonymous().Do(t.Context(), query, vars)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Errors) == 0 || strings.Contains(string(res.Body), secret[:4]) {
			t.Errorf("%s %v: %s", query, vars, res.Body)
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		kind := strings.ToLower(root.Name)
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			for _, a := range f.Arguments {
				for _, path := range places(schema, a.Type, 3) {
					for _, literal := range misplaced {
						// Without a selection it is never carried out.
						ask(fmt.Sprintf("%s { %s(%s: %s) { } }", kind, f.Name, a.Name, strings.Replace(path, "?", literal, 1)), nil)
						ask(fmt.Sprintf("%s { %s(%s: %s) }", kind, f.Name, a.Name, strings.Replace(path, "?", literal, 1)), nil)
					}
				}
				for _, value := range []any{secret, []any{secret}, []any{[]any{secret}}, map[string]any{"tokenDelivery": secret, "first": secret},
					map[string]any{"password": []any{secret}, "reaction": secret, "sessionPolicy": secret, "device": secret}} {
					ask(fmt.Sprintf("%s($v: %s) { %s(%s: $v) { __typename nothing } }", kind, a.Type, f.Name, a.Name), apitest.Vars{"v": value})
				}
			}
		}
	}
	for _, query := range []string{
		`mutation { logIn(input: {password: hunter2}) { token } }`,
		`mutation { logIn(input: {login: "ada", password: "x", tokenDelivery: hunter2}) { token } }`,
		`query($d: TokenDelivery! = hunter2) { __typename }`, `query($d: Int = "hunter2") { __typename }`,
		`{ viewer @include(if: hunter2) { email } }`,
		`"hunter2" { viewer { email } }`, `hunter2`, `{ viewer { email } } hunter2`, `fragment F hunter2 Viewer { email }`,
	} {
		ask(query, nil)
	}
	// Names that are no values may be shown, to be of help.
	ask(`mutation($i: LogInInput!) { logIn(input: $i) { token } }`,
		apitest.Vars{"i": apitest.Vars{"login": "ada", "password": "x", "tokenDelivery": secret}})
	t.Logf("%d documents", asked)
	if asked < 1000 {
		t.Errorf("only %d documents were made", asked)
	}
}

// sdl is the schema as the node serves it.
func sdl(t *testing.T, r *apitest.Roost) string {
	t.Helper()
	res, err := r.Anonymous().HTTP.Get(r.URL + "/schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// places are the places for a literal in a value of a type, as "{device: {name: ?}}".
func places(schema *ast.Schema, typ *ast.Type, depth int) []string {
	all := []string{"?"}
	if typ.Elem != nil {
		return append(all, "[?]")
	}
	def := schema.Types[typ.NamedType]
	if def.Kind != ast.InputObject || depth == 0 {
		return all
	}
	for _, f := range def.Fields {
		for _, inner := range places(schema, f.Type, depth-1) {
			all = append(all, "{"+f.Name+": "+inner+"}")
		}
	}
	return all
}

// The URL of a store that cannot be read is not shown: its password would be.
func TestURLsOfStoresAreNotTold(t *testing.T) {
	for _, c := range []app.Config{
		{RedisURL: "redis://:hunter2@cache:port"}, {RedisURL: "redis:hunter2@cache"}, {RedisURL: "http://:hunter2@cache"},
		{RedisURL: "redis://ada:hunter2@ca che"}, {RedisURL: "rediss://:hunter2%@cache"}, {RedisURL: "redis://:hunter2@cache/hunter2"},
		{DatabaseURL: "postgres://ada:hunter2@db:port/roost"}, {DatabaseURL: "postgres:hunter2@db"}, {DatabaseURL: "mysql://ada:hunter2@db"},
		{DatabaseURL: "postgres://ada:hunter2%@db/roost"}, {DatabaseURL: "postgres://ada:hunter2@d b/roost"},
	} {
		c.Addr, c.Roles, c.DataDir = "127.0.0.1:0", "api", t.TempDir()
		if c.RedisURL == "" {
			c.RedisURL = "redis://127.0.0.1:1"
		} else {
			c.DatabaseURL = "postgres://127.0.0.1:1/roost"
		}
		node, err := app.New(t.Context(), c)
		if err == nil {
			t.Errorf("%s %s is taken: %v", c.DatabaseURL, c.RedisURL, node.Close())
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s %s: %v", c.DatabaseURL, c.RedisURL, err)
		}
	}
}
