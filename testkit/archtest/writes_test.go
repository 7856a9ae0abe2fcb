package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writers are what writes rows, as methods of ent's client, of its builders, and of database/sql.
var writers = []string{"Create", "CreateBulk", "MapCreateBulk", "Update", "UpdateOne", "UpdateOneID", "Delete", "DeleteOne", "DeleteOneID",
	"Tx", "BeginTx", "Begin", "Exec", "ExecContext"}

// Domain rows are written in the transactions of events.Log.Write alone: what is written elsewhere has no event, and
// leaves old copies in the cache. Imports are the exception; they begin a new epoch of it.
func TestRowsAreWrittenInOnePlace(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	dirs, err := filepath.Glob(filepath.Join(root, "domain", "*"))
	if err != nil || len(dirs) < 7 {
		t.Fatalf("the domain has the folders %v, %v", dirs, err)
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return filepath.Base(dir) == "imports" })
	for _, dir := range []string{"live", "rows", "loaders", "graph", "server", "app"} {
		dirs = append(dirs, filepath.Join(root, dir))
	}
	for _, dir := range dirs {
		found, err := writesBeside(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if strings.Contains(f, "client.SignInLimit.") {
				continue // counters of attempts: nothing keeps copies of them
			}
			t.Errorf("%s: write rows in events.Log.Write", f)
		}
	}
	found, err := writesBeside("x.go", `package x
		func f() {
			a.client.User.Update().Where(x).Exec(ctx)
			db.Writer().ExecContext(ctx, "")
			tx.Client().ExecContext(ctx, "")
			tx.User.Update()
			m.tweets().Delete(ctx)
		}`)
	if err != nil || len(found) != 2 {
		t.Errorf("the test would find %v, %v", found, err)
	}
}

// writesBeside returns the calls that write rows and do not begin with tx, in a directory or in a source.
func writesBeside(path string, src any) (found []string, err error) {
	names := []string{path}
	if src == nil {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		names = nil
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
	}
	for _, name := range names {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, src, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(writers, method.Sel.Name) {
				if path := chain(method.X); path[0] != "tx" && touchesStore(path) {
					found = append(found, fmt.Sprintf("%s: %s.%s", set.Position(call.Pos()), strings.Join(path, "."), method.Sel.Name))
					return false
				}
			}
			return true
		})
	}
	return found, nil
}

// chain returns the names of what a method is called on: a.client.User for a.client.User.Update.
func chain(x ast.Expr) []string {
	switch x := x.(type) {
	case *ast.Ident:
		return []string{x.Name}
	case *ast.SelectorExpr:
		return append(chain(x.X), x.Sel.Name)
	case *ast.CallExpr:
		return chain(x.Fun)
	default:
		return []string{"?"}
	}
}

func touchesStore(path []string) bool {
	return slices.ContainsFunc(path, func(name string) bool {
		name = strings.ToLower(name)
		return name == "client" || name == "db" || name == "writer"
	})
}
