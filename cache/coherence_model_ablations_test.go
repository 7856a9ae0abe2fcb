package cache

import (
	"testing"
	"time"
)

// TestModelCoherenceAblations takes parts of the protocol away, one at a time: each must lose what that part is for, else the
// model shows nothing.
func TestModelCoherenceAblations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		without  func(r *coRules)
		loses    int
	}{
		{"no barrier", "writes", func(r *coRules) { r.noBarrier = true }, coAcked},
		{"no barrier, going back", "two nodes", func(r *coRules) { r.noBarrier = true }, coBack},
		{"no barrier, updates", "updates", func(r *coRules) { r.noBarrier = true }, coBack},
		{"a barrier joined in flight", "writes", func(r *coRules) { r.joinsInFlight = true }, coAcked},
		{"pushes after the reply (BCAST)", "writes", func(r *coRules) { r.broadcasts = true }, coAcked},
		{"the caller adopts what was pushed", "writes", func(r *coRules) { r.adoptsPushed = true }, coAcked},
		{"a row of a former connection is adopted", "killed", func(r *coRules) { r.adoptsFormer = true }, coAcked},
		{"copies outlive their connection", "killed", func(r *coRules) { r.keepsCopies = true }, coAcked},
		{"no fence", "failover", func(r *coRules) { r.noFence = true }, coAcked},
		{"no role", "failover", func(r *coRules) { r.noRole = true }, coAcked},
		{"NOLOOP", "writes", func(r *coRules) { r.noLoop = true }, coAcked},
		{"a filler adopts", "writes", func(r *coRules) { r.adoptsFills = true }, coAcked},
		{"an untracked row is adopted", "exempt", func(r *coRules) { r.adoptsExempt = true }, coAcked},
		{"the tracking connection stays with the former primary", "another primary", func(r *coRules) { r.staysBehind = true }, coAcked},
		{"copies outlive the epoch of the log", "restored", func(r *coRules) { r.keepsEpoch = true }, coFormer},
		{"a row of a former epoch is adopted", "restored", func(r *coRules) { r.adoptsEpoch = true }, coFormer},
		{"the position is noted after the barrier", "follows", func(r *coRules) { r.positionLate = true }, coPosition},
		{"a deadline from the adoption", "expiry", func(r *coRules) { r.deadlineLate = true }, coDeadline},
		{"pending invalidations are ignored", "refused", func(r *coRules) { r.noPending = true }, coAcked},
		{"pending invalidations are ignored, position", "refused", func(r *coRules) { r.noPending = true }, coPosition},
		{"pending invalidations are looked up with the copy", "refused", func(r *coRules) { r.pendingAtUse = true }, coAcked},
		{"pending invalidations are looked up before the position", "refused", func(r *coRules) { r.pendingFirst = true }, coPosition},
		{"a card without stamps", "by stamp", func(r *coRules) { r.derived, r.marks = coByStamp, 0 }, coAcked},
		{"a card that only pushes remove", "by stamp", func(r *coRules) { r.derived = coUnchecked }, coAcked},
		{"a page without one author's stamp", "by stamp", func(r *coRules) { r.derived, r.marks = coByStamp, 1 }, coAcked},
		{"a page without one author's journal", "by stamp", func(r *coRules) { r.derived, r.marks = coByJournal, 1 }, coAcked},
		{"a card that looks up one of its rows among the pending", "by stamp, refused", func(r *coRules) { r.derivedPending = true }, coAcked},
		{"a card with the deadline of one row", "by stamp, expiry", func(r *coRules) { r.deadlineFirst = true }, coDeadline},
		{"a page with the deadline of one list", "by journal, expiry", func(r *coRules) { r.deadlineFirst = true }, coDeadline},
		{"stamps begin again with a connection", "by stamp, killed and filled", func(r *coRules) { r.stampsAgain = true }, coAcked},
		{"a journal of rows that are held", "by journal, no room", func(r *coRules) { r.journalHeld = true }, coAcked},
		{"a card without stamps, at the store", "at store", func(r *coRules) { r.marks = 0 }, coAcked},
		{"a place of the journal noted late", "by stamp", func(r *coRules) { r.derived, r.journalLate = coByJournal, true }, coAcked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := scenario(c.in, false)
			c.without(&m.coRules)
			start := time.Now()
			f := m.explore(c.loses)
			if f.traces[c.loses] == "" {
				t.Fatalf("it loses nothing in %d worlds", f.worlds)
			}
			t.Logf("%d worlds, %s: %s: %s", f.worlds, time.Since(start), coNames[c.loses], f.traces[c.loses])
		})
	}
}

// TestModelCoherenceLimits explores what the protocol does not survive; docs/consistency.md names both. SWAPDB pushes nothing, so
// a copy is used although Redis no longer has its entry: nobody may use it. A primary that others have left, and that has not
// noticed, answers barriers as it answers reads: what it holds is used until its life ends, and not longer.
func TestModelCoherenceLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		m            coProtocol
		loses, holds int
	}{
		{"SWAPDB", coProtocol{max: coMax{coBegins: 1, coSends: 2, coSwaps: 1}}, coGone, coAcked},
		{"a primary that others have left", coProtocol{foreign: true, expires: true, strict: true,
			max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coTicks: 2, coSplits: 1}}, coAcked, coDeadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.m.nodes, c.m.keys, c.m.marks = 1, 1, coBoth
			f := c.m.explore(-1)
			if f.traces[c.loses] == "" {
				t.Errorf("it is no limit in %d worlds", f.worlds)
			}
			if f.traces[c.holds] != "" {
				t.Errorf("%s: %s", coNames[c.holds], f.traces[c.holds])
			}
			t.Logf("%d worlds: %s: %s", f.worlds, coNames[c.loses], f.traces[c.loses])
		})
	}
}
