package archtest

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// check returns what a module does against the rules, one line each, and what
// it should mind soon.
func (r rules) check(root string) (faults, warnings []string, err error) {
	module, pkgs, err := readTree(root)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range pkgs {
		if _, ok := r.layer(p.path); !ok {
			faults = append(faults, fmt.Sprintf("%s has no layer: add it to the map in ARCHITECTURE.md", p.path))
			continue
		}
		faults = append(faults, r.checkDoc(p)...)
		for _, f := range p.files {
			for _, imported := range f.imports {
				if why := r.checkImport(module, p.path, f, imported); why != "" {
					faults = append(faults, fmt.Sprintf("%s imports %s: %s", f.name, imported, why))
				}
			}
			if f.generated || matches(r.anySize, p.path) {
				continue
			}
			switch {
			case f.lines > r.maxLines:
				faults = append(faults, fmt.Sprintf("%s has %d lines, at most %d: split it", f.name, f.lines, r.maxLines))
			case f.lines > r.warnLines:
				warnings = append(warnings, fmt.Sprintf("%s has %d lines, aim below %d", f.name, f.lines, r.warnLines))
			}
		}
	}
	return faults, warnings, nil
}

// unused returns what the rules list and no package of the module is or does, one line each.
func (r rules) unused(root string) ([]string, error) {
	module, pkgs, err := readTree(root)
	if err != nil {
		return nil, err
	}
	layers, edges := map[string]bool{}, map[string]bool{}
	for _, p := range pkgs {
		key := r.key(p.path)
		layers[key] = true
		for _, f := range p.files {
			for _, imported := range f.imports {
				if to, ours := strings.CutPrefix(imported, module+"/"); ours && !f.test && to != p.path {
					for _, allowed := range r.alongside[key] {
						edges[key+" alongside "+allowed] = edges[key+" alongside "+allowed] || matches([]string{allowed}, to)
					}
				}
			}
		}
	}
	var out []string
	for key := range r.layers {
		if !layers[key] {
			out = append(out, fmt.Sprintf("%s has a layer and does not exist", key))
		}
	}
	for from, list := range r.alongside {
		for _, to := range list {
			if !edges[from+" alongside "+to] {
				out = append(out, fmt.Sprintf("%s may import %s and does not", from, to))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// checkImport says why a file must not import a package, or nothing.
func (r rules) checkImport(module, from string, f file, imported string) string {
	helper := matches(r.testHelpers, from)
	if imported == "testing" && !f.test && !helper && !f.generated {
		return "only tests and test helpers do"
	}
	to, ours := strings.CutPrefix(imported, module+"/")
	if !ours || to == from {
		return ""
	}
	toLayer, ok := r.layer(to)
	if !ok {
		return "it has no layer in ARCHITECTURE.md"
	}
	if matches(r.testHelpers, to) {
		if f.test || helper {
			return ""
		}
		return "test helpers are for tests"
	}
	fromLayer, _ := r.layer(from)
	switch {
	case toLayer < fromLayer, f.test && toLayer == fromLayer, matches(r.alongside[r.key(from)], to):
		return ""
	case toLayer == fromLayer:
		return fmt.Sprintf("it is in the same layer (%d) and not listed alongside it", toLayer)
	default:
		return fmt.Sprintf("layer %d must not know layer %d", fromLayer, toLayer)
	}
}

// checkDoc wants one package comment in the files written by hand. The rest of
// a package that is all generated is not ours to comment.
func (r rules) checkDoc(p pkg) []string {
	var byHand, testsOnly, docs = 0, true, []string{}
	for _, f := range p.files {
		testsOnly = testsOnly && f.test
	}
	for _, f := range p.files {
		if f.generated || f.test && !testsOnly {
			continue
		}
		byHand++
		if f.doc != "" {
			docs = append(docs, filepath.Base(f.name))
		}
		if want := opening(f); f.doc != "" && !strings.HasPrefix(f.doc, want+" ") {
			return []string{fmt.Sprintf("%s: the package comment starts with %q", f.name, want)}
		}
	}
	switch {
	case byHand > 0 && len(docs) == 0:
		return []string{p.path + " has no package comment"}
	case len(docs) > 1:
		return []string{fmt.Sprintf("%s has package comments in %s: keep one", p.path, strings.Join(docs, ", "))}
	}
	return nil
}

// opening is how go doc wants the comment of the file's package to start.
func opening(f file) string {
	if f.pkg == "main" {
		return "Command " + path.Base(path.Dir(f.name))
	}
	return "Package " + strings.TrimSuffix(f.pkg, "_test")
}

func (r rules) layer(pkg string) (int, bool) {
	layer, ok := r.layers[r.key(pkg)]
	return layer, ok
}

// key is the entry that covers a package: its own, else the nearest with /... .
func (r rules) key(pkg string) string {
	if _, ok := r.layers[pkg]; ok {
		return pkg
	}
	for dir := pkg; ; {
		i := strings.LastIndexByte(dir, '/')
		if i < 0 {
			return pkg
		}
		dir = dir[:i]
		if _, ok := r.layers[dir+"/..."]; ok {
			return dir + "/..."
		}
	}
}

// matches reports whether one of the patterns covers a package.
func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		below, ok := strings.CutSuffix(p, "/...")
		return p == pkg || ok && strings.HasPrefix(pkg, below+"/")
	})
}
