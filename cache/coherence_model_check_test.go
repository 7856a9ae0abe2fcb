package cache

import (
	"hash/maphash"
	"slices"
	"strings"
)

// coStep is one action of a world.
type coStep struct {
	to     coWorld
	action action
	broken uint8 // properties, by bit
}

type coExplorer struct {
	m     *coherence
	steps []coStep
}

func (x *coExplorer) add(to *coWorld, broken uint8, format string, args ...int8) {
	x.steps = append(x.steps, coStep{*to, action{format: format}, broken})
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

// explore returns the shortest trace to each broken property, and how many worlds there are. It stops when the property with the
// number stop is broken, or never if that is negative. A world that was visited is recognized by a hash of 64 bits with a random
// seed: two of some millions are taken for one in one run of some millions.
func (m *coherence) explore(stop int) (broken [coProperties]string, worlds int) {
	type visited struct {
		prev   int
		action action
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
				for property := range broken {
					if st.broken&(1<<property) == 0 || broken[property] != "" {
						continue
					}
					trace := []string{st.action.String()}
					for at := first + i; at > 0; at = from[at].prev {
						trace = append(trace, from[at].action.String())
					}
					slices.Reverse(trace)
					broken[property] = strings.Join(trace, " | ")
					if property == stop {
						return broken, len(from)
					}
				}
				hash := maphash.Comparable(seed, st.to)
				if _, ok := seen[hash]; ok {
					continue
				}
				seen[hash] = struct{}{}
				next, from = append(next, st.to), append(from, visited{first + i, st.action})
			}
		}
		first += len(level)
		level, next = next, level[:0]
	}
	return broken, len(from)
}
