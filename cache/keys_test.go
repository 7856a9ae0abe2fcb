package cache

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whatever the version of the entries, every key and channel is one that operators let Roost use.
func TestKeysAreGranted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "redis.md"))
	if err != nil {
		t.Fatal(err)
	}
	granted := regexp.MustCompile(` ~(\S+)\* resetchannels &(\S+) `).FindSubmatch(page)
	if granted == nil || string(granted[2]) != wakeChannel {
		t.Fatalf("docs/redis.md grants %q", granted)
	}
	for _, key := range []string{EntryPrefix, persistedQueryKey("hash"), budgetKey("user:1"), listKey(1), wakeChannel} {
		if !strings.HasPrefix(key, string(granted[1])) {
			t.Errorf("%q does not begin with %q, which docs/redis.md grants: an upgrade would leave operators without a cache", key, granted[1])
		}
	}
	// Scans and Clear of one version must not find the keys of another.
	if !regexp.MustCompile(`^v1:e([2-9]|[1-9][0-9]+)?:$`).MatchString(EntryPrefix) {
		t.Errorf("the prefix of entries is %q", EntryPrefix)
	}
}
