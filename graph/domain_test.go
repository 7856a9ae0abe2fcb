package graph

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goFiles returns the text of the Go files below a folder of the repository, without tests and generated code, by path.
func goFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if !strings.HasPrefix(string(text), "// Code generated") {
			files[path] = string(text)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s: %v", len(files), folder, err)
	}
	return files
}

// The domain has no word of GraphQL: graph maps its enums, its errors' fields, its ids and its objects. What the domain is made
// of has no method or type of GraphQL either, because the domain's types would have it too.
func TestTheDomainHasNoGraphQL(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`MarshalGQL|IsNode\b|99designs|gqlparser`)
	names := regexp.MustCompile(`"input"|"\w+Id"`)
	for _, folder := range []string{"domain", "internal", "events", "ent", "cache", "rows", "live", "loaders"} {
		for path, text := range goFiles(t, folder) {
			found := code.FindAllString(text, -1)
			if folder == "domain" {
				found = append(found, names.FindAllString(text, -1)...)
			}
			if len(found) > 0 {
				t.Errorf("%s has %q", path, found)
			}
		}
	}
}

// The condition of visible tweets is written in domain/tweets alone, in SQL and in ent.
func TestVisibilityIsDecidedInOnePlace(t *testing.T) {
	t.Parallel()
	condition := regexp.MustCompile(`deleted_at IS (NOT )?NULL|\.DeletedAtIsNil\(|\.DeletedAtNotNil\(|\.DeletedAt [!=]= nil`)
	for _, folder := range []string{"app", "domain", "graph", "live", "loaders", "rows", "server"} {
		for path, text := range goFiles(t, folder) {
			if found := condition.FindAllString(text, -1); found != nil && path != filepath.Join("..", "domain", "tweets", "visible.go") {
				t.Errorf("%s has %q; domain/tweets has the rule", path, found)
			}
		}
	}
}
