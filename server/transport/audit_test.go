package transport_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// audits is the number that graphql-http 1.23.1 has; fewer would mean that the script broke.
const audits = 61

// The GraphQL-over-HTTP specification, as the audits of npm's graphql-http read it: MUST, SHOULD and MAY.
func TestHTTPSpecification(t *testing.T) {
	t.Parallel()
	dir := installAudits(t)
	f := start(t)
	cmd := exec.CommandContext(t.Context(), "node", "audit.js", f.URL+"/graphql")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("audit.js: %v\n%s", err, stderr.Bytes())
	}
	ran := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); ran++ {
		var a struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if a.Status != "ok" {
			t.Errorf("%s %s: %s (%s)", a.ID, a.Name, a.Status, a.Reason)
		}
	}
	if ran != audits {
		t.Errorf("%d audits ran, want %d", ran, audits)
	}
}

// installAudits puts the script and what it needs, as pinned by its lock file, into a directory that is
// kept between runs.
func installAudits(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: the HTTP audits need Node.js 20 or later with npm; install it and run the test again", tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	files := map[string][]byte{}
	hash := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json", "audit.js"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "web", "audit", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = content
		hash.Write(content)
	}
	dir := filepath.Join(cache, "roost", "audit-"+hex.EncodeToString(hash.Sum(nil))[:16])
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
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(building, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = building
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci failed, the HTTP audits need the npm registry once: %v\n%s", err, out)
	}
	// Another run may have been quicker; then its directory is as good.
	if err := os.Rename(building, dir); err != nil {
		if _, missing := os.Stat(dir); missing != nil {
			t.Fatal(err)
		}
	}
	return dir
}
