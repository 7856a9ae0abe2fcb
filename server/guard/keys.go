package guard

import (
	"github.com/vektah/gqlparser/v2/ast"

	"roost/internal/errs"
)

// checkKeys bounds how many fields end up at one place of the response. Validation compares all of these fields with
// each other, level by level, so its time grows with the square of their number. sets are the selection sets that merge
// into one at this place. Their fragments are written out; the limit on fields bounds the work.
func (w *walk) checkKeys(sets []ast.SelectionSet) *errs.Error {
	byKey := map[string][]*ast.Field{}
	for _, set := range sets {
		if err := w.collect(set, byKey); err != nil {
			return err
		}
	}
	for _, fields := range byKey {
		var below []ast.SelectionSet
		for _, f := range fields {
			if len(f.SelectionSet) > 0 {
				below = append(below, f.SelectionSet)
			}
		}
		if len(below) == 0 {
			continue
		}
		if err := w.checkKeys(below); err != nil {
			return err
		}
	}
	return nil
}

// collect adds the fields of a set, with fragments written out, to byKey under their response keys.
func (w *walk) collect(set ast.SelectionSet, byKey map[string][]*ast.Field) *errs.Error {
	for _, sel := range set {
		var err *errs.Error
		switch sel := sel.(type) {
		case *ast.Field:
			byKey[sel.Alias] = append(byKey[sel.Alias], sel)
			if len(byKey[sel.Alias]) > w.limits.EqualKeys {
				err = tooComplex("more than %d fields share one place of the response", w.limits.EqualKeys)
			}
		case *ast.InlineFragment:
			err = w.collect(sel.SelectionSet, byKey)
		case *ast.FragmentSpread:
			if f := w.fragments[sel.Name]; f != nil {
				err = w.collect(f.SelectionSet, byKey)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
