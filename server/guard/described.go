package guard

import (
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
)

// described is an object of the schema's description (a __Type, __Field, ...) with the objects to which each of its
// fields leads. Lists include deprecated objects, so a price does not depend on the argument includeDeprecated.
type described struct {
	below map[string][]*described
}

// description holds the objects that `__schema` and `__type` can return.
type description struct {
	schema *described
	types  map[string]*described // by name
}

// describe builds the graph of a schema's description, with the walk that gqlgen itself uses to answer.
func describe(schema *ast.Schema) *description {
	b := describer{seen: map[string]*described{}}
	s := introspection.WrapSchema(schema)
	d := &description{schema: &described{below: map[string][]*described{}}, types: map[string]*described{}}
	for _, t := range s.Types() {
		node := b.typ(&t)
		d.types[*t.Name()] = node
		d.schema.add("types", node)
	}
	d.schema.add("queryType", b.typ(s.QueryType()))
	d.schema.add("mutationType", b.typ(s.MutationType()))
	d.schema.add("subscriptionType", b.typ(s.SubscriptionType()))
	for _, directive := range s.Directives() {
		node := &described{below: map[string][]*described{}}
		b.values(node, "args", directive.Args)
		d.schema.add("directives", node)
	}
	return d
}

// add puts an object below a field. Of a nil node, which means null, it adds nothing.
func (d *described) add(field string, node *described) {
	if node != nil {
		d.below[field] = append(d.below[field], node)
	}
}

// describer holds the types that it has visited: named types, and their lists and non-null forms.
type describer struct{ seen map[string]*described }

func (b describer) typ(t *introspection.Type) *described {
	if t == nil {
		return nil
	}
	key := typeKey(t)
	if node := b.seen[key]; node != nil {
		return node
	}
	node := &described{below: map[string][]*described{}}
	b.seen[key] = node
	node.add("ofType", b.typ(t.OfType()))
	for _, f := range t.Fields(true) {
		field := &described{below: map[string][]*described{}}
		b.values(field, "args", f.Args)
		field.add("type", b.typ(f.Type))
		node.add("fields", field)
	}
	b.values(node, "inputFields", t.InputFields())
	for _, i := range t.Interfaces() {
		node.add("interfaces", b.typ(&i))
	}
	for _, p := range t.PossibleTypes() {
		node.add("possibleTypes", b.typ(&p))
	}
	for range t.EnumValues(true) {
		node.add("enumValues", &described{})
	}
	return node
}

func (b describer) values(of *described, field string, values []introspection.InputValue) {
	for _, v := range values {
		value := &described{below: map[string][]*described{}}
		value.add("type", b.typ(v.Type))
		of.add(field, value)
	}
}

// typeKey returns the type in the notation of SDL.
func typeKey(t *introspection.Type) string {
	switch t.Kind() {
	case "NON_NULL":
		return typeKey(t.OfType()) + "!"
	case "LIST":
		return "[" + typeKey(t.OfType()) + "]"
	default:
		return *t.Name()
	}
}
