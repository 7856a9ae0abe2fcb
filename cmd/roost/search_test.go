package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A rebuild of the index of search needs a database, and says what it has indexed.
func TestSearchRebuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"search", "rebuild", "--data-dir", dir}, &out); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("without a database: %v", err)
	}
	source := t.TempDir()
	users := "id\tusername\tname\n1\tada\tAda Lovelace\n2\tbob\tBob\n"
	if err := os.WriteFile(filepath.Join(source, "users.tsv"), []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"import", "--data-dir", dir, source}, &out); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out.Reset()
		if err := run(t.Context(), []string{"search", "rebuild", "--empty", "--data-dir", dir}, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), "the index of search is made again: 2 tweets and users") {
			t.Errorf("a rebuild says %q", out.String())
		}
	}
}
