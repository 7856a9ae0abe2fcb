package sqldb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// No two locks have one number.
func TestLocksDiffer(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "locks.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // by number
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := v.Type.(*ast.Ident); !ok || of.Name != "Lock" {
			return true
		}
		number := strings.ReplaceAll(v.Values[0].(*ast.BasicLit).Value, "_", "")
		if was, ok := names[number]; ok {
			t.Errorf("%s and %s have the same number", was, v.Names[0].Name)
		}
		names[number] = v.Names[0].Name
		return true
	})
	if len(names) < 3 {
		t.Errorf("only %d locks were found", len(names))
	}
}

// taken is SQL, or a library, that takes an advisory lock.
var taken = regexp.MustCompile(`advisory_(xact_)?lock(_shared)?\(|WithLockID\(`)

// Advisory locks are taken with the numbers of this package only.
func TestLocksAreDeclaredHere(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	uses := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		// Tests hold each other's locks to see what happens; pgtest has a lock on a server of tests.
		if ext := filepath.Ext(path); ext != ".go" && ext != ".sql" || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "pgtest") || strings.HasSuffix(path, filepath.Join("sqldb", "locks.go")) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if taken.Match(text) {
			uses++
			if !strings.Contains(string(text), "sqldb.Lock") {
				t.Errorf("%s takes an advisory lock with a number of its own", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if uses == 0 {
		t.Error("no file was found that takes a lock")
	}
}
