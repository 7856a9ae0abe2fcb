package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// difference is how a served schema differs from the contract. Contradictions break clients that were
// written for the contract; what is missing is to be served later; reworded are the descriptions with other words.
type difference struct {
	contract, served                  *ast.Schema
	contradictions, missing, reworded []string
}

func compareSchemas(contract, served *ast.Schema) *difference {
	d := &difference{contract: contract, served: served}
	d.describe("the schema", contract.Description, served.Description)
	for _, name := range slices.Sorted(maps.Keys(served.Types)) {
		s := served.Types[name]
		switch c := contract.Types[name]; {
		case s.BuiltIn:
		case c == nil:
			d.contradict("type %s is not in the contract", name)
		default:
			d.compareType(c, s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(contract.Types)) {
		if served.Types[name] == nil {
			d.missing = append(d.missing, "type "+name)
		}
	}
	d.compareDirectives()
	return d
}

func (d *difference) contradict(format string, args ...any) {
	d.contradictions = append(d.contradictions, fmt.Sprintf(format, args...))
}

func (d *difference) miss(name string) { d.missing = append(d.missing, name) }

func (d *difference) compareType(c, s *ast.Definition) {
	d.describe(s.Name, c.Description, s.Description)
	d.use(s.Name, c.Directives, s.Directives)
	switch {
	case c.Kind == s.Kind:
		d.compareMembers(s.Name, c.Types, s.Types)
	case c.Kind == ast.Interface && s.Kind == ast.Union && d.unserved(c):
		d.compareMembers(s.Name, implementing(d.contract, c), s.Types)
		for _, f := range c.Fields {
			d.miss(c.Name + "." + f.Name)
		}
		return
	default:
		d.contradict("%s is a %s, the contract has %s", s.Name, s.Kind, c.Kind)
		return
	}
	d.compareInterfaces(c, s)
	d.compareFields(c, s)
	d.compareValues(c, s)
}

// unserved reports whether none of the interface's fields is served by any type that implements it. Such
// an interface would have no fields, which GraphQL forbids: a union stands in for it.
func (d *difference) unserved(iface *ast.Definition) bool {
	for _, name := range implementing(d.contract, iface) {
		s := d.served.Types[name]
		if s != nil && slices.ContainsFunc(s.Fields, func(f *ast.FieldDefinition) bool { return iface.Fields.ForName(f.Name) != nil }) {
			return false
		}
	}
	return true
}

func implementing(s *ast.Schema, iface *ast.Definition) (names []string) {
	for _, t := range s.PossibleTypes[iface.Name] {
		names = append(names, t.Name)
	}
	return names
}

// compareMembers compares what a union holds.
func (d *difference) compareMembers(name string, c, s []string) {
	for _, member := range s {
		if !slices.Contains(c, member) {
			d.contradict("%s holds %s, which is not in the contract", name, member)
		}
	}
	for _, member := range c {
		if !slices.Contains(s, member) {
			d.miss(name + " = " + member)
		}
	}
}

func (d *difference) compareInterfaces(c, s *ast.Definition) {
	for _, name := range s.Interfaces {
		if !slices.Contains(c.Interfaces, name) {
			d.contradict("%s implements %s, which is not in the contract", s.Name, name)
		}
	}
	for _, name := range c.Interfaces {
		if slices.Contains(s.Interfaces, name) {
			continue
		}
		if iface := d.served.Types[name]; iface != nil && iface.Kind == ast.Interface {
			d.contradict("%s does not implement %s", s.Name, name)
		} else {
			d.miss(s.Name + " implements " + name)
		}
	}
}

// compareFields compares fields, those of inputs included.
func (d *difference) compareFields(c, s *ast.Definition) {
	for _, sf := range s.Fields {
		name := s.Name + "." + sf.Name
		cf := c.Fields.ForName(sf.Name)
		if strings.HasPrefix(sf.Name, "__") {
			continue
		}
		if cf == nil {
			d.contradict("%s is not in the contract", name)
			continue
		}
		d.describe(name, cf.Description, sf.Description)
		d.use(name, cf.Directives, sf.Directives)
		d.compareValue(name, cf.Type, sf.Type, cf.DefaultValue, sf.DefaultValue)
		d.compareArguments(name, cf.Arguments, sf.Arguments)
	}
	for _, cf := range c.Fields {
		if s.Fields.ForName(cf.Name) == nil {
			d.miss(s.Name + "." + cf.Name)
		}
	}
}

func (d *difference) compareArguments(field string, c, s ast.ArgumentDefinitionList) {
	for _, sa := range s {
		name := field + "(" + sa.Name + ")"
		ca := c.ForName(sa.Name)
		if ca == nil {
			d.contradict("%s is not in the contract", name)
			continue
		}
		d.describe(name, ca.Description, sa.Description)
		d.use(name, ca.Directives, sa.Directives)
		d.compareValue(name, ca.Type, sa.Type, ca.DefaultValue, sa.DefaultValue)
	}
	for _, ca := range c {
		if s.ForName(ca.Name) == nil {
			d.miss(field + "(" + ca.Name + ")")
		}
	}
}

func (d *difference) compareValue(name string, c, s *ast.Type, cDefault, sDefault *ast.Value) {
	if c.String() != s.String() {
		d.contradict("%s is %s, the contract has %s", name, s, c)
		return
	}
	if valueText(cDefault) != valueText(sDefault) && valueText(d.restricted(c, cDefault)) != valueText(sDefault) {
		d.contradict("%s is %s by default, the contract has %s", name, valueText(sDefault), valueText(cDefault))
	}
}

func valueText(v *ast.Value) string {
	if v == nil {
		return "nothing"
	}
	return v.String()
}

// restricted is a default without the enum values that are not served, if it is a list of an enum's.
func (d *difference) restricted(t *ast.Type, v *ast.Value) *ast.Value {
	if v == nil || v.Kind != ast.ListValue || t.Elem == nil {
		return v
	}
	enum := d.served.Types[t.Elem.Name()]
	if enum == nil || enum.Kind != ast.Enum {
		return v
	}
	out := *v
	out.Children = slices.DeleteFunc(slices.Clone(v.Children), func(c *ast.ChildValue) bool {
		return enum.EnumValues.ForName(c.Value.Raw) == nil
	})
	return &out
}

func (d *difference) compareValues(c, s *ast.Definition) {
	for _, sv := range s.EnumValues {
		name := s.Name + "." + sv.Name
		cv := c.EnumValues.ForName(sv.Name)
		if cv == nil {
			d.contradict("%s is not in the contract", name)
			continue
		}
		d.describe(name, cv.Description, sv.Description)
		d.use(name, cv.Directives, sv.Directives)
	}
	for _, cv := range c.EnumValues {
		if s.EnumValues.ForName(cv.Name) == nil {
			d.miss(s.Name + "." + cv.Name)
		}
	}
}

// describe compares descriptions.
func (d *difference) describe(name, c, s string) {
	switch {
	case c != "" && s == "":
		d.contradict("%s has no description", name)
	case c == "" && s != "":
		d.contradict("%s has a description, which is not in the contract", name)
	case strings.Join(strings.Fields(c), " ") != strings.Join(strings.Fields(s), " "):
		d.reworded = append(d.reworded, name)
	}
}

// use compares the directives that something carries, such as @deprecated and @specifiedBy.
func (d *difference) use(name string, c, s ast.DirectiveList) {
	if cs, ss := applied(c), applied(s); cs != ss {
		d.contradict("%s has the directives [%s], the contract has [%s]", name, ss, cs)
	}
}

func applied(list ast.DirectiveList) string {
	all := make([]string, len(list))
	for i, one := range list {
		var args []string
		for _, a := range one.Arguments {
			args = append(args, a.Name+": "+a.Value.String())
		}
		slices.Sort(args)
		all[i] = "@" + one.Name + "(" + strings.Join(args, ", ") + ")"
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func (d *difference) compareDirectives() {
	for _, name := range slices.Sorted(maps.Keys(d.served.Directives)) {
		s := d.served.Directives[name]
		c := d.contract.Directives[name]
		if isBuiltIn(s) {
			continue
		}
		if c == nil {
			d.contradict("directive @%s is not in the contract", name)
			continue
		}
		d.compareArguments("@"+name, c.Arguments, s.Arguments)
		if fmt.Sprint(c.Locations) != fmt.Sprint(s.Locations) || c.IsRepeatable != s.IsRepeatable {
			d.contradict("@%s is on %v, the contract has %v", name, s.Locations, c.Locations)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.contract.Directives)) {
		if d.served.Directives[name] == nil && !isBuiltIn(d.contract.Directives[name]) {
			d.miss("directive @" + name)
		}
	}
}

// isBuiltIn reports whether the parser adds the directive to every schema.
func isBuiltIn(d *ast.DirectiveDefinition) bool {
	return d.Position != nil && d.Position.Src != nil && d.Position.Src.BuiltIn
}
