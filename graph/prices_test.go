package graph

import (
	"maps"
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"roost/domain/tweets"
)

// Every list of objects that takes no size has its place here, with the number of items that it counts as in the cost of an operation;
// 0 is the guard's assumption. Lists of a page count as long as the page.
func TestListsWithoutSizeHavePrices(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"Tweet.entities": 1, "Tweet.ancestors": tweets.MaxAncestors, "Viewer.sessions": 0, "RevokeOtherSessionsPayload.sessions": 0,
	}
	got, schema := map[string]int{}, Schema(&Resolver{}).Schema()
	for _, of := range schema.Types {
		for _, f := range of.Fields {
			ids := slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.Elem != nil })
			paged := of.Fields.ForName("pageInfo") != nil
			below := schema.Types[f.Type.Name()]
			if f.Type.Elem == nil || below.IsLeafType() || ids || paged || of.BuiltIn || below.BuiltIn || f.Name == "userErrors" {
				continue
			}
			price, _ := ListPrice(of.Name, f.Name)
			got[of.Name+"."+f.Name] = price.Size
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("lists without a size are %v, want %v", got, want)
	}
	for name := range listPrices {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is no list without a size", name)
		}
	}
	for _, name := range computedTypes {
		if schema.Types[name] == nil {
			t.Errorf("%s is no type", name)
		}
	}
	for _, possible := range schema.PossibleTypes["TextEntity"] {
		if !IsComputed(possible.Name) {
			t.Errorf("%s is found in a text, and has the price of an object that is looked up", possible.Name)
		}
	}
}
