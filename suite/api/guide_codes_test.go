package api

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	apiguide "roost/docs/api"
	"roost/testkit/rig"
)

var (
	codeRow   = regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\|")
	codeWords = regexp.MustCompile(`\b[A-Z][A-Z_]{3,}[A-Z]\b`)
	closeWord = regexp.MustCompile(`(?:= |// )(1009|101[0-9]|4[0-9]{3})\b`)
)

// The page about errors has a row for every code that a client may meet, below the heading of its kind, and no other rows.
func TestGuideHasEveryCode(t *testing.T) {
	t.Parallel()
	root := rig.Repository(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: read("schema.graphqls")})
	values := func(enum string) (out []string) {
		for _, v := range schema.Types[enum].EnumValues {
			out = append(out, v.Name)
		}
		return out
	}
	_, rule, ok := strings.Cut(schema.Description, "each with `extensions.code`: ")
	rule, _, _ = strings.Cut(rule, ".\n")
	reasons := regexp.MustCompile("`extensions.reason`: ([A-Z_, ]+)\\)").FindStringSubmatch(rule)
	if !ok || reasons == nil {
		t.Fatalf("the schema's rules do not list the codes: %q", rule)
	}
	var closes []string
	for _, m := range closeWord.FindAllStringSubmatch(read("server/transport/closecode.go"), -1) {
		closes = append(closes, m[1])
	}
	sections := map[string]string{}
	for section := range strings.SplitSeq(apiguide.Source("errors"), "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	for title, want := range map[string][]string{
		"Refusals":                          values("UserErrorCode"),
		"Failed operations":                 codeWords.FindAllString(rule, -1),
		"Why a session ended":               values("SessionEndReason"),
		"Why a timeline must be read again": values("TimelineResetReason"),
		"Why a websocket was closed":        closes,
	} {
		var got []string
		for _, m := range codeRow.FindAllStringSubmatch(sections[title], -1) {
			got = append(got, m[1])
		}
		slices.Sort(got)
		slices.Sort(want)
		if len(want) < 4 || !slices.Equal(got, want) {
			t.Errorf("%s has the rows %q, want %q", title, got, want)
		}
	}
}
