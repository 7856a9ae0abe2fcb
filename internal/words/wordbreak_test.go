package words_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	uax29 "github.com/clipperhouse/uax29/v2/words"

	"roost/internal/entities"
	"roost/internal/words"
)

// Words are those of Unicode's WordBreakTest.txt, which the library has among its tests: the library finds the segments that the file
// says, and the tokens of a text are the segments that have letters or digits.
func TestWordsAreUnicodes(t *testing.T) {
	t.Parallel()
	cases := wordBreakTest(t)
	if len(cases) < 1900 {
		t.Fatalf("WordBreakTest has only %d cases", len(cases))
	}
	compared := 0
	for _, segments := range cases {
		text := strings.Join(segments, "")
		var found []string
		for it := uax29.FromString(text); it.Next(); {
			found = append(found, it.Value())
		}
		if !slices.Equal(found, segments) {
			t.Errorf("%+q has the segments %+q, want %+q", text, found, segments)
		}
		if entities.Find(text) != nil || !isPlain(text) {
			continue
		}
		compared++
		var want, got []string
		for _, s := range segments {
			if strings.ContainsFunc(s, isLetter) {
				want = append(want, tidied(strings.ToLower(s)))
			}
		}
		for _, token := range words.Tokens(text) {
			got = append(got, token.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+q has the tokens %+q, want %+q", text, got, want)
		}
	}
	t.Logf("%d cases, %d of them compared as tokens", len(cases), compared)
	if compared < 1000 {
		t.Errorf("only %d cases are compared as tokens", compared)
	}
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// tidied returns a segment as a token has it.
func tidied(s string) string {
	s = strings.NewReplacer("\u200d", "", `"`, "״").Replace(s)
	return strings.TrimRight(s[strings.IndexFunc(s, isLetter):], "_")
}

// isPlain reports whether folding and runs change nothing in the segments of a text: tokens are lower-cased segments then.
func isPlain(text string) bool {
	return entities.Fold(text) == strings.ToLower(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r > 0x7f && (unicode.In(r, unicode.Cf, unicode.Katakana, unicode.Hiragana, unicode.Han, unicode.So) && r != 0x200d)
	})
}

// wordBreakTest returns the segments of each case of the file.
func wordBreakTest(t *testing.T) (cases [][]string) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/clipperhouse/uax29/v2").Output()
	if err != nil {
		t.Fatalf("where the library is: %v", err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "words", "unicode_test.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok || fmt.Sprint(pair.Key) != "expected" {
			return true
		}
		var segments []string
		for _, segment := range pair.Value.(*ast.CompositeLit).Elts {
			var b []byte
			for _, literal := range segment.(*ast.CompositeLit).Elts {
				value, err := strconv.ParseUint(literal.(*ast.BasicLit).Value, 0, 8)
				if err != nil {
					t.Fatal(err)
				}
				b = append(b, byte(value))
			}
			segments = append(segments, string(b))
		}
		cases = append(cases, segments)
		return false
	})
	return cases
}
