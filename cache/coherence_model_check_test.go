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

// coStep is one action of a world W.
type coStep[W comparable] struct {
	to     W
	action coAction
	broken uint8 // properties, by bit
}

// coSteps collects the actions of one world.
type coSteps[W comparable] struct {
	steps             []coStep[W]
	uses, derivedUses int // of copies and of what was derived of them, in all worlds
}

func (x *coSteps[W]) add(to *W, broken uint8, format string, args ...int8) {
	x.steps = append(x.steps, coStep[W]{*to, coAction{format: format}, broken})
	copy(x.steps[len(x.steps)-1].action.args[:], args)
}

// coFindings are the result of an exploration: for each property the shortest trace that breaks it, or "".
type coFindings struct {
	traces                    [coProperties]string
	worlds, uses, derivedUses int
}

// explore visits all worlds that follow from the first; from adds the steps of a world to x, and same,
// unless it is nil, returns the representative of worlds that count as one. It stops when the property with the
// number stop is broken, or never if that is negative. A world that was visited is recognized by a hash of 64 bits with a random
// seed. The chance that two of some millions have the same is below one in a million.
func explore[W comparable](x *coSteps[W], same func(W) W, first W, from func(*W), stop int) (f coFindings) {
	type visited struct {
		previous int
		action   coAction
	}
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{maphash.Comparable(seed, first): {}}
	all := []visited{{previous: -1}}
	level, next := []W{first}, []W(nil)
	for begin := 0; len(level) > 0; {
		for i := range level {
			x.steps = x.steps[:0]
			from(&level[i])
			for at := range x.steps {
				st := &x.steps[at]
				for property := range f.traces {
					if st.broken&(1<<property) == 0 || f.traces[property] != "" {
						continue
					}
					trace := []string{st.action.String()}
					for at := begin + i; at > 0; at = all[at].previous {
						trace = append(trace, all[at].action.String())
					}
					slices.Reverse(trace)
					f.traces[property] = strings.Join(trace, " | ")
				}
				of := &st.to
				if same != nil {
					one := same(st.to)
					of = &one
				}
				hash := maphash.Comparable(seed, *of)
				if _, ok := seen[hash]; ok {
					continue
				}
				seen[hash] = struct{}{}
				next, all = append(next, st.to), append(all, visited{begin + i, st.action})
			}
			if stop >= 0 && f.traces[stop] != "" {
				return f.count(x.uses, x.derivedUses, len(all))
			}
		}
		begin += len(level)
		level, next = next, level[:0]
	}
	return f.count(x.uses, x.derivedUses, len(all))
}

func (f coFindings) count(uses, derivedUses, worlds int) coFindings {
	f.uses, f.derivedUses, f.worlds = uses, derivedUses, worlds
	return f
}

// coExplorer explores the model of the coherent tier.
type coExplorer struct {
	coSteps[coWorld]
	m *coProtocol
}

func (m *coProtocol) explore(stop int) coFindings {
	x := &coExplorer{m: m}
	return explore(&x.coSteps, nil, m.start(), x.from, stop)
}

func (x *coExplorer) from(s *coWorld) {
	x.redis(s)
	for j := range x.m.nodes {
		x.loop(s, j)
		x.moments(s, j)
		x.tail(s, j)
		x.derive(s, j)
	}
}
