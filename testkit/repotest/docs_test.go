package repotest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A page that says which test holds a promise must not outlive the test.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	declared := testsOf(t, root)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "decisions", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	consistency := filepath.Join(root, "docs", "consistency.md")
	named := regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)[^`]*`")
	for _, page := range append(pages, consistency, filepath.Join(root, "docs", "how-to-add.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all := named.FindAllStringSubmatch(string(text), -1)
		for _, m := range all {
			if !declared[m[1]] {
				t.Errorf("%s names %s, which is no test of the project", filepath.Base(page), m[1])
			}
		}
		if page == consistency && len(all) < 20 {
			t.Errorf("%s names %d tests; its tables need more", filepath.Base(page), len(all))
		}
	}
}

// Pages that show the way must not name files that are gone.
func TestDocsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	named := regexp.MustCompile("`([a-z][\\w./-]*/(?:[\\w.-]+\\.(?:go|md|sql|sh|graphqls)|))`")
	found := 0
	pages := []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/how-to-add.md", "docs/operating.md", "docs/upgrade.md"}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d files are named: the pattern does not find them", found)
	}
}

// The component in the README is a file of the React project, which is built and run in a browser.
func TestREADMEShowsTheReactProject(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	component, err := os.ReadFile(filepath.Join(root, "web", "react", "src", "feed.tsx"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```tsx\n"+string(component)+"```\n") {
		t.Error("README.md does not show web/react/src/feed.tsx as it is")
	}
}

// testsOf returns the names of all test functions in Go.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || path != root && strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			declared[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return declared
}

// A decision says whether it still holds, and since when. It is superseded by a later page, never removed.
func TestDecisionsHaveAStatus(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "decisions", "*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	heading := regexp.MustCompile(`^# ([0-9]+)\. .+\n\n\*\*Status\.\*\* (Accepted|Superseded), 20[0-9]{2}-[0-9]{2}-[0-9]{2}`)
	for i, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		m := heading.FindStringSubmatch(string(text))
		if want := strconv.Itoa(i + 1); m == nil || m[1] != want || !strings.HasPrefix(filepath.Base(page), fmt.Sprintf("%04d-", i+1)) {
			t.Errorf("%s does not begin with its number, %s, and a status with a date", filepath.Base(page), want)
		}
	}
}
