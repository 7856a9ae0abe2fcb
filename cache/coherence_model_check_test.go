package cache

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// coAction is formatted for traces only.
type coAction struct {
	format string
	args   [3]int8
}

func (a coAction) String() string {
	args := []any{a.args[0], a.args[1], a.args[2]}
	return fmt.Sprintf(a.format, args[:strings.Count(a.format, "%")]...)
}

// coStep is one action of a world.
type coStep struct {
	to     coWorld
	action coAction
	broken uint8 // properties, by bit
}

type coExplorer struct {
	m                 *coherence
	steps             []coStep
	uses, derivedUses int // of copies and of what was derived of them, in all worlds
}

func (x *coExplorer) add(to *coWorld, broken uint8, format string, args ...int8) {
	x.steps = append(x.steps, coStep{*to, coAction{format: format}, broken})
	st := &x.steps[len(x.steps)-1]
	copy(st.action.args[:], args)
}

func (x *coExplorer) from(s *coWorld) []coStep {
	x.steps = x.steps[:0]
	x.redis(s)
	for j := range x.m.nodes {
		x.loop(s, j)
		x.moments(s, j)
		x.tail(s, j)
		x.derive(s, j)
	}
	return x.steps
}

// coFindings are the result of an exploration: for each property the shortest trace that breaks it, or "".
type coFindings struct {
	traces                    [coProperties]string
	worlds, uses, derivedUses int
}

// explore visits all worlds. It stops when the property with the number stop is broken, or never if that is negative. A world that
// was visited is recognized by a hash of 64 bits with a random seed. The chance that two of some millions have the same is below
// one in a million.
func (m *coherence) explore(stop int) (f coFindings) {
	type visited struct {
		prev   int
		action coAction
	}
	seed := maphash.MakeSeed()
	start := m.start()
	seen := map[uint64]struct{}{maphash.Comparable(seed, start): {}}
	from := []visited{{prev: -1}}
	level, next := []coWorld{start}, []coWorld(nil)
	x := &coExplorer{m: m}
	for first := 0; len(level) > 0; {
		for i := range level {
			for at := range x.from(&level[i]) {
				st := &x.steps[at]
				for property := range f.traces {
					if st.broken&(1<<property) == 0 || f.traces[property] != "" {
						continue
					}
					trace := []string{st.action.String()}
					for at := first + i; at > 0; at = from[at].prev {
						trace = append(trace, from[at].action.String())
					}
					slices.Reverse(trace)
					f.traces[property] = strings.Join(trace, " | ")
				}
				hash := maphash.Comparable(seed, st.to)
				if _, ok := seen[hash]; ok {
					continue
				}
				seen[hash] = struct{}{}
				next, from = append(next, st.to), append(from, visited{first + i, st.action})
			}
			if stop >= 0 && f.traces[stop] != "" {
				level, next = nil, nil
				break
			}
		}
		first += len(level)
		level, next = next, level[:0]
	}
	f.worlds, f.uses, f.derivedUses = len(from), x.uses, x.derivedUses
	return f
}
