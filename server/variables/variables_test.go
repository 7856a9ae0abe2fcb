package variables_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"roost/server/variables"
)

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	directive @oneOf on INPUT_OBJECT
	scalar Moment
	enum Kind { OAK ELM }
	input Tree { size: Int! name: String = "tree" kind: Kind child: Tree list: [Tree!] }
	input Choice @oneOf { a: String b: Int }
	type Query {
		i(v: Int): Int f(v: Float): Int s(v: String): Int b(v: Boolean): Int d(v: ID): Int e(v: Kind): Int m(v: Moment): Int
		is(v: [Int!]): Int iss(v: [[Int]]): Int t(v: Tree): Int c(v: Choice): Int n(v: Int!): Int ns(v: String!): Int
		nd(v: Int! = 5): Int q: Query
	}`})

// Each row is a field, the type of the variable that it gets, the variables as JSON, and what is said about them; "fine" if
// nothing is.
func TestCheck(t *testing.T) {
	t.Parallel()
	const fine = "fine"
	notInt := `Variable "$v" got invalid value; Int cannot represent non-integer value.`
	for _, c := range [][4]string{
		{"i", "Int", `{}`, fine},
		{"i", "Int", `{"v": null}`, fine},
		{"i", "Int", `{"v": 5, "w": "unused"}`, fine},
		{"i", "Int", `{"v": -2147483648}`, fine},
		{"i", "Int", `{"v": 2147483648}`, `Variable "$v" got invalid value; Int cannot represent non 32-bit signed integer value.`},
		{"i", "Int", `{"v": 123456789012345678901}`, notInt},
		{"i", "Int", `{"v": "5"}`, notInt},
		{"i", "Int", `{"v": 5.5}`, notInt},
		{"i", "Int", `{"v": true}`, notInt},
		{"i", "Int", `{"v": [5]}`, notInt},
		{"i", "Int", `{"v": {}}`, notInt},
		{"i", "Int = 5", `{"v": null}`, fine},
		{"n", "Int!", `{"v": 0}`, fine},
		{"n", "Int!", `{}`, `Variable "$v" of required type "Int!" was not provided.`},
		{"n", "Int!", `{"v": null}`, `Variable "$v" of non-null type "Int!" must not be null.`},
		{"n", "Int! = 5", `{}`, fine},
		{"f", "Float", `{"v": 5}`, fine},
		{"f", "Float", `{"v": 5.5e3}`, fine},
		{"f", "Float", `{"v": "5.5"}`, `Variable "$v" got invalid value; Float cannot represent non numeric value.`},
		{"s", "String", `{"v": ""}`, fine},
		{"s", "String", `{"v": 5}`, `Variable "$v" got invalid value; String cannot represent a non string value.`},
		{"s", "String", `{"v": ["x"]}`, `Variable "$v" got invalid value; String cannot represent a non string value.`},
		{"b", "Boolean", `{"v": false}`, fine},
		{"b", "Boolean", `{"v": 0}`, `Variable "$v" got invalid value; Boolean cannot represent a non boolean value.`},
		{"d", "ID", `{"v": "x"}`, fine},
		{"d", "ID", `{"v": 5}`, fine},
		{"d", "ID", `{"v": 5.5}`, `Variable "$v" got invalid value; ID cannot represent value.`},
		{"d", "ID", `{"v": {"id": 5}}`, `Variable "$v" got invalid value; ID cannot represent value.`},
		{"e", "Kind", `{"v": "OAK"}`, fine},
		{"e", "Kind", `{"v": "oak"}`, `Variable "$v" got invalid value; Value does not exist in "Kind" enum.`},
		{"e", "Kind", `{"v": 1}`, `Variable "$v" got invalid value; Enum "Kind" cannot represent non-string value.`},
		{"m", "Moment", `{"v": "2026"}`, fine},
		{"m", "Moment", `{"v": [1, {"x": null}]}`, fine},
		{"is", "[Int!]", `{"v": []}`, fine},
		{"is", "[Int!]", `{"v": 5}`, fine},
		{"is", "[Int!]", `{"v": [1, null]}`, `Variable "$v" got invalid value at "v[1]"; Expected non-nullable type "Int!" not to be null.`},
		{"iss", "[[Int]]", `{"v": [[1], null, 5, [null]]}`, fine},
		{"iss", "[[Int]]", `{"v": [[1], [2, "x"]]}`, `Variable "$v" got invalid value at "v[1][1]"; Int cannot represent non-integer value.`},
		{"t", "Tree", `{"v": {"size": 1, "kind": null, "child": {"size": 2}, "__typename": "Tree"}}`, fine},
		{"t", "Tree", `{"v": {"size": 1, "list": {"size": 2}}}`, fine},
		{"t", "Tree", `{"v": {}}`, `Variable "$v" got invalid value; Field "size" of required type "Int!" was not provided.`},
		{"t", "Tree", `{"v": []}`, `Variable "$v" got invalid value; Expected type "Tree" to be an object.`},
		{"t", "Tree", `{"v": {"size": 1, "list": [{"size": 1}, {"size": 1, "child": {"size": "x"}}]}}`,
			`Variable "$v" got invalid value at "v.list[1].child.size"; Int cannot represent non-integer value.`},
		{"t", "Tree", `{"v": {"size": 1, "child": {"size": 1, "b": 1, "a": 1}}}`,
			`Variable "$v" got invalid value at "v.child"; Field "a" is not defined by type "Tree".`},
		{"c", "Choice", `{"v": {"a": "x"}}`, fine},
		{"c", "Choice", `{"v": {"a": "x", "b": 1}}`,
			`Variable "$v" got invalid value; Exactly one key must be specified for OneOf type "Choice".`},
		{"c", "Choice", `{"v": {}}`, `Variable "$v" got invalid value; Exactly one key must be specified for OneOf type "Choice".`},
		{"c", "Choice", `{"v": {"a": null}}`, `Variable "$v" got invalid value at "v.a"; Field "a" must be non-null.`},
	} {
		query := fmt.Sprintf("query($v: %s) { %s(v: $v) }", c[1], c[0])
		got := fine
		op, values := operation(t, query), decode(t, c[2])
		if err := variables.Check(schema, op, values); err != nil {
			got = err.Message
			if err.Extensions["code"] != "BAD_REQUEST" || fmt.Sprint(err.Extensions["reason"]) != "VARIABLES" || len(err.Locations) != 1 ||
				err.Locations[0].Column != 7 {
				t.Errorf("%s %s: %+v", query, c[2], err)
			}
		}
		if got != c[3] {
			t.Errorf("%s %s:\n got %s\nwant %s", query, c[2], got, c[3])
		}
		// Nothing that passes is for gqlparser to refuse, with words of its own.
		if _, err := validator.VariableValues(schema, op, values); err != nil && got == fine {
			t.Errorf("%s %s passes, and gqlparser says: %v", query, c[2], err)
		}
	}
}

// A variable that may be null can be used where null cannot, if either of them has a default. Then null is refused, and a
// variable that is left out is not.
func TestNullThatIsUsedWhereNoneCanBe(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"Boolean = true", `{ q @include(if: $v) { n(v: 1) } }`, "Boolean!"},
		{"Boolean = true", `{ q { n(v: 1) @skip(if: $v) } }`, "Boolean!"},
		{"Boolean = true", `{ q { ... @skip(if: $v) { n(v: 1) } } }`, "Boolean!"},
		{"Boolean = true", `{ q { ...F @skip(if: $v) } } fragment F on Query { n(v: 1) }`, "Boolean!"},
		{"Boolean = true", `{ q { ...F } } fragment F on Query { q { n(v: 1) @skip(if: $v) } }`, "Boolean!"},
		{"Int = 1", `{ n(v: $v) }`, "Int!"},
		{"Int", `{ nd(v: $v) }`, "Int!"},
		{"Int = 1", `{ is(v: [2, $v]) }`, "Int!"},
		{"Int = 1", `{ t(v: {child: {size: $v}, size: 1}) }`, "Int!"},
		{"Int = 1", `{ i(v: $v) iss(v: [[$v]]) }`, ""},
		{"Boolean = true", `{ q { b(v: $v) } }`, ""},
	} {
		op := operation(t, fmt.Sprintf("query($v: %s) %s", c[0], c[1]))
		want := ""
		if c[2] != "" {
			want = fmt.Sprintf("Variable \"$v\" must not be null where type %q is expected.", c[2])
		}
		got := ""
		if err := variables.Check(schema, op, map[string]any{"v": nil}); err != nil {
			got = err.Message
		}
		if got != want {
			t.Errorf("%s %s:\n got %s\nwant %s", c[0], c[1], got, want)
		}
		if err := variables.Check(schema, op, nil); err != nil {
			t.Errorf("%s %s without the variable: %v", c[0], c[1], err)
		}
	}
}

func operation(t testing.TB, query string) *ast.OperationDefinition {
	t.Helper()
	doc, err := gqlparser.LoadQueryWithRules(schema, query, nil)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return doc.Operations[0]
}

func decode(t testing.TB, text string) (values map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return values
}

// Whatever the variables are: what passes here passes gqlparser, and nothing panics.
func FuzzCheck(f *testing.F) {
	fields := []string{"i Int", "f Float", "s String", "b Boolean", "d ID", "e Kind", "is [Int!]", "iss [[Int]]", "t Tree", "n Int!"}
	for i, text := range []string{`5`, `1e3`, `"x"`, `{"size": 1, "list": [{"size": -0}]}`, `[[1], [null]]`, `[{}]`, `5.0`, `"OAK"`, `1e400`,
		`-1`} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		var values map[string]any
		d := json.NewDecoder(strings.NewReader(`{"v":` + value + `}`))
		d.UseNumber()
		if d.Decode(&values) != nil {
			return
		}
		name, typ, _ := strings.Cut(fields[int(which)%len(fields)], " ")
		op := operation(t, fmt.Sprintf("query($v: %s) { %s(v: $v) }", typ, name))
		if variables.Check(schema, op, values) != nil {
			return
		}
		if _, err := validator.VariableValues(schema, op, values); err != nil {
			t.Errorf("%s passes as %s, and gqlparser says: %v", value, typ, err)
		}
	})
}
