package server

import "github.com/vektah/gqlparser/v2/ast"

// weigh counts the nodes of a document's tree.
func weigh(doc *ast.QueryDocument) int {
	n := 1
	for _, op := range doc.Operations {
		n += 1 + len(op.VariableDefinitions) + weighDirectives(op.Directives) + weighSet(op.SelectionSet)
		for _, v := range op.VariableDefinitions {
			n += weighValue(v.DefaultValue) + weighDirectives(v.Directives)
		}
	}
	for _, f := range doc.Fragments {
		n += 1 + weighDirectives(f.Directives) + weighSet(f.SelectionSet)
	}
	return n
}

func weighSet(set ast.SelectionSet) int {
	n := len(set)
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			n += weighArguments(sel.Arguments) + weighDirectives(sel.Directives) + weighSet(sel.SelectionSet)
		case *ast.InlineFragment:
			n += weighDirectives(sel.Directives) + weighSet(sel.SelectionSet)
		case *ast.FragmentSpread:
			n += weighDirectives(sel.Directives)
		}
	}
	return n
}

func weighDirectives(list ast.DirectiveList) int {
	n := len(list)
	for _, d := range list {
		n += weighArguments(d.Arguments)
	}
	return n
}

func weighArguments(list ast.ArgumentList) int {
	n := len(list)
	for _, a := range list {
		n += weighValue(a.Value)
	}
	return n
}

func weighValue(v *ast.Value) int {
	if v == nil {
		return 0
	}
	n := 1 + len(v.Children)
	for _, child := range v.Children {
		n += weighValue(child.Value)
	}
	return n
}
