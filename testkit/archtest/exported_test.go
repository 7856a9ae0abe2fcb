package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// nameFault is an exported name whose comment says too little.
type nameFault struct {
	pos   token.Pos
	fault string
}

// wellKnown are methods of interfaces that every reader has met; a short comment does.
var wellKnown = []string{
	"Close", "Err", "Error", "Format", "GoString", "Len", "Less", "LogValue", "MarshalGQL", "MarshalJSON",
	"MarshalText", "Pop", "Push", "Read", "RoundTrip", "Scan", "ServeHTTP", "Start", "Stop", "String", "Swap", "Unwrap", "UnmarshalGQL",
	"UnmarshalJSON", "UnmarshalText", "Value", "Write",
}

// sayNothing are the words that a comment may hold without saying anything.
var sayNothing = strings.Fields(`a an the of is are was be to in on for with and or by it its this that these returns return sets gets
	represents implements method function type struct interface constant variable value`)

// uncommented returns the exported types, functions, methods, constants and variables of a file without a comment that says
// more than the name. Methods count if their type is exported.
func uncommented(tree *ast.File) (faults []nameFault) {
	report := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if fault := commentFault(name.Name, docs...); name.IsExported() && fault != "" {
			faults = append(faults, nameFault{name.Pos(), fault})
		}
	}
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			switch receiver := receiverOf(d); {
			case receiver == "":
				report(d.Name, d.Doc)
			case !ast.IsExported(receiver):
			case slices.Contains(wellKnown, d.Name.Name):
				if d.Doc == nil {
					report(d.Name)
				}
			default:
				report(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					report(s.Name, s.Doc, s.Comment, d.Doc)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						report(name, s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return faults
}

// receiverOf returns the name of a method's type, or "" for a function.
func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	x := d.Recv.List[0].Type
	for {
		switch t := x.(type) {
		case *ast.StarExpr:
			x = t.X
		case *ast.IndexExpr:
			x = t.X
		case *ast.IndexListExpr:
			x = t.X
		case *ast.Ident:
			return t.Name
		default:
			return "?"
		}
	}
}

// commentFault returns why none of the comments of a name is enough, or "".
func commentFault(name string, docs ...*ast.CommentGroup) string {
	some := false
	for _, doc := range docs {
		if text := strings.TrimSpace(doc.Text()); text != "" {
			if some = true; saysMore(name, text) {
				return ""
			}
		}
	}
	if some {
		return fmt.Sprintf("the comment of %s says no more than the name", name)
	}
	return name + " has no comment"
}

var (
	humps = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)
	words = regexp.MustCompile(`[\p{L}\p{N}]+`)
)

// saysMore reports whether a comment has a word that is neither in the name nor one that says nothing.
func saysMore(name, comment string) bool {
	var own []string
	for _, hump := range humps.FindAllString(name, -1) {
		own = append(own, stem(hump))
	}
	for _, word := range words.FindAllString(comment, -1) {
		if w := strings.ToLower(word); w != strings.ToLower(name) && !slices.Contains(own, stem(w)) && !slices.Contains(sayNothing, w) {
			return true
		}
	}
	return false
}

// stem returns a word in lower case without the ending of a plural or a third person.
func stem(word string) string {
	return strings.TrimSuffix(strings.ToLower(word), "s")
}
