package graph

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"roost/server/document"
)

// A prepared operation has all the plans that requests for it use: one for each outcome of its conditions, and one for each payload of a
// mutation.
func TestPreparedOperationsHaveTheirPlans(t *testing.T) {
	t.Parallel()
	p := NewPlans(PlansConfig{Resolver: &Resolver{}})
	for text, c := range map[string]struct {
		plans     int
		variables []map[string]any
	}{
		`query A { viewer { user { id } } }`: {1, []map[string]any{nil}},
		`query B($a: Boolean!, $b: Boolean = true) { viewer { user { id @include(if: $a) ...F @skip(if: $b) } } } fragment F on User { name }`: {
			4, []map[string]any{{"a": true, "b": true}, {"a": false, "b": true}, {"a": true, "b": false}, {"a": false, "b": false}},
		},
		`mutation C($i: CreateTweetInput!) { createTweet(input: $i) { tweet { id } } other: createTweet(input: $i) { tweet { text } } }`: {
			2, []map[string]any{{"i": map[string]any{"text": "x"}}},
		},
		`subscription D { homeTimelineEvents { cursor } }`: {0, nil},
	} {
		doc, errs := gqlparser.LoadQueryWithRules(offered(), text, rules.NewDefaultRules())
		if errs != nil {
			t.Fatal(errs)
		}
		var slot document.Slot
		context := func() *graphql.OperationContext {
			oc := &graphql.OperationContext{RawQuery: text, Doc: doc, Operation: doc.Operations[0]}
			document.With(&oc.Stats, &slot)
			return oc
		}
		p.PrepareOperation(context())
		plans := slot.Value(newDocumentPlans).(*documentPlans)
		if plans.variants.Len() != c.plans {
			t.Errorf("%s: %d plans, want %d", text, plans.variants.Len(), c.plans)
		}
		for _, variables := range c.variables {
			oc := context()
			oc.Variables = variables
			if oc.Operation.Operation == "query" {
				if p.of(oc, nil) == nil {
					t.Errorf("%s: no plan", text)
				}
				continue
			}
			for _, f := range graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Mutation"}) {
				if p.of(oc, &f) == nil {
					t.Errorf("%s: no plan of %s", text, f.Alias)
				}
			}
		}
		if plans.variants.Len() != c.plans {
			t.Errorf("%s: %d plans after requests, want %d", text, plans.variants.Len(), c.plans)
		}
	}
}
