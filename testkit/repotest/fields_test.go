package repotest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// withoutRow are the types and fields that need no row of their own in docs/consistency.md: they only lead to fields that
// have one, or describe the page or the answer itself.
var withoutRow = regexp.MustCompile(`^(\w*(Payload|Edge|Error|PageInfo)\..*|\w*Connection\.(edges|nodes|pageInfo)|Limits\..*|` +
	`(Timeline|SessionEnded)\w*\..*|` +
	`(Query|Mutation|Subscription)\..*|Viewer\.user|ReactionSummary\.subject|Tweet\.reactions|\w+\.__\w+)$`)

// A field says in docs/consistency.md how old it may be.
func TestFieldsHaveARowInConsistency(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	sdl, err := os.ReadFile(filepath.Join(root, "schema.graphqls"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "consistency.md"))
	if err != nil {
		t.Fatal(err)
	}
	missing, unknown := compareFields(t, string(sdl), string(page))
	for _, f := range missing {
		t.Errorf("docs/consistency.md, Field by field, has no row for %s", f)
	}
	for _, f := range unknown {
		t.Errorf("docs/consistency.md, Field by field, has a row for %s, which is not in the schema", f)
	}
}

func TestMissingAndUnknownFieldsAreFound(t *testing.T) {
	t.Parallel()
	const sdl = `type Query { a: A b: [AEdge!] } type A { id: ID! x: Int y: Int } type AEdge { node: A }`
	const page = "## Field by field\n\n| field | read from |\n|---|---|\n| `A` `id` `z`, `Query` `a` | `y` |\n\n## More\n\n| `A` `y` | |\n"
	missing, unknown := compareFields(t, sdl, page)
	if !slices.Equal(missing, []string{"A.x", "A.y"}) || !slices.Equal(unknown, []string{"A.z"}) {
		t.Errorf("missing %q, unknown %q", missing, unknown)
	}
}

// compareFields returns the fields of object types that the page has no row for, and those in its rows that are not in the
// schema, as Type.field. The first column of a row is a list of `Type` `field` `field`.
func compareFields(t *testing.T, sdl, page string) (missing, unknown []string) {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(page, "## Field by field")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]bool{}
	for line := range strings.Lines(section) {
		column, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if column == line {
			continue
		}
		of := ""
		for _, word := range backticks.FindAllStringSubmatch(column, -1) {
			name, _, _ := strings.Cut(word[1], "(")
			if schema.Types[name] != nil {
				of = name
				continue
			}
			rows[of+"."+name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.Kind != ast.Object || def.BuiltIn {
			continue
		}
		for _, f := range def.Fields {
			field := name + "." + f.Name
			if !rows[field] && !withoutRow.MatchString(field) {
				missing = append(missing, field)
			}
			delete(rows, field)
		}
	}
	return missing, slices.Sorted(maps.Keys(rows))
}

var backticks = regexp.MustCompile("`([^`]+)`")
