package variables

import "github.com/vektah/gqlparser/v2/ast"

// nonNullUse returns the type of a place that requires a value and where an operation uses a nullable variable, or nil if
// there is none. Validation allows such a use if the variable or the place has a default.
func nonNullUse(op *ast.OperationDefinition, variable string) *ast.Type {
	u := uses{variable: variable, seen: map[string]bool{}}
	if t := u.directives(op.Directives); t != nil {
		return t
	}
	return u.set(op.SelectionSet)
}

// uses looks for the uses of one variable, in each fragment once.
type uses struct {
	variable string
	seen     map[string]bool
}

func (u *uses) set(set ast.SelectionSet) *ast.Type {
	for _, selection := range set {
		var directives ast.DirectiveList
		var inner ast.SelectionSet
		switch s := selection.(type) {
		case *ast.Field:
			if t := u.arguments(s.Arguments); t != nil {
				return t
			}
			directives, inner = s.Directives, s.SelectionSet
		case *ast.InlineFragment:
			directives, inner = s.Directives, s.SelectionSet
		case *ast.FragmentSpread:
			directives = s.Directives
			if !u.seen[s.Name] {
				u.seen[s.Name] = true
				inner = s.Definition.SelectionSet
			}
		}
		if t := u.directives(directives); t != nil {
			return t
		}
		if t := u.set(inner); t != nil {
			return t
		}
	}
	return nil
}

func (u *uses) directives(list ast.DirectiveList) *ast.Type {
	for _, d := range list {
		if t := u.arguments(d.Arguments); t != nil {
			return t
		}
	}
	return nil
}

func (u *uses) arguments(list ast.ArgumentList) *ast.Type {
	for _, a := range list {
		if t := u.value(a.Value); t != nil {
			return t
		}
	}
	return nil
}

func (u *uses) value(v *ast.Value) *ast.Type {
	if v.Kind == ast.Variable && v.Raw == u.variable && v.ExpectedType != nil && v.ExpectedType.NonNull {
		return v.ExpectedType
	}
	for _, child := range v.Children {
		if t := u.value(child.Value); t != nil {
			return t
		}
	}
	return nil
}
