package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph"
	"roost/testkit/apitest"
)

// What a node serves as /schema.graphqls is what it executes: the same text, and what introspection
// returns.
func TestServedSchemaText(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		text := served(t, r, "/schema.graphqls")
		if want := graph.SDL(graph.Schema(&graph.Resolver{})); text != want {
			t.Errorf("the node serves another text than the schema's:\n%s", text)
		}
		if other := served(t, r, "/schema.graphql"); other != text {
			t.Errorf("/schema.graphql is another text:\n%s", other)
		}
		schema, perr := gqlparser.LoadSchema(&ast.Source{Input: text})
		if perr != nil {
			t.Fatal(perr)
		}
		var told struct {
			Schema struct{ Types []introspected } `json:"__schema"`
		}
		if err := json.Unmarshal(r.Anonymous().Must(t, introspection, nil).Data, &told); err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, typ := range told.Schema.Types {
			got = append(got, typ.lines()...)
		}
		for _, d := range schema.Types {
			want = append(want, linesOf(schema, d)...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if len(want) < 300 || !slices.Equal(got, want) {
			t.Errorf("introspection tells\n%q, the text is\n%q", got, want)
		}
	})
}

func served(t *testing.T, r *apitest.Roost, path string) string {
	t.Helper()
	res, err := http.Get(r.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, res.StatusCode, err)
	}
	return string(text)
}

// Introspection offers what works, and has the rules that hold everywhere.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	res := r.Anonymous().Must(t,
		`{ __schema { description directives { name } types { name fields { name description args { name description } } } } }`, nil)
	if description := res.String("__schema.description"); !strings.Contains(description, "IDs are opaque") {
		t.Errorf("the description of the schema is %q", description)
	}
	var directives []string
	for _, d := range res.Get("__schema.directives").([]any) {
		directives = append(directives, apitest.Get(d, "name").(string))
	}
	slices.Sort(directives)
	if want := []string{"deprecated", "idempotent", "include", "oneOf", "skip", "specifiedBy"}; !slices.Equal(directives, want) {
		t.Errorf("the directives are %v, want %v", directives, want)
	}
	if refused := r.Anonymous().Run(t, `{ ... @defer { limits { pageSize } } }`, nil); len(refused.Errors) != 1 ||
		refused.Errors[0].Code() != "BAD_REQUEST" {
		t.Errorf("@defer: %s", refused.Body)
	}
	arguments := 0
	for _, typ := range res.Get("__schema.types").([]any) {
		name := apitest.Get(typ, "name").(string)
		fields, _ := apitest.Get(typ, "fields").([]any)
		for _, f := range fields {
			args := apitest.Get(f, "args").([]any)
			if strings.HasPrefix(name, "__") {
				continue
			}
			for _, a := range args {
				if arguments++; apitest.Get(a, "description") == nil {
					t.Errorf("%s.%s(%s) has no description", name, apitest.Get(f, "name"), apitest.Get(a, "name"))
				}
			}
		}
	}
	if arguments < 30 {
		t.Errorf("only %d arguments were seen", arguments)
	}
}

const introspection = `query { __schema { types { kind name interfaces { name } possibleTypes { name }
	enumValues(includeDeprecated: true) { name }
	inputFields { ...value } fields(includeDeprecated: true) { name args { ...value } ...type } } } }
	fragment value on __InputValue { name defaultValue type { ...ref } }
	fragment type on __Field { type { ...ref } }
	fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`

type named struct{ Name string }

type introspected struct {
	Kind, Name                            string
	Interfaces, PossibleTypes, EnumValues []named
	InputFields                           []inputValue
	Fields                                []struct {
		Name string
		Args []inputValue
		Type *typeRef
	}
}

type inputValue struct {
	Name         string
	DefaultValue *string
	Type         *typeRef
}

type typeRef struct {
	Kind, Name string
	OfType     *typeRef
}

func (r *typeRef) String() string {
	switch r.Kind {
	case "NON_NULL":
		return r.OfType.String() + "!"
	case "LIST":
		return "[" + r.OfType.String() + "]"
	}
	return r.Name
}

// lines says what a type is, a line for each part.
func (d introspected) lines() []string {
	out := []string{d.Kind + " " + d.Name}
	for what, list := range map[string][]named{"implements": d.Interfaces, "holds": d.PossibleTypes, "has": d.EnumValues} {
		for _, n := range list {
			out = append(out, fmt.Sprintf("%s %s %s", d.Name, what, n.Name))
		}
	}
	for _, f := range d.InputFields {
		out = append(out, d.Name+"."+f.line())
	}
	for _, f := range d.Fields {
		out = append(out, fmt.Sprintf("%s.%s: %s", d.Name, f.Name, f.Type))
		for _, a := range f.Args {
			out = append(out, fmt.Sprintf("%s.%s(%s)", d.Name, f.Name, a.line()))
		}
	}
	return out
}

func (v inputValue) line() string {
	value := "nothing"
	if v.DefaultValue != nil {
		value = *v.DefaultValue
	}
	return fmt.Sprintf("%s: %s = %s", v.Name, v.Type, value)
}

// linesOf says the same of a type in the text.
func linesOf(schema *ast.Schema, d *ast.Definition) []string {
	out := []string{string(d.Kind) + " " + d.Name}
	for _, name := range d.Interfaces {
		out = append(out, d.Name+" implements "+name)
	}
	if d.Kind == ast.Union || d.Kind == ast.Interface {
		for _, p := range schema.GetPossibleTypes(d) {
			out = append(out, d.Name+" holds "+p.Name)
		}
	}
	for _, v := range d.EnumValues {
		out = append(out, d.Name+" has "+v.Name)
	}
	value := func(v *ast.Value) string {
		if v == nil {
			return "nothing"
		}
		return v.String()
	}
	for _, f := range d.Fields {
		switch {
		case d.Kind == ast.InputObject:
			out = append(out, fmt.Sprintf("%s.%s: %s = %s", d.Name, f.Name, f.Type, value(f.DefaultValue)))
			continue
		case f.Name == "__schema" || f.Name == "__type":
			continue
		}
		out = append(out, fmt.Sprintf("%s.%s: %s", d.Name, f.Name, f.Type))
		for _, a := range f.Arguments {
			out = append(out, fmt.Sprintf("%s.%s(%s: %s = %s)", d.Name, f.Name, a.Name, a.Type, value(a.DefaultValue)))
		}
	}
	return out
}
