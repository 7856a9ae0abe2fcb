package graph

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// A field with paging arguments that is forgotten would refuse them itself, and null what it belongs to.
func TestEveryPagedFieldIsChecked(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, typ := range Schema(&Resolver{}).Schema().Types {
		if typ.Kind != ast.Object && typ.Kind != ast.Interface {
			continue
		}
		for _, f := range typ.Fields {
			for _, name := range []string{"first", "last", "after", "before"} {
				if f.Arguments.ForName(name) != nil {
					found[typ.Name+"."+f.Name] = true
				}
			}
		}
	}
	for name := range found {
		if pagedFields[name] == nil {
			t.Errorf("the arguments of %s are not checked", name)
		}
	}
	for name := range pagedFields {
		if !found[name] {
			t.Errorf("%s has no paging arguments", name)
		}
	}
}
