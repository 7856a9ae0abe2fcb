package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// pkg is a directory of Go files; test files of package x_test count to x.
type pkg struct {
	path  string // relative to the module, "." for its root
	files []file
}

type file struct {
	name      string // relative to the module
	test      bool
	generated bool
	doc       string // the package comment
	pkg       string // the name in the package clause
	lines     int
	imports   []string
}

// readTree parses every Go file of a module, whatever its build constraints. It reads
// them itself instead of asking `go list`, so that `go test` notices changed files and
// does not answer from its cache.
func readTree(root string) (module string, pkgs []pkg, err error) {
	module, err = modulePath(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", nil, err
	}
	byPath := map[string]*pkg{}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && ignored(p, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(rel) != ".go" || strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		f, err := readFile(p, rel)
		if err != nil {
			return err
		}
		dir := path.Dir(rel)
		if byPath[dir] == nil {
			byPath[dir] = &pkg{path: dir}
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(byPath)) {
		pkgs = append(pkgs, *byPath[name])
	}
	return module, pkgs, err
}

// ignored reports whether the go command passes by a directory, too.
func ignored(dir, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	switch name {
	case "testdata", "vendor", "node_modules":
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func modulePath(gomod string) (string, error) {
	data, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("%s names no module", gomod)
}

func readFile(name, rel string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), rel, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	f := file{
		name:      rel,
		test:      strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(tree),
		doc:       strings.TrimSpace(tree.Doc.Text()),
		pkg:       tree.Name.Name,
		lines:     bytes.Count(src, []byte("\n")),
	}
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: %w", rel, err)
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}
