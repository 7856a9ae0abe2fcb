package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is the width of a line of Go in characters; a tab is one.
const maxColumns = 140

// houseWords are verbs of people, which comments and messages of this project once used for code. A function returns, a message
// reports, a variable holds, a rule applies, a node receives.
var houseWords = regexp.MustCompile(`(?i)\b(gives?|gave|tells?|told|knows?|knew|lies?|stands?|stood|hears?|heard)\b`)

// meant are the phrases with such a word that say what they should. Add one here if no plainer verb says the same.
var meant = []string{
	"give up", "gives up", "gave up", "give way", "gives way",
	"stand in for", "stands in for", "stand-in",
	"know my name", "you can tell", // people say so in the demo world
}

func TestText(t *testing.T) {
	t.Parallel()
	err := textFiles(filepath.Join("..", ".."), func(name string, content []byte) {
		for _, fault := range textFaults(name, content) {
			t.Error(fault)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// textFiles calls fn with every text file of the repository, by its path with slashes.
func textFiles(root string, fn func(name string, content []byte)) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && foreign(rel, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content[:min(len(content), 8000)], 0) < 0 {
			fn(rel, content)
		}
		return nil
	})
}

// foreign reports whether a directory holds what nobody writes by hand: installed, built or measured.
func foreign(rel, name string) bool {
	switch name {
	case "node_modules", "vendor", "dist":
		return true
	}
	return rel == "bin" || rel == "data" || rel == "bench/results" || strings.HasPrefix(name, ".") && name != ".ci"
}

// textFaults returns what a file does against the rules of text, one line each. Of a file that is not Go
// only conflict markers are reported.
func textFaults(name string, content []byte) (faults []string) {
	for i, line := range bytes.Split(content, []byte("\n")) {
		if isConflict(string(line)) {
			faults = append(faults, fmt.Sprintf("%s:%d: a conflict marker", name, i+1))
		}
	}
	if path.Ext(name) != ".go" || strings.HasPrefix(name, "testdata/") || strings.Contains(name, "/testdata/") {
		return faults
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return append(faults, err.Error())
	}
	if ast.IsGenerated(tree) {
		return faults
	}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if n := utf8.RuneCount(line); n > maxColumns {
			faults = append(faults, fmt.Sprintf("%s:%d: %d columns, at most %d", name, i+1, n, maxColumns))
		}
	}
	for _, group := range tree.Comments {
		for _, fault := range houseWordsIn(group.Text(), "a comment") {
			faults = append(faults, fmt.Sprintf("%s: %s", set.Position(group.Pos()), fault))
		}
	}
	if !strings.HasSuffix(name, "_test.go") {
		for _, s := range sentences(tree) {
			for _, fault := range houseWordsIn(s.text, "a string") {
				faults = append(faults, fmt.Sprintf("%s: %s", set.Position(s.pos), fault))
			}
		}
		for _, u := range uncommented(tree) {
			faults = append(faults, fmt.Sprintf("%s: %s", set.Position(u.pos), u.fault))
		}
	}
	return faults
}

// isConflict reports whether a line is one that a merge leaves where both sides changed the same text.
func isConflict(line string) bool {
	for _, mark := range []string{strings.Repeat("<", 7), strings.Repeat("|", 7), strings.Repeat(">", 7)} {
		if rest, ok := strings.CutPrefix(line, mark); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\r') {
			return true
		}
	}
	return false
}

// sentence is a string of code: an error, a line of the log, the help of a metric or of a flag.
type sentence struct {
	pos  token.Pos
	text string
}

// sentences returns the strings of a file that have several words. Paths of imports and tags of fields are not sentences. Strings
// that are joined with + are one.
func sentences(tree *ast.File) (out []sentence) {
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.BinaryExpr:
			if text, ok := joined(n); ok {
				out = append(out, sentence{n.Pos(), text})
				return false
			}
		case *ast.BasicLit:
			if text, ok := joined(n); ok && strings.Contains(text, " ") {
				out = append(out, sentence{n.Pos(), text})
			}
		}
		return true
	})
	return out
}

// joined returns the text of strings that are joined with +; ok is false if something else is joined.
func joined(x ast.Expr) (text string, ok bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		left, okLeft := joined(x.X)
		right, okRight := joined(x.Y)
		return left + right, okLeft && okRight && x.Op == token.ADD
	default:
		return "", false
	}
}

// houseWordsIn returns a fault for each house word of a comment or string that is not part of a phrase in meant.
func houseWordsIn(words, where string) (faults []string) {
	text := strings.Join(strings.Fields(words), " ")
	for _, phrase := range meant {
		text = regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(phrase)+`\b`).ReplaceAllString(text, "-")
	}
	for _, at := range houseWords.FindAllStringIndex(text, -1) {
		around := text[max(0, at[0]-30):min(len(text), at[1]+30)]
		faults = append(faults, fmt.Sprintf("%q in %s: say what the code does (…%s…)", text[at[0]:at[1]], where, strings.ToValidUTF8(around, "")))
	}
	return faults
}
