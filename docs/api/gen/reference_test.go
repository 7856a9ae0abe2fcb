package main

import (
	"os"
	"strings"
	"testing"
)

// The committed page is the one of the schema: `make generate` writes it.
func TestReferenceIsOfTheSchema(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile("../../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../reference.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := reference(string(schema))
	if err != nil || want != string(page) {
		t.Errorf("reference.md is not of the schema, run make generate (%v)", err)
	}
}

func TestReferenceOfASmallSchema(t *testing.T) {
	t.Parallel()
	page, err := reference(`
"Rules."
schema { query: Query }
"Reads."
type Query {
  "Two | bars."
  a(
    "How many."
    n: [Int!]! = [1]
  ): [[Thing!]]! @deprecated(reason: "Use b.")
}
"A thing."
interface Thing { "Its id." id: ID! }
"One."
type One implements Thing { "Its id." id: ID! }
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Rules\n\nRules.\n",
		"| `a` | \\[\\[[Thing](#thing)!\\]\\]! | Two \\| bars. **Deprecated.** Use b. |\n",
		"| ↳ `n` | \\[[Int](#int)!\\]! = `[1]` | How many. |\n",
		"### One\n\nOne.\n\nImplements [Thing](#thing).\n",
		"### Thing\n\nA thing.\n\nIts types: [One](#one).\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	if _, err := reference("type Query {"); err == nil {
		t.Error("half a schema has a reference")
	}
}
