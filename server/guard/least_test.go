package guard

import (
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"roost/server/internal/testschema"
)

// The least cost of an operation is no more than its cost for any values of its variables, and the cost itself without variables.
func TestLeastCost(t *testing.T) {
	t.Parallel()
	schema := testschema.NewExecutableSchema(testschema.Config{}).Schema()
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	p := newPrices(schema, limits, nil, nil)
	for _, text := range []string{
		`query($n: Int, $a: Boolean!) { items(first: $n) { nodes { id items(last: $n) { nodes { name } } } } hello @skip(if: $a) }`,
		`query($n: Int = 50, $a: Boolean!) { items(first: 3, last: $n) { nodes { id @include(if: $a) } } ...F @skip(if: $a) }
			fragment F on Query { hello }`,
		`query($i: [ID!]!, $a: Boolean!) { nodes(ids: $i) { id name @include(if: $a) tags } __typename }`,
		`{ items(first: 7) { nodes { id } } hello @skip(if: true) nodes(ids: ["a", "b"]) { id } }`,
		`{ items { nodes { id tags } } __schema { types { name } } }`,
	} {
		doc, list := gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules())
		if list != nil {
			t.Fatal(list)
		}
		op := doc.Operations[0]
		const most = 1_000_000
		least, same := p.Least(op, most), true
		for _, n := range []any{nil, int64(0), int64(1), int64(20), int64(100)} {
			for _, a := range []bool{false, true} {
				for _, ids := range []any{nil, []any{}, []any{"a"}, []any{"a", "b", "c"}} {
					cost := p.Cost(op, map[string]any{"n": n, "a": a, "i": ids}, most)
					same = same && cost == least
					if cost < least {
						t.Errorf("%s: with %v, %t and %v it costs %d, and at least %d", text, n, a, ids, cost, least)
					}
				}
			}
		}
		if len(op.VariableDefinitions) == 0 && !same || least < 1 {
			t.Errorf("%s: the least cost is %d", text, least)
		}
	}
}
