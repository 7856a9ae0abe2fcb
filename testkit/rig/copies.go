package rig

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

// WithAdmins adds an admin address to each of the cluster's nodes before their start, for [FromCopies].
func (c *Cluster) WithAdmins(t testing.TB) {
	t.Helper()
	for _, p := range c.Nodes {
		p.Admin = "http://" + p.WithAdmin(t)
	}
}

var readsSample = regexp.MustCompile(`(?m)^roost_cache_reads_total\{kind="[^"]*",outcome="([^"]*)"\} (\S+)$`)

// FromCopies returns how many cached rows the cluster's nodes have read since their start, and the share of these that was answered
// from copies in their processes. The nodes must have admin addresses.
func (c *Cluster) FromCopies(t *testing.T) (reads, share float64) {
	t.Helper()
	copied := 0.0
	for _, p := range c.Nodes {
		_, page := Get(t, p.Admin+"/metrics")
		for _, m := range readsSample.FindAllStringSubmatch(page, -1) {
			n, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatalf("%s: %v", m[0], err)
			}
			reads += n
			if m[1] == "copy" {
				copied += n
			}
		}
	}
	return reads, copied / max(reads, 1)
}

// ExpectFromCopies fails the test if a smaller share than least of the rows that the cluster's nodes have read was answered from
// copies.
func (c *Cluster) ExpectFromCopies(t *testing.T, least float64) {
	t.Helper()
	reads, share := c.FromCopies(t)
	text := fmt.Sprintf("of %.0f rows the nodes have read %.0f %% from copies", reads, 100*share)
	if share < least {
		t.Errorf("%s, want at least %.0f %%", text, 100*least)
		return
	}
	t.Log(text)
}
