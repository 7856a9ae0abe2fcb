package cache

import (
	"testing"
	"time"
)

// coMax bounds what may happen in a scenario.
type coMax = [coCounters]int8

// coScenarios are what the protocol must survive, each as small as shows something.
var coScenarios = map[string]coherence{
	"writes":    {nodes: 1, keys: 1, max: coMax{coBegins: 2, coSends: 3, coCommits: 2, coFills: 2}},
	"two keys":  {nodes: 1, keys: 2, foreign: true, max: coMax{coBegins: 1, coSends: 2, coCommits: 2, coFills: 1}},
	"two nodes": {nodes: 2, keys: 1, max: coMax{coBegins: 2, coSends: 3, coCommits: 1, coFills: 1}},
	"killed":    {nodes: 1, keys: 1, foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coKills: 2}},
	"evicted":   {nodes: 1, keys: 1, foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 2, coEvicts: 2}},
	"flushed":   {nodes: 1, keys: 2, foreign: true, max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1, coFlushes: 2}},
	"failover":  {nodes: 1, keys: 1, foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 2, coFills: 1, coDemotes: 2}},
	"expiry":    {nodes: 1, keys: 1, foreign: true, expires: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 2, coTicks: 3}},
	"announced": {nodes: 1, keys: 1, announced: true, max: coMax{coBegins: 2, coSends: 3, coCommits: 2, coFills: 1}},
	"follows":   {nodes: 1, keys: 2, tails: true, foreign: true, max: coMax{coBegins: 1, coSends: 2, coCommits: 2, coFills: 1}},
	"refused":   {nodes: 1, keys: 1, tails: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 1, coFills: 1, coRefusals: 1}},
	"exempt":    {nodes: 1, keys: 1, foreign: true, max: coMax{coBegins: 1, coSends: 3, coCommits: 2, coFills: 1, coExempt: 2}},
	"derived":   {nodes: 1, keys: 2, foreign: true, max: coMax{coBegins: 1, coSends: 2, coCommits: 1, coFills: 1, coBuilds: 1}},
}

func TestModelCoherence(t *testing.T) {
	t.Parallel()
	for name, m := range coScenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.marks = 1<<coKeys - 1
			start := time.Now()
			broken, worlds := m.explore(-1)
			for property, trace := range broken {
				if trace != "" {
					t.Errorf("%s: %s", coNames[property], trace)
				}
			}
			t.Logf("%d worlds, %s", worlds, time.Since(start))
		})
	}
}
