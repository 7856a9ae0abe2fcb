package guard

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Cost is the number of fields that executing a validated operation may resolve. Below a field with `first`
// or `last` everything counts as often as the page has items; below a lookup by a list of ids, as often as
// the list has; below any other list, Limits.List times. A page costs no less than its items, which are read
// whatever is selected of them. Fields that the variables leave out do not count.
// It stops counting a little above Limits.Cost.
func Cost(schema *ast.Schema, op *ast.OperationDefinition, variables map[string]any, limits Limits) int {
	c := costing{schema: schema, variables: variables, limits: limits}
	return c.set(op.SelectionSet, 1, noPage)
}

type costing struct {
	schema    *ast.Schema
	variables map[string]any
	limits    Limits
}

// noPage is the page of what is not a connection.
const noPage = -1

// set is the cost of a selection set that is resolved so many times. Below a connection, page is the size
// of its page: the connection's own lists are that page.
func (c *costing) set(set ast.SelectionSet, times, page int) int {
	total := 0
	for _, sel := range set {
		if total > c.limits.Cost {
			break
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if c.included(sel.Directives) {
				total = add(total, c.field(sel, times, page))
			}
		case *ast.InlineFragment:
			if c.included(sel.Directives) {
				total = add(total, c.set(sel.SelectionSet, times, page))
			}
		case *ast.FragmentSpread:
			if sel.Definition != nil && c.included(sel.Directives) {
				total = add(total, c.set(sel.Definition.SelectionSet, times, page))
			}
		}
	}
	return total
}

func (c *costing) field(f *ast.Field, times, page int) int {
	if strings.HasPrefix(f.Name, "__") {
		if f.Name == "__typename" {
			return times
		}
		return c.limits.Introspection
	}
	if len(f.SelectionSet) == 0 || f.Definition == nil {
		return times
	}
	isList, args := f.Definition.Type.Elem != nil, f.Definition.Arguments
	items, below := 1, noPage
	switch {
	case args.ForName("first") != nil || args.ForName("last") != nil:
		if items = c.pageSize(f); !isList {
			items, below = 1, items
		}
	case isList && page != noPage:
		items = page
	case isList:
		items = c.listSize(f)
	}
	cost := add(times, c.set(f.SelectionSet, multiply(times, items), below))
	if below != noPage {
		cost = max(cost, multiply(times, below))
	}
	return cost
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
