package guard

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Prices hold what operations on a schema cost.
type Prices struct {
	limits      Limits
	description *description
}

// NewPrices returns the prices of a schema under the limits.
func NewPrices(schema *ast.Schema, limits Limits) *Prices {
	return &Prices{limits: limits, description: describe(schema)}
}

// Cost is what executing a validated operation may cost, in points. Below a field with `first` or `last`
// everything counts as often as the page has items; below a lookup by a list of ids, as often as the list has;
// below any other list, Limits.List times. A page costs no less than its items, which are read whatever is
// selected of them. What asks for the schema's description costs what the description really has. Fields that
// the variables leave out do not count. The counting stops a little above most.
func (p *Prices) Cost(op *ast.OperationDefinition, variables map[string]any, most int) int {
	c := costing{Prices: p, variables: variables, most: most}
	return c.set(op.SelectionSet, 1, noPage)
}

type costing struct {
	*Prices
	variables map[string]any
	most      int
}

// noPage is the page of what is not a connection.
const noPage = -1

// each calls fn for the fields of a set that the variables include, with fragments written out, until the
// total of what it returns is too much.
func (c *costing) each(set ast.SelectionSet, fn func(*ast.Field) int) int {
	total := 0
	for _, sel := range set {
		if total > c.most {
			break
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if c.included(sel.Directives) {
				total = add(total, fn(sel))
			}
		case *ast.InlineFragment:
			if c.included(sel.Directives) {
				total = add(total, c.each(sel.SelectionSet, fn))
			}
		case *ast.FragmentSpread:
			if sel.Definition != nil && c.included(sel.Directives) {
				total = add(total, c.each(sel.Definition.SelectionSet, fn))
			}
		}
	}
	return total
}

// set is the cost of a selection set that is resolved so many times. Below a connection, page is the size
// of its page: the connection's own lists are that page.
func (c *costing) set(set ast.SelectionSet, times, page int) int {
	return c.each(set, func(f *ast.Field) int { return c.field(f, times, page) })
}

func (c *costing) field(f *ast.Field, times, page int) int {
	switch {
	case f.Name == "__schema":
		return c.described(f.SelectionSet, map[*described]int{c.description.schema: times})
	case f.Name == "__type":
		return c.typeByName(f, times)
	case len(f.SelectionSet) == 0 || f.Definition == nil:
		return multiply(times, scalarPoints)
	}
	isList, args := f.Definition.Type.Elem != nil, f.Definition.Arguments
	switch paged := args.ForName("first") != nil || args.ForName("last") != nil; {
	case paged && !isList:
		size := c.pageSize(f)
		below := c.set(f.SelectionSet, times, size)
		return add(multiply(times, pagePoints), max(below, multiply(multiply(times, size), itemPoints)))
	case paged:
		return add(multiply(times, pagePoints), c.items(f, multiply(times, c.pageSize(f))))
	case isList && page != noPage:
		return add(multiply(times, scalarPoints), c.items(f, multiply(times, page)))
	case isList:
		return add(multiply(times, scalarPoints), c.items(f, multiply(times, c.listSize(f))))
	default:
		return c.items(f, times)
	}
}

// items is the cost of so many objects with what is selected of them.
func (c *costing) items(f *ast.Field, times int) int {
	return add(multiply(times, objectPoints), c.set(f.SelectionSet, times, noPage))
}

// typeByName is the cost of a `__type`; of one that does not exist there is none but the field's own.
func (c *costing) typeByName(f *ast.Field, times int) int {
	name, _ := c.text(f.Arguments.ForName("name"))
	node := c.description.types[name]
	if node == nil {
		return multiply(times, scalarPoints)
	}
	return c.described(f.SelectionSet, map[*described]int{node: times})
}

// described is the cost of a selection set on objects of the schema's description, each of which is in
// the answer so many times. It takes time for each object once, and each has been paid for before.
func (c *costing) described(set ast.SelectionSet, objects map[*described]int) int {
	count := 0
	for _, times := range objects {
		count = add(count, times)
	}
	paid := multiply(count, describedObjectPoints)
	if paid > c.most {
		return paid
	}
	return add(paid, c.each(set, func(f *ast.Field) int {
		own := multiply(count, describedScalarPoints)
		if len(f.SelectionSet) == 0 {
			return own
		}
		below := map[*described]int{}
		for object, times := range objects {
			for _, next := range object.below[f.Name] {
				below[next] = add(below[next], times)
			}
		}
		return add(own, c.described(f.SelectionSet, below))
	}))
}

// listSize is the number of items of a list that is no page: that of the list it is asked with, if any.
func (c *costing) listSize(f *ast.Field) int {
	for _, arg := range f.Definition.Arguments {
		if arg.Type.Elem == nil {
			continue
		}
		if given := f.Arguments.ForName(arg.Name); given != nil {
			return c.length(given.Value)
		}
	}
	return c.limits.List
}

func (c *costing) pageSize(f *ast.Field) int {
	size := -1
	for _, name := range []string{"first", "last"} {
		if arg := f.Arguments.ForName(name); arg != nil {
			if n, ok := c.integer(arg.Value); ok {
				size = max(size, n)
			}
		}
	}
	if size < 0 {
		return c.limits.DefaultPage
	}
	return min(size, c.limits.Page)
}

// integer is the value of an argument; what is no number is none, and refused elsewhere.
func (c *costing) integer(v *ast.Value) (int, bool) {
	raw := any(v.Raw)
	if v.Kind == ast.Variable {
		raw = c.variables[v.Raw]
	}
	switch n := raw.(type) {
	case string:
		return parse(n)
	case json.Number:
		return parse(n.String())
	case int64:
		return int(n), true
	case int32:
		return int(n), true
	case int:
		return n, true
	case float64:
		return int(min(max(n, -1), math.MaxInt32)), true
	}
	return 0, false
}

func parse(s string) (int, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return int(min(max(n, -1), math.MaxInt32)), err == nil
}

// text is the value of an argument that is a string.
func (c *costing) text(arg *ast.Argument) (string, bool) {
	if arg == nil {
		return "", false
	}
	if arg.Value.Kind == ast.Variable {
		s, ok := c.variables[arg.Value.Raw].(string)
		return s, ok
	}
	return arg.Value.Raw, true
}

// length is the number of items in a list argument; one that is no list counts as a list of one.
func (c *costing) length(v *ast.Value) int {
	switch {
	case v.Kind == ast.ListValue:
		return len(v.Children)
	case v.Kind == ast.Variable:
		if list, ok := c.variables[v.Raw].([]any); ok {
			return len(list)
		}
	}
	return 1
}

// included evaluates @skip and @include.
func (c *costing) included(list ast.DirectiveList) bool {
	for _, d := range list {
		arg := d.Arguments.ForName("if")
		if arg == nil || d.Name != "skip" && d.Name != "include" {
			continue
		}
		yes := arg.Value.Raw == "true"
		if arg.Value.Kind == ast.Variable {
			yes, _ = c.variables[arg.Value.Raw].(bool)
		}
		if yes == (d.Name == "skip") {
			return false
		}
	}
	return true
}

// add and multiply stay at the top instead of turning over.
func add(a, b int) int { return min(a+b, math.MaxInt32) }

func multiply(a, b int) int { return min(a*b, math.MaxInt32) }
