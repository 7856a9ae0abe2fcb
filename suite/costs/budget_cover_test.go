package costs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph"
)

// Every field of the served schema, and every argument, is part of an operation whose statements are
// counted: who adds one says what it costs.
func TestEveryFieldHasABudget(t *testing.T) {
	t.Parallel()
	schema := graph.Schema(&graph.Resolver{}).Schema()
	seen := map[string]bool{}
	for _, op := range slices.Concat(costedReads, costedWrites) {
		cover(t, schema, op.priced(t).query, seen)
	}
	for _, p := range costedPushes {
		cover(t, schema, p.priced(t).query, seen)
	}
	if missing := uncovered(schema, seen); len(missing) > 0 {
		t.Errorf("no operation with a budget has %s", strings.Join(missing, ", "))
	}
	// It can fail: without one of the operations its fields are missing.
	for name := range seen {
		if strings.HasPrefix(name, "Limits.") {
			delete(seen, name)
		}
	}
	if got := uncovered(schema, seen); len(got) == 0 {
		t.Error("missing fields are not noticed")
	}
}

// cover notes the fields and arguments that a document uses.
func cover(t *testing.T, schema *ast.Schema, query string, seen map[string]bool) {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, nil)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	for _, op := range doc.Operations {
		coverSelection(op.SelectionSet, seen)
	}
}

func coverSelection(set ast.SelectionSet, seen map[string]bool) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			name := s.ObjectDefinition.Name + "." + s.Name
			seen[name] = true
			for _, a := range s.Arguments {
				seen[name+"("+a.Name+")"] = true
			}
			coverSelection(s.SelectionSet, seen)
		case *ast.InlineFragment:
			coverSelection(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			coverSelection(s.Definition.SelectionSet, seen)
		}
	}
}

func uncovered(schema *ast.Schema, seen map[string]bool) (missing []string) {
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		d := schema.Types[name]
		if d.BuiltIn || (d.Kind != ast.Object && d.Kind != ast.Interface) {
			continue
		}
		for _, f := range d.Fields {
			at := name + "." + f.Name
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if !seen[at] {
				missing = append(missing, at)
				continue
			}
			for _, a := range f.Arguments {
				if !seen[at+"("+a.Name+")"] {
					missing = append(missing, at+"("+a.Name+")")
				}
			}
		}
	}
	return missing
}
