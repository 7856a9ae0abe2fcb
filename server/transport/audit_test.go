package transport_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"roost/testkit/npmtest"
)

// audits is the number that graphql-http 1.23.1 has; fewer would mean that the script broke.
const audits = 61

// The GraphQL-over-HTTP specification, as the audits of npm's graphql-http read it: MUST, SHOULD and MAY.
func TestHTTPSpecification(t *testing.T) {
	t.Parallel()
	dir := npmtest.Install(t, filepath.Join("..", "..", "web", "audit"), "audit.js")
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
