package plan

import "github.com/vektah/gqlparser/v2/ast"

// Args are the arguments of a field of the document.
type Args struct{ field *ast.Field }

// Get returns the value of an argument in the run: what the document has, else the default of the schema. ok is false if there is
// neither. Variables have been coerced; other values have the parser's form.
func (a Args) Get(r *Run, name string) (v any, ok bool) {
	if arg := a.field.Arguments.ForName(name); arg != nil {
		if arg.Value.Kind == ast.Variable {
			v, ok = r.Vars[arg.Value.Raw]
		} else {
			v, ok = valueOf(r, arg.Value)
		}
	}
	if ok {
		return v, true
	}
	if def := a.field.Definition.Arguments.ForName(name); def != nil && def.DefaultValue != nil {
		return valueOf(r, def.DefaultValue)
	}
	return nil, false
}

// valueOf evaluates a value of the document. One that cannot be evaluated ends the run.
func valueOf(r *Run, value *ast.Value) (any, bool) {
	v, err := value.Value(r.Vars)
	if err != nil {
		r.Stop(Refused)
	}
	return v, true
}
