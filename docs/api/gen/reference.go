package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// writer writes the page.
type writer struct {
	strings.Builder
	schema *ast.Schema
	// types are all types but those of introspection, in the order of the schema.
	types []*ast.Definition
}

// builtIn describes the scalars that GraphQL defines.
var builtIn = map[string]string{
	"ID": "An opaque name of an object, sent as a string.", "String": "A text.",
	"Int": "A whole number of 32 bits.", "Boolean": "`true` or `false`.",
}

// reference returns the page for a schema. Equal schemas have equal pages.
func reference(sdl string) (string, error) {
	source := &ast.Source{Name: "schema.graphqls", Input: sdl}
	schema, err := gqlparser.LoadSchema(source)
	if err != nil {
		return "", err
	}
	w := &writer{schema: schema}
	for _, d := range schema.Types {
		if !d.BuiltIn && !strings.HasPrefix(d.Name, "__") {
			w.types = append(w.types, d)
		}
	}
	slices.SortFunc(w.types, func(a, b *ast.Definition) int { return cmp.Compare(a.Position.Start, b.Position.Start) })
	w.page()
	return w.String(), nil
}

func (w *writer) page() {
	w.WriteString("<!-- Generated from schema.graphqls by `make generate`; do not edit. -->\n\n# Reference\n\n" +
		"Every type, field, argument and value of the schema, with its own description. A node serves the schema itself as\n" +
		"`/schema.graphqls`, for code generators. The other pages explain how the parts work together: begin with\n" +
		"[Start here](index.md).\n\n## Rules\n\n" + strings.TrimSpace(w.schema.Description) + "\n")
	roots := []struct {
		title, lead string
		root        *ast.Definition
	}{
		{"Queries", "Fields of `Query`. A GET or a POST may run them.", w.schema.Query},
		{"Mutations", "Fields of `Mutation`. Only a POST or a websocket may run them.", w.schema.Mutation},
		{"Subscriptions", "Fields of `Subscription`, over websockets and Server-Sent Events.", w.schema.Subscription},
	}
	for _, r := range roots {
		if r.root == nil {
			continue
		}
		w.WriteString("\n## " + r.title + "\n\n" + r.lead + "\n\n")
		w.fields(r.root)
	}
	w.section("Objects", ast.Object)
	w.section("Interfaces", ast.Interface)
	w.section("Unions", ast.Union)
	w.section("Inputs", ast.InputObject)
	w.section("Enums", ast.Enum)
	w.section("Scalars", ast.Scalar)
	w.directives()
}

// section writes all types of a kind, unless there are none.
func (w *writer) section(title string, kind ast.DefinitionKind) {
	var types []*ast.Definition
	var links []string
	for _, d := range w.types {
		if d.Kind == kind && d != w.schema.Query && d != w.schema.Mutation && d != w.schema.Subscription {
			types, links = append(types, d), append(links, link(d.Name))
		}
	}
	if len(types) == 0 {
		return
	}
	w.WriteString("\n## " + title + "\n\n" + strings.Join(links, " · ") + "\n")
	for _, d := range types {
		w.WriteString("\n### " + d.Name + "\n\n" + line(d.Description) + "\n")
		w.relations(d)
		switch kind {
		case ast.Enum:
			w.WriteString("\n| value | description |\n|---|---|\n")
			for _, v := range d.EnumValues {
				fmt.Fprintf(w, "| `%s` | %s |\n", v.Name, cell(v.Description, v.Directives))
			}
		case ast.Scalar:
			if by := d.Directives.ForName("specifiedBy"); by != nil {
				fmt.Fprintf(w, "\nIts form is that of <%s>.\n", by.Arguments.ForName("url").Value.Raw)
			}
		default:
			if len(d.Fields) > 0 {
				w.WriteString("\n")
				w.fields(d)
			}
		}
	}
	if kind == ast.Scalar {
		for _, name := range []string{"ID", "String", "Int", "Boolean"} {
			w.WriteString("\n### " + name + "\n\n" + builtIn[name] + "\n")
		}
	}
}

// relations says what a type implements, and which types are its forms.
func (w *writer) relations(d *ast.Definition) {
	var implements, forms []string
	for _, name := range d.Interfaces {
		implements = append(implements, link(name))
	}
	if d.Kind == ast.Interface || d.Kind == ast.Union {
		for _, one := range w.types {
			if slices.Contains(w.schema.PossibleTypes[d.Name], one) && one.Kind == ast.Object {
				forms = append(forms, link(one.Name))
			}
		}
	}
	if len(implements) > 0 {
		w.WriteString("\nImplements " + strings.Join(implements, ", ") + ".\n")
	}
	if len(forms) > 0 {
		w.WriteString("\nIts types: " + strings.Join(forms, ", ") + ".\n")
	}
}

// fields writes the fields of a type, each with its arguments below it.
func (w *writer) fields(d *ast.Definition) {
	w.WriteString("| field | type | description |\n|---|---|---|\n")
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", f.Name, typed(f.Type, f.DefaultValue), cell(f.Description, f.Directives))
		for _, a := range f.Arguments {
			fmt.Fprintf(w, "| ↳ `%s` | %s | %s |\n", a.Name, typed(a.Type, a.DefaultValue), cell(a.Description, a.Directives))
		}
	}
}

func (w *writer) directives() {
	var own []*ast.DirectiveDefinition
	for _, d := range w.schema.Directives {
		if d.Position != nil && d.Position.Src != nil && !d.Position.Src.BuiltIn {
			own = append(own, d)
		}
	}
	slices.SortFunc(own, func(a, b *ast.DirectiveDefinition) int { return cmp.Compare(a.Name, b.Name) })
	w.WriteString("\n## Directives\n")
	for _, d := range own {
		var places []string
		for _, at := range d.Locations {
			places = append(places, "`"+string(at)+"`")
		}
		fmt.Fprintf(w, "\n### @%s\n\n%s Its place is %s.\n\n| argument | type | description |\n|---|---|---|\n",
			d.Name, line(d.Description), strings.Join(places, ", "))
		for _, a := range d.Arguments {
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", a.Name, typed(a.Type, a.DefaultValue), cell(a.Description, nil))
		}
	}
}

// typed returns a type with a link, and its default value.
func typed(t *ast.Type, value *ast.Value) string {
	before, after, _ := strings.Cut(t.String(), t.Name())
	text := strings.ReplaceAll(before, "[", `\[`) + link(t.Name()) + strings.ReplaceAll(after, "]", `\]`)
	if value != nil {
		text += " = `" + value.String() + "`"
	}
	return text
}

func link(name string) string { return "[" + name + "](#" + strings.ToLower(name) + ")" }

// line puts a description into one line.
func line(description string) string { return strings.Join(strings.Fields(description), " ") }

// cell returns a description as the cell of a table, with the reason if its field is deprecated.
func cell(description string, directives ast.DirectiveList) string {
	text := strings.ReplaceAll(line(description), "|", `\|`)
	if d := directives.ForName("deprecated"); d != nil {
		text += " **Deprecated.**"
		if reason := d.Arguments.ForName("reason"); reason != nil {
			text += " " + strings.ReplaceAll(line(reason.Value.Raw), "|", `\|`)
		}
	}
	return text
}
