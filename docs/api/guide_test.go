package apiguide

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every file of the folder is a page, and every page has a file.
func TestGuideHasEveryPage(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, p := range Pages() {
		listed[p.Name+".md"] = true
		if Source(p.Name) == "" || p.Title == "" || p.Summary == "" {
			t.Errorf("the page %+v lacks something", p)
		}
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".md") && !listed[e.Name()] {
			t.Errorf("%s is not in Pages", e.Name())
		}
	}
}

var (
	hrefs = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	ids   = regexp.MustCompile(` id="([^"]*)"`)
)

// On a node every link leads somewhere, with and without the reference, and no id of a page is there twice.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, withReference := range []bool{true, false} {
		g := New(withReference)
		targets := map[string]bool{"/schema.graphqls": withReference, "/llms.txt": true}
		for _, at := range g.Paths() {
			f, _ := g.File(at)
			targets[at] = true
			for _, m := range ids.FindAllSubmatch(f.Content, -1) {
				if anchor := at + "#" + string(m[1]); targets[anchor] {
					t.Errorf("%s is there twice", anchor)
				} else {
					targets[anchor] = true
				}
			}
		}
		found := 0
		for _, at := range g.Paths() {
			f, _ := g.File(at)
			if !strings.HasPrefix(f.Type, "text/html") {
				continue
			}
			for _, m := range hrefs.FindAllSubmatch(f.Content, -1) {
				to := string(m[1])
				if strings.HasPrefix(to, "#") {
					to = at + to
				}
				if found++; !targets[to] && !strings.HasPrefix(to, "https://") {
					t.Errorf("%s leads to %s, where nothing is", at, to)
				}
			}
		}
		if found < 150 {
			t.Errorf("only %d links were found", found)
		}
	}
}

// Pages have no script, no style of their own, and nothing of the test of their examples.
func TestPagesArePlain(t *testing.T) {
	t.Parallel()
	g := New(true)
	for _, at := range g.Paths() {
		f, _ := g.File(at)
		for _, bad := range []string{"<script", " style=", "javascript:", "<!-- as", "<!-- run", "raw HTML omitted"} {
			if bytes.Contains(f.Content, []byte(bad)) {
				t.Errorf("%s has %s", at, bad)
			}
		}
		if strings.HasPrefix(f.Type, "text/html") && bytes.Count(f.Content, []byte("<h1")) != 1 {
			t.Errorf("%s has another number of titles than one", at)
		}
	}
	if _, ok := New(false).File("/docs/reference"); ok {
		t.Error("the reference is there where it was left out")
	}
	without, _ := New(false).File("/llms.txt")
	if text := string(without.Content); strings.Contains(text, "reference.md") || !strings.Contains(text, "(/docs/errors.md): ") {
		t.Errorf("llms.txt without the reference is\n%s", text)
	}
}

func TestCodeIsMarked(t *testing.T) {
	t.Parallel()
	for _, one := range [][3]string{
		{"json", `{"a<b": "c"}`, `{<span class="n">&#34;a&lt;b&#34;</span>: <span class="s">&#34;c&#34;</span>}`},
		{"json", `[null]`, `[<span class="k">null</span>]`},
		{"graphql", `query($a: ID!) # x`, `<span class="k">query</span>(<span class="v">$a</span>: ID!) <span class="c"># x</span>`},
		{"text", `<b>`, `&lt;b&gt;`},
	} {
		if got := highlight(one[0], one[1]); got != one[2] {
			t.Errorf("%s is marked as\n%s, want\n%s", one[1], got, one[2])
		}
	}
}
