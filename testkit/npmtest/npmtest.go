// Package npmtest installs npm packages that tests run programs of.
package npmtest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Install copies the named files of a folder, and package.json and package-lock.json with them, into a directory where the packages
// of the lock file are installed, and returns the directory. Runs with the same files share it: it stays in the user's
// cache directory. The test fails if Node.js, npm, or at first the npm registry is not there.
func Install(t testing.TB, folder string, files ...string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: this test needs Node.js 20 or later with npm; install it and run the test again", tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	contents := map[string][]byte{}
	hash := sha256.New()
	for _, name := range append([]string{"package.json", "package-lock.json"}, files...) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = content
		hash.Write(content)
	}
	dir := filepath.Join(cache, "roost", filepath.Base(folder)+"-"+hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	building, err := os.MkdirTemp(filepath.Dir(dir), "building-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(building) }()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(building, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = building
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci failed, this test needs the npm registry once: %v\n%s", err, out)
	}
	// Another run may have been quicker; then its directory is as good.
	if err := os.Rename(building, dir); err != nil {
		if _, missing := os.Stat(dir); missing != nil {
			t.Fatal(err)
		}
	}
	return dir
}
