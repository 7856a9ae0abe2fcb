package guard

import (
	"encoding/json"
	"math"
	"sort"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Prices computes the cost of operations on one schema.
type Prices struct {
	limits      Limits
	description *description
	// resolved holds the fields that have a resolver of their own; see Guard.
	resolved map[*ast.FieldDefinition]bool
	// free holds the fields that cost nothing.
	free map[*ast.FieldDefinition]bool
	// lists holds the prices of lists for which Guard.ListPrice has one.
	lists map[*ast.FieldDefinition]ListPrice
	types map[string]typePrice
}

// typePrice is what prices depend on of a type.
type typePrice struct {
	isObject bool
	isMixed  bool // an interface or a union, whose objects have several types
	computed bool // see Guard.Computed
}

// newPrices computes the prices of a schema with the functions of a guard.
func newPrices(schema *ast.Schema, g *Guard) *Prices {
	p := &Prices{limits: g.limits, description: describe(schema), resolved: map[*ast.FieldDefinition]bool{},
		free: map[*ast.FieldDefinition]bool{}, lists: map[*ast.FieldDefinition]ListPrice{}, types: map[string]typePrice{}}
	for _, t := range schema.Types {
		p.types[t.Name] = typePrice{
			isObject: t.Kind == ast.Object, isMixed: t.IsAbstractType(), computed: g.Computed != nil && g.Computed(t.Name),
		}
		for _, f := range t.Fields {
			if g.Resolved != nil && g.Resolved(t.Name, f.Name) {
				p.resolved[f] = true
			}
			if g.Free != nil && g.Free(t.Name, f.Name) {
				p.free[f] = true
			}
			if g.ListPrice == nil {
				continue
			}
			if price, ok := g.ListPrice(t.Name, f.Name); ok {
				p.lists[f] = price
			}
		}
	}
	return p
}

// Cost returns what executing a validated operation may cost, in points. A field below a page counts as often as
// the page has items, according to `first` or `last`. Below a lookup by a list of ids it counts once for each id,
// and below any other list as often as Guard.ListPrice says, or Limits.List times. A page costs at least as much as
// its items, which are read even if nothing of them is selected. Where an object may have several types, the fields for
// the most expensive of them count. A value that is selected several times for one place of the answer counts once.
// Fields of the schema's description cost as much as the description contains. Fields that @skip or @include leave out
// do not count. Counting stops once the total exceeds most, so the result may be slightly larger than most.
func (p *Prices) Cost(op *ast.OperationDefinition, variables map[string]any, most int) int {
	c := costing{Prices: p, variables: variables, most: most, page: p.limits.Page}
	return c.set(op.SelectionSet, typePrice{isObject: true}, 1, noPage)
}

// largestPage returns the size of pages with which an operation costs at most so many points, if none of its pages is larger; 0 if smaller
// pages do not help.
func (p *Prices) largestPage(op *ast.OperationDefinition, variables map[string]any, most int) int {
	return sort.Search(p.limits.Page, func(size int) bool {
		c := costing{Prices: p, variables: variables, most: most, page: size + 1}
		return c.set(op.SelectionSet, typePrice{isObject: true}, 1, noPage) > most
	})
}

// Least returns a lower bound of what Cost returns for any values of the operation's variables. It is the cost itself for an operation
// without variables.
func (p *Prices) Least(op *ast.OperationDefinition, most int) int {
	c := costing{Prices: p, most: most, page: p.limits.Page, least: true}
	return c.set(op.SelectionSet, typePrice{isObject: true}, 1, noPage)
}

type costing struct {
	*Prices
	variables map[string]any
	most      int
	page      int  // the largest page that counts, in items
	least     bool // for the cheapest values of all variables
}

// noPage is the page argument of set for selections that are not directly below a connection.
const noPage = -1

// each adds up what fn returns for the fields of a set, with fragments written out and without fields that @skip or
// @include leave out. It stops once the total exceeds most.
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

// set returns the cost of a selection set on objects of a type, which is resolved so many times. Directly below a connection,
// page is the size of the connection's page, and the lists there (`edges`, `nodes`) count as that many items.
func (c *costing) set(set ast.SelectionSet, of typePrice, times, page int) int {
	l := level{costing: c, of: of, times: times, page: page}
	l.add(set, &l.all)
	return l.total()
}

func (c *costing) field(f *ast.Field, times, page int) int {
	switch {
	case c.free[f.Definition]:
		return 0
	case f.Name == "__schema":
		return c.described(f.SelectionSet, map[*described]int{c.description.schema: times})
	case f.Name == "__type":
		return c.typeByName(f, times)
	case f.Definition == nil:
		return multiply(times, scalarPoints)
	}
	isList, args := f.Definition.Type.Elem != nil, f.Definition.Arguments
	switch paged := args.ForName("first") != nil || args.ForName("last") != nil; {
	case paged && !isList:
		size := c.pageSize(f)
		below := c.set(f.SelectionSet, c.typeOf(f), times, size)
		return add(multiply(times, pagePoints), max(below, multiply(multiply(times, size), itemPoints)))
	case paged:
		return add(multiply(times, pagePoints), c.items(f, multiply(times, c.pageSize(f))))
	case isList && page != noPage:
		return add(multiply(times, scalarPoints), c.items(f, multiply(times, page)))
	case isList:
		list, named := c.list(f)
		items := multiply(times, list.Size)
		return add(multiply(times, list.Points), add(c.items(f, items), multiply(items, named)))
	default:
		return c.items(f, times)
	}
}

// scalar returns the cost of a field without a selection set, of an object of a type.
func (c *costing) scalar(f *ast.Field, of typePrice) int {
	switch {
	case c.free[f.Definition]:
		return 0
	case c.resolved[f.Definition]:
		return resolvedPoints
	case of.computed:
		return computedPoints
	}
	return scalarPoints
}

// typeOf returns what the prices below a field depend on.
func (c *costing) typeOf(f *ast.Field) typePrice { return c.types[f.Definition.Type.Name()] }

// items returns the cost of so many objects and of the fields selected on them.
func (c *costing) items(f *ast.Field, times int) int {
	of, object := c.typeOf(f), objectPoints
	if of.computed {
		object = 0
	}
	return add(multiply(times, object), c.set(f.SelectionSet, of, times, noPage))
}

// typeByName returns the cost of a `__type` field. If no type has that name, only the field itself counts.
func (c *costing) typeByName(f *ast.Field, times int) int {
	name, _ := c.text(f.Arguments.ForName("name"))
	node := c.description.types[name]
	if node == nil {
		return multiply(times, scalarPoints)
	}
	return c.described(f.SelectionSet, map[*described]int{node: times})
}

// described returns the cost of a selection set on objects of the schema's description. objects maps each to the
// number of times that the answer contains it. The function visits each object once, and only after its cost has
// been counted, so its own time is bounded by most.
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

// list returns the price of a list that is not a page. It has as many items as the first list argument, or what the guard assumes if
// there is none. named is what each item costs because the argument names it.
func (c *costing) list(f *ast.Field) (list ListPrice, named int) {
	for _, arg := range f.Definition.Arguments {
		if arg.Type.Elem == nil {
			continue
		}
		if given := f.Arguments.ForName(arg.Name); given != nil {
			return ListPrice{Points: scalarPoints, Size: c.length(given.Value)}, namedPoints
		}
	}
	if list, ok := c.lists[f.Definition]; ok {
		return list, 0
	}
	return ListPrice{Points: scalarPoints, Size: c.limits.List}, 0
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
		size = c.limits.DefaultPage
	}
	return min(size, c.page)
}

// integer returns the value of an argument, and false if it is not a number; such an argument is refused elsewhere.
func (c *costing) integer(v *ast.Value) (int, bool) {
	raw := any(v.Raw)
	if v.Kind == ast.Variable {
		if c.least {
			return 0, true
		}
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

// text returns the value of an argument, and false if it is not a string.
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

// length returns the number of items in a list argument. A value that is not a list counts as a list of one item.
func (c *costing) length(v *ast.Value) int {
	switch {
	case v.Kind == ast.ListValue:
		return len(v.Children)
	case v.Kind == ast.Variable && c.least:
		return 0
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
			if c.least {
				return false
			}
			yes, _ = c.variables[arg.Value.Raw].(bool)
		}
		if yes == (d.Name == "skip") {
			return false
		}
	}
	return true
}

// add and multiply return at most math.MaxInt32 and never overflow.
func add(a, b int) int { return min(a+b, math.MaxInt32) }

func multiply(a, b int) int { return min(a*b, math.MaxInt32) }
