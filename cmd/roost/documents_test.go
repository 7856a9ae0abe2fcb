package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// manifest writes a manifest into a file.
func manifest(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "documents.json")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A node with documents runs them by their identifiers, and others only if it may.
func TestServeDocuments(t *testing.T) {
	t.Parallel()
	file := manifest(t, `{"x-check:alive":"{__typename}"}`)
	for _, c := range []struct {
		name string
		only bool
	}{{"documents", false}, {"documents only", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"--addr=localhost:0", "--demo=false", "--documents=" + file}
			if c.only {
				args = append(args, "--documents-only")
			}
			p, here := serving(t, args...)
			status, _, body := get(here + "/graphql?documentId=x-check:alive")
			if status != http.StatusOK || !strings.HasPrefix(body, `{"data":{"__typename":"Query"}}`) {
				t.Errorf("%d %s", status, body)
			}
			status, _, body = get(here + "/graphql?query=" + url.QueryEscape("{__typename}"))
			if c.only != (status == http.StatusForbidden) || c.only != strings.Contains(body, "FORBIDDEN") {
				t.Errorf("a text: %d %s", status, body)
			}
			if status, _, _ := get(here + "/playground"); (status == http.StatusOK) == c.only {
				t.Errorf("the playground: %d", status)
			}
			if status, _, body := get(here + "/"); status != http.StatusOK || strings.Contains(body, `"documents":"id"`) != c.only {
				t.Errorf("the app: %d %s", status, body)
			}
			if only := strings.Contains(p.out.String(), "runs nothing but the documents of "+file); only != c.only {
				t.Errorf("the banner: %s", p.out.String())
			}
		})
	}
}

// A document that no client could run stops the start, with the names of the file and of the document.
func TestServeRefusesDocuments(t *testing.T) {
	t.Parallel()
	file := manifest(t, `{"good":"{__typename}","bad":"query Bad { nothing }"}`)
	p := start(t, nil, "serve", "--addr=localhost:0", "--demo=false", "--documents="+file)
	want := "--documents: " + file + `: the document "bad" (Bad): line 1, column 13: Cannot query field "nothing" on type "Query"`
	if code, said := p.wait(t), p.stderr.String(); code != 1 || !strings.Contains(said, want) || strings.Contains(said, "good") {
		t.Errorf("%d %s", code, said)
	}
}
