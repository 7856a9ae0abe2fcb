package guard

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"roost/internal/errs"
)

// Shape returns the refusal of a document that exceeds the limits. It returns nil for a document within the limits, and for
// one that cannot be parsed.
func Shape(query string, limits Limits) *errs.Error {
	if len(query) > limits.Bytes {
		return tooComplex("the document is longer than %d bytes", limits.Bytes)
	}
	if err := checkTokens(query, limits); err != nil {
		return err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return nil
	}
	w := &walk{limits: limits, fragments: map[string]*ast.FragmentDefinition{}, sizes: map[string]size{}}
	return w.document(doc)
}

// checkTokens counts the tokens and the nesting of a document before it is parsed. So it also bounds the parser's recursion.
func checkTokens(query string, limits Limits) *errs.Error {
	lex := lexer.New(&ast.Source{Input: query})
	tokens, nesting := 0, 0
	for {
		token, err := lex.ReadToken()
		if err != nil {
			return nil
		}
		switch token.Kind {
		case lexer.EOF:
			return nil
		case lexer.Comment:
			continue
		case lexer.BraceL, lexer.BracketL, lexer.ParenL:
			nesting++
		case lexer.BraceR, lexer.BracketR, lexer.ParenR:
			nesting--
		}
		if tokens++; tokens > limits.Tokens {
			return tooComplex("the document has more than %d tokens", limits.Tokens)
		}
		if nesting > limits.Nesting {
			return tooComplex("the document nests deeper than %d brackets", limits.Nesting)
		}
	}
}

// walk is the state of one check of a document.
type walk struct {
	limits    Limits
	fragments map[string]*ast.FragmentDefinition
	sizes     map[string]size

	aliases, spreads, directives int
}

// size is the size of a selection set with its fragments written out. A use of a fragment counts as a selection, too,
// because writing out fragments that select nothing also takes time.
type size struct{ depth, selections int }

// visiting marks a fragment whose size is being computed. A walk that meets it again has found a cycle.
var visiting = size{depth: -1}

func (w *walk) document(doc *ast.QueryDocument) *errs.Error {
	if len(doc.Operations) > w.limits.Operations {
		return tooComplex("the document has more than %d operations", w.limits.Operations)
	}
	if len(doc.Fragments) > w.limits.Fragments {
		return tooComplex("the document has more than %d fragments", w.limits.Fragments)
	}
	for _, f := range doc.Fragments {
		if w.fragments[f.Name] != nil { // the second one would hide behind the first
			return errs.New(errs.BadRequest, "two fragments have the same name").Because(errs.ReasonValidation)
		}
		w.fragments[f.Name] = f
	}
	sets := make([]ast.SelectionSet, 0, len(doc.Fragments)+len(doc.Operations))
	total := 0
	for _, f := range doc.Fragments { // validation looks at unused ones, too
		s, err := w.fragment(f)
		if err != nil {
			return err
		}
		total += s.selections
		sets = append(sets, f.SelectionSet)
	}
	for _, op := range doc.Operations {
		s, err := w.operation(op)
		if err != nil {
			return err
		}
		total += s.selections
		sets = append(sets, op.SelectionSet)
	}
	if total > w.limits.Total {
		return tooComplex("the document's operations and fragments select more than %d fields", w.limits.Total)
	}
	// All sizes are within bounds now, so fragments may be written out.
	for _, set := range sets {
		if err := w.checkKeys([]ast.SelectionSet{set}); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) operation(op *ast.OperationDefinition) (size, *errs.Error) {
	if len(op.VariableDefinitions) > w.limits.Variables {
		return size{}, tooComplex("an operation has more than %d variables", w.limits.Variables)
	}
	if err := w.countDirectives(op.Directives); err != nil {
		return size{}, err
	}
	for _, v := range op.VariableDefinitions {
		if err := w.countDirectives(v.Directives); err != nil {
			return size{}, err
		}
		if err := w.literal(v.DefaultValue, 0); err != nil {
			return size{}, err
		}
	}
	s, err := w.set(op.SelectionSet)
	if err == nil && w.rootFields(op.SelectionSet) > w.limits.RootFields {
		err = tooComplex("an operation has more than %d root fields", w.limits.RootFields)
	}
	return s, err
}

// rootFields counts the fields at the top of an operation. The size of the set has been checked, so it bounds this walk.
func (w *walk) rootFields(set ast.SelectionSet) int {
	n := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			n++
		case *ast.InlineFragment:
			n += w.rootFields(sel.SelectionSet)
		case *ast.FragmentSpread:
			if f := w.fragments[sel.Name]; f != nil {
				n += w.rootFields(f.SelectionSet)
			}
		}
	}
	return n
}

// fragment returns the size of a fragment, computed once.
func (w *walk) fragment(f *ast.FragmentDefinition) (size, *errs.Error) {
	s, known := w.sizes[f.Name]
	switch {
	case known && s == visiting:
		return s, errs.New(errs.BadRequest, "a fragment spreads itself").Because(errs.ReasonValidation)
	case known:
		return s, nil
	}
	w.sizes[f.Name] = visiting
	if err := w.countDirectives(f.Directives); err != nil {
		return s, err
	}
	s, err := w.set(f.SelectionSet)
	w.sizes[f.Name] = s
	return s, err
}

// set returns the size of a selection set, which is within the limits if there is no error.
func (w *walk) set(set ast.SelectionSet) (size, *errs.Error) {
	var total size
	if len(set) > w.limits.SelectSet {
		return total, tooComplex("a selection set has more than %d selections", w.limits.SelectSet)
	}
	for _, sel := range set {
		s, err := w.selection(sel)
		if err != nil {
			return total, err
		}
		total.selections += s.selections
		total.depth = max(total.depth, s.depth)
		if total.selections > w.limits.Selections {
			return total, tooComplex("an operation selects more than %d fields", w.limits.Selections)
		}
		if total.depth > w.limits.Depth {
			return total, tooComplex("an operation is deeper than %d fields", w.limits.Depth)
		}
	}
	return total, nil
}

func (w *walk) selection(sel ast.Selection) (size, *errs.Error) {
	switch sel := sel.(type) {
	case *ast.Field:
		if err := w.field(sel); err != nil {
			return size{}, err
		}
		s, err := w.set(sel.SelectionSet)
		return size{depth: s.depth + 1, selections: s.selections + 1}, err
	case *ast.InlineFragment:
		if err := w.spread(sel.Directives); err != nil {
			return size{}, err
		}
		s, err := w.set(sel.SelectionSet)
		s.selections++
		return s, err
	case *ast.FragmentSpread:
		if err := w.spread(sel.Directives); err != nil {
			return size{}, err
		}
		var s size
		var err *errs.Error
		if f := w.fragments[sel.Name]; f != nil {
			s, err = w.fragment(f)
		}
		s.selections++
		return s, err
	}
	return size{}, nil
}

func (w *walk) field(f *ast.Field) *errs.Error {
	if f.Alias != f.Name {
		if w.aliases++; w.aliases > w.limits.Aliases {
			return tooComplex("the document has more than %d aliases", w.limits.Aliases)
		}
	}
	if err := w.countDirectives(f.Directives); err != nil {
		return err
	}
	return w.arguments(f.Arguments)
}

func (w *walk) spread(list ast.DirectiveList) *errs.Error {
	if w.spreads++; w.spreads > w.limits.Spreads {
		return tooComplex("the document uses fragments more than %d times", w.limits.Spreads)
	}
	for _, d := range list {
		if d.Name == "defer" || d.Name == "stream" {
			return errs.Newf(errs.BadRequest, "@%s is not supported", d.Name).Because(errs.ReasonValidation)
		}
	}
	return w.countDirectives(list)
}

func (w *walk) countDirectives(list ast.DirectiveList) *errs.Error {
	if w.directives += len(list); w.directives > w.limits.Directives {
		return tooComplex("the document has more than %d directives", w.limits.Directives)
	}
	for _, d := range list {
		if err := w.arguments(d.Arguments); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) arguments(list ast.ArgumentList) *errs.Error {
	for _, a := range list {
		if err := w.literal(a.Value, 0); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) literal(v *ast.Value, depth int) *errs.Error {
	if v == nil {
		return nil
	}
	if depth > w.limits.Literal {
		return tooComplex("a literal is deeper than %d lists and objects", w.limits.Literal)
	}
	for _, child := range v.Children {
		if err := w.literal(child.Value, depth+1); err != nil {
			return err
		}
	}
	return nil
}
