package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// What the README shows is served, and its first example works in the demo world that it says to start.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(rig.Repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```graphql\n")
	block, _, _ = strings.Cut(block, "```")
	examples := strings.Split(strings.TrimSpace(block), "\n\n")
	if len(examples) < 4 {
		t.Fatalf("the README has the examples %q", examples)
	}
	r := apitest.New(t, apitest.Embedded, func(c *app.Config) { c.Demo = true })
	_, sdl := rig.Get(t, r.URL+"/schema.graphqls")
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: sdl})
	for _, query := range examples {
		if _, err := gqlparser.LoadQueryWithRules(schema, query, rules.NewDefaultRules()); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	res := r.Anonymous().Must(t, examples[0], nil)
	if !strings.HasPrefix(res.String("signUp.token"), "roost_") || len(res.Get("signUp.userErrors").([]any)) != 0 {
		t.Errorf("signing up gives %s", res.Data)
	}
	if res := r.As(res.String("signUp.token")).Must(t, examples[1], nil); res.Get("viewer.homeTimeline") == nil {
		t.Errorf("the home timeline is %s", res.Data)
	}
}
