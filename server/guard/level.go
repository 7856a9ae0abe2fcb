package guard

import "github.com/vektah/gqlparser/v2/ast"

// level adds up what is selected of the objects at one place of an answer.
type level struct {
	*costing
	of          typePrice
	times, page int // see costing.set
	all         selected
	// byType holds what is selected only of objects of one type, if the objects may have several.
	byType map[string]*selected
}

// selected is what is selected of some objects.
type selected struct {
	cost int
	// scalars holds the keys of the answer under which scalars have been counted.
	scalars keySet
}

// total returns the cost of an object of the most expensive type.
func (l *level) total() int {
	most := 0
	for _, s := range l.byType {
		most = max(most, s.cost)
	}
	return add(l.all.cost, most)
}

// add adds a selection set to what has been selected. It stops once the cost exceeds most.
func (l *level) add(set ast.SelectionSet, to *selected) {
	for _, sel := range set {
		if to.cost > l.most {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if l.included(sel.Directives) {
				l.addField(sel, to)
			}
		case *ast.InlineFragment:
			if l.included(sel.Directives) {
				l.add(sel.SelectionSet, l.narrow(to, sel.TypeCondition))
			}
		case *ast.FragmentSpread:
			if sel.Definition != nil && l.included(sel.Directives) {
				l.add(sel.Definition.SelectionSet, l.narrow(to, sel.Definition.TypeCondition))
			}
		}
	}
}

// narrow returns to what a fragment adds its fields. A fragment on an interface or a union counts for all types.
func (l *level) narrow(to *selected, condition string) *selected {
	if !l.of.isMixed || to != &l.all || !l.types[condition].isObject {
		return to
	}
	if l.byType[condition] == nil {
		if l.byType == nil {
			l.byType = map[string]*selected{}
		}
		l.byType[condition] = &selected{}
	}
	return l.byType[condition]
}

func (l *level) addField(f *ast.Field, to *selected) {
	if len(f.SelectionSet) > 0 {
		to.cost = add(to.cost, l.field(f, l.times, l.page))
	} else if to.scalars.add(f.Alias) {
		to.cost = add(to.cost, multiply(l.times, l.scalar(f, l.of)))
	}
}

// keySet is a set of strings that allocates nothing while it is small.
type keySet struct {
	few  [12]string
	n    int
	more map[string]bool
}

// add adds a string, and reports whether the set did not contain it.
func (s *keySet) add(key string) bool {
	for _, k := range s.few[:s.n] {
		if k == key {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = key
		s.n++
		return true
	}
	if s.more[key] {
		return false
	}
	if s.more == nil {
		s.more = map[string]bool{}
	}
	s.more[key] = true
	return true
}
