package cache

import (
	"testing"
	"time"

	"roost/testkit/testtime"
)

// coMax bounds what may happen in a scenario.
type coMax [coCounters]int8

// coBoth are the marks of both rows.
const coBoth = 1<<coKeys - 1

// coScenarios are what the protocol must survive, each as small as shows something. Where the protocol has two forms of a part,
// both are here.
var coScenarios = map[string]coProtocol{
	"writes":  {max: coMax{coBegins: 2, coSends: 3, coCommits: 2, coFills: 2}, long: coMax{coSends: 1, coFills: 1}},
	"updates": {updates: true, max: coMax{coBegins: 2, coSends: 3, coCommits: 2, coFills: 1}, long: coMax{coSends: 1, coFills: 1}},
	"updates, expiry": {updates: true, foreign: true, expires: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coTicks: 2}, long: coMax{coCommits: 1}},
	"two keys": {keys: 2, foreign: true,
		max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1}, long: coMax{coSends: 1, coCommits: 1}},
	"two nodes": {nodes: 2, max: coMax{coBegins: 2, coSends: 3, coCommits: 1, coFills: 1}, long: coMax{coSends: 1, coCommits: 1}},
	"killed": {foreign: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coKills: 2}, long: coMax{coBegins: 1, coSends: 1, coCommits: 1}},
	"evicted": {foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 2, coEvicts: 2}, long: coMax{coCommits: 1}},
	"flushed": {keys: 2, foreign: true,
		max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1, coFlushes: 1}, long: coMax{coSends: 1, coFlushes: 1}},
	"failover": {foreign: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coDemotes: 1}, long: coMax{coCommits: 1, coDemotes: 1}},
	"failover and killed": {foreign: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coDemotes: 1, coKills: 1}, long: coMax{coSends: 1}},
	"expiry": {foreign: true, expires: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coTicks: 3}, long: coMax{coCommits: 1, coFills: 1}},
	"announced": {announced: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 2, coFills: 1}, long: coMax{coBegins: 1, coFills: 1}},
	"follows": {keys: 2, tails: true, foreign: true,
		max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1}, long: coMax{coCommits: 1}},
	"follows, expiry": {tails: true, foreign: true, expires: true,
		max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1, coTicks: 2}, long: coMax{coSends: 1}},
	"refused": {tails: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coRefusals: 1}, long: coMax{coCommits: 1}},
	"another primary": {foreign: true,
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coSplits: 1}, long: coMax{coCommits: 1}},
	"restored": {foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coRestores: 1}, long: coMax{coFills: 1}},
	"exempt":   {foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coExempt: 2}, long: coMax{coCommits: 1}},

	"in stream order": {coRules: coRules{inStream: true}, max: coMax{coBegins: 1, coSends: 3, coCommits: 2, coFills: 2}},
	"in stream order, killed": {coRules: coRules{inStream: true},
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coKills: 2}, long: coMax{coCommits: 1}},
	"drops its own": {coRules: coRules{dropsOwn: true}, max: coMax{coBegins: 1, coSends: 3, coCommits: 2, coFills: 1}},
	"drops its own, refused": {tails: true, coRules: coRules{dropsOwn: true},
		max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1, coRefusals: 1}, long: coMax{coSends: 1}},

	"drops its own, looks up pending with the copy": {tails: true, coRules: coRules{dropsOwn: true, pendingAtUse: true},
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coRefusals: 1}},

	"by stamp":         coDerives(coByStamp, coMax{coFills: 1}),
	"by stamp, killed": coDerives(coByStamp, coMax{coKills: 1}),
	"by stamp, killed and filled": {keys: 2, foreign: true, coRules: coRules{derived: coByStamp},
		max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coBuilds: 1, coKills: 1, coFills: 1}},
	"by stamp, evicted":   coDerives(coByStamp, coMax{coEvicts: 1}),
	"by stamp, no room":   coDerives(coByStamp, coMax{coLocals: 1}),
	"by stamp, expiry":    coDerives(coByStamp, coMax{coTicks: 1}),
	"by stamp, failover":  coDerives(coByStamp, coMax{coDemotes: 1}),
	"by stamp, restored":  coDerives(coByStamp, coMax{coRestores: 1}),
	"by stamp, refused":   coDerives(coByStamp, coMax{coRefusals: 1}),
	"at store":            coDerives(coAtStore, coMax{coFills: 1}),
	"at store, killed":    coDerives(coAtStore, coMax{coKills: 1}),
	"at store, no room":   coDerives(coAtStore, coMax{coLocals: 1}),
	"at store, expiry":    coDerives(coAtStore, coMax{coTicks: 1}),
	"by journal":          coDerives(coByJournal, coMax{coFills: 1}),
	"by journal, killed":  coDerives(coByJournal, coMax{coKills: 1}),
	"by journal, no room": coDerives(coByJournal, coMax{coLocals: 1}),
	"by journal, expiry":  coDerives(coByJournal, coMax{coTicks: 1}),
}

// coDerives returns a scenario in which a value is derived, with some more that may happen.
func coDerives(form coForm, also coMax) coProtocol {
	return coProtocol{
		coRules: coRules{derived: form}, keys: 2, foreign: also[coRefusals] == 0, expires: also[coTicks] > 0,
		max: coMax{coBegins: 1, coSends: 2 + also[coKills] + also[coFills], coCommits: 1, coBuilds: 1}.plus(also), long: coMax{coSends: 1},
	}
}

func (m coMax) plus(o coMax) coMax {
	for i := range m {
		m[i] += o[i]
	}
	return m
}

// scenario returns a scenario; the long form of the tests has larger ones.
func scenario(name string, long bool) coProtocol {
	m, ok := coScenarios[name]
	if !ok {
		panic("no scenario " + name)
	}
	m.nodes, m.keys, m.marks = max(1, m.nodes), max(1, m.keys), coBoth
	if long {
		m.max = m.max.plus(m.long)
	}
	return m
}

// TestModelCoherence explores the protocol as it is.
func TestModelCoherence(t *testing.T) {
	t.Parallel()
	for name := range coScenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := scenario(name, testtime.Soaking())
			start := time.Now()
			f := m.explore(-1)
			for property, trace := range f.traces {
				if trace != "" {
					t.Errorf("%s: %s", coNames[property], trace)
				}
			}
			if f.uses == 0 || m.derived != coNone && f.derivedUses == 0 {
				t.Errorf("copies are used %d times, and what is derived of them %d times", f.uses, f.derivedUses)
			}
			t.Logf("%d worlds, %d uses of copies and %d of derived values, %s", f.worlds, f.uses, f.derivedUses, time.Since(start))
		})
	}
}
