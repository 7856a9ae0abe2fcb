package graph

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// maxStatements is how many statements a resolver has unless its comment says why it has more.
const maxStatements = 3

// Resolvers are short, or say why they are not. A resolver is an exported method of an unexported type.
func TestResolversAreShort(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, found := token.NewFileSet(), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() {
				continue
			}
			receiver, ok := fn.Recv.List[0].Type.(*ast.Ident)
			if !ok || receiver.IsExported() {
				continue
			}
			found++
			if n := len(fn.Body.List); n > maxStatements && !strings.Contains(fn.Doc.Text(), "because") {
				t.Errorf("%s: %s.%s has %d statements, and its comment has no reason (\"because\"): split it, or say why not",
					fset.Position(fn.Pos()), receiver.Name, fn.Name.Name, n)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d resolvers were found", found)
	}
}
