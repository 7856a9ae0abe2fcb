package cache

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/testkit/testtime"
)

// atRest reports a stale entry when nothing is under way.
func (m *model) atRest(s *world) bool {
	for _, w := range s.w[:m.writers] {
		if w.pc != wDone && w.pc != wKilled {
			return false
		}
	}
	for _, r := range s.r {
		if r.pc != rIdle {
			return false
		}
	}
	if s.refused == 1 || s.invalidating > 0 || s.pending > 0 || s.looked > 0 {
		return false
	}
	e := s.primary.under(m.fence(s))
	return s.relay == 0 && e.has && e.v < s.db
}

// same returns the representative of the worlds that differ in who is who.
func (s world) same(writers, readers int) world {
	if writers == 2 && (s.w[0].pc > s.w[1].pc || s.w[0].pc == s.w[1].pc && s.w[0].version > s.w[1].version) {
		s.w[0], s.w[1] = s.w[1], s.w[0]
		for _, e := range []*entry{&s.primary, &s.replica} {
			e.intents = e.intents>>1&1 | e.intents&1<<1
		}
	}
	for i := 1; i < readers; i++ {
		for j := i; j > 0 && s.r[j].less(s.r[j-1]); j-- {
			s.r[j], s.r[j-1] = s.r[j-1], s.r[j]
			for _, e := range []*entry{&s.primary, &s.replica} {
				switch int(e.token) {
				case j:
					e.token = int8(j + 1)
				case j + 1:
					e.token = int8(j)
				}
			}
		}
	}
	return s
}

func (r modelReader) less(o modelReader) bool {
	return slices.Compare([]int8{r.pc, r.val, r.acked, r.served, r.committed, r.position},
		[]int8{o.pc, o.val, o.acked, o.served, o.committed, o.position}) < 0
}

// until returns the shortest trace that breaks a property.
func (m *model) until(property string) (trace string, worlds int) {
	broken, worlds := m.explore(property)
	return broken[property], worlds
}

// check explores all of a model.
func (m *model) check() (broken map[string]string, worlds int) { return m.explore("") }

// explore returns the shortest trace to each broken property, and how many worlds there are; it stops when
// one property is broken.
func (m *model) explore(stop string) (broken map[string]string, worlds int) {
	type visited struct {
		prev   int
		action action
	}
	broken = map[string]string{}
	index := map[world]struct{}{}
	queue, from := []world{{}}, []visited{{prev: -1}}
	index[world{}] = struct{}{}
	note := func(property string, i int, last string) {
		if _, ok := broken[property]; ok {
			return
		}
		trace := []string{last}
		for ; i > 0; i = from[i].prev {
			trace = append(trace, from[i].action.String())
		}
		slices.Reverse(trace)
		broken[property] = strings.Join(trace, " | ")
	}
	x := &explorer{m: m}
	for i := 0; i < len(queue); i++ {
		if m.atRest(&queue[i]) {
			note(propRest, i, "at rest")
		}
		for _, st := range x.from(queue[i]) {
			if st.broken != "" {
				note(st.broken, i, st.action.String())
			}
			n := st.to.same(m.writers, m.readers)
			if _, ok := index[n]; ok {
				continue
			}
			index[n] = struct{}{}
			queue, from = append(queue, n), append(from, visited{i, st.action})
		}
		if _, ok := broken[stop]; ok {
			break
		}
	}
	return broken, len(queue)
}

// faultSets are what the protocol must survive.
var faultSets = map[string]model{
	"no fault":            {},
	"killed":              {kills: 1},
	"evicted":             {gones: 1},
	"failover":            {failovers: 1},
	"late read":           {lags: 1},
	"evicted twice":       {gones: 2},
	"killed and evicted":  {kills: 1, gones: 1},
	"killed and failover": {kills: 1, failovers: 1},
	"evicted, failover":   {gones: 1, failovers: 1},
	"failover and back":   {failovers: 2},
	"late read, killed":   {lags: 1, kills: 1},
	// The readers' node follows the log.
	"follows":                   {follows: true},
	"follows, killed":           {follows: true, kills: 1},
	"follows, evicted":          {follows: true, gones: 1},
	"follows, failover":         {follows: true, failovers: 1},
	"follows, refused":          {follows: true, refusals: 1},
	"follows, refused, killed":  {follows: true, refusals: 1, kills: 1},
	"follows, refused, evicted": {follows: true, refusals: 1, gones: 1},
	// Writers send data, some of it late.
	"updates":                   {updates: true},
	"updates, killed":           {updates: true, kills: 1},
	"updates, evicted":          {updates: true, gones: 1},
	"updates, failover":         {updates: true, failovers: 1},
	"updates, late read":        {updates: true, lags: 1},
	"updates, follows, refused": {updates: true, follows: true, refusals: 1},
	"refreshes":                 {refreshes: true, follows: true},
	"refreshes, killed":         {refreshes: true, follows: true, kills: 1},
	"refreshes, evicted":        {refreshes: true, follows: true, gones: 1},
	"refreshes, failover":       {refreshes: true, follows: true, failovers: 1},
	"refreshes, refused":        {refreshes: true, follows: true, refusals: 1},
	"refreshes, updates":        {refreshes: true, follows: true, updates: true},
}

// sizes are how many writers and readers there are.
func (m model) sizes(announced bool) [][2]int {
	faults := m.kills + m.gones + m.failovers + m.lags + m.refusals
	if m.follows {
		faults++
	}
	if m.updates || m.refreshes {
		faults++
	}
	switch {
	case testtime.Soaking() && m.failovers < 2 && (!m.follows || faults < 3): // else it is tens of millions
		return [][2]int{{2, 2}}
	case faults < 2 && m.failovers == 0 && !announced:
		return [][2]int{{2, 2}}
	case faults > 1 && m.failovers > 0 && announced:
		return [][2]int{{1, 1}}
	}
	return [][2]int{{2, 1}, {1, 2}}
}

// TestModel explores two writers and two readers under the simplest faults, else two and one and one and
// two; the long form does two and two under all but two failovers.
func TestModel(t *testing.T) {
	t.Parallel()
	for name, m := range faultSets {
		for _, announced := range []bool{true, false} {
			for _, size := range m.sizes(announced) {
				m := m
				m.announced, m.writers, m.readers = announced, size[0], size[1]
				t.Run(fmt.Sprintf("%s, announced %v, %d writers, %d readers", name, announced, m.writers, m.readers), func(t *testing.T) {
					t.Parallel()
					start := time.Now()
					broken, worlds := m.check()
					for property, trace := range broken {
						t.Errorf("%s: %s", property, trace)
					}
					t.Logf("%d worlds, %s", worlds, time.Since(start))
				})
			}
		}
	}
}

// TestModelAblations takes parts of the protocol away, one at a time, and puts the usual orders in its
// place: each must lose what that part is for, else the model shows nothing.
func TestModelAblations(t *testing.T) {
	t.Parallel()
	lease, version, blind := rules{noLease: true}, rules{noVersion: true}, rules{blindLook: true}
	for _, c := range []struct {
		name  string
		m     model
		loses string
	}{
		{"no lease", model{rules: lease, gones: 1}, propAcked},
		{"no lease, at rest", model{rules: lease, gones: 1}, propRest},
		{"no version", model{rules: version}, propRepeats},
		{"no version, late read", model{rules: version, lags: 1}, propAcked},
		{"no fence", model{noFence: true, failovers: 1}, propAcked},
		{"no fence, at rest", model{noFence: true, failovers: 1}, propRest},
		{"fence of a process, which comes back", model{processFence: true, failovers: 2}, propAcked},
		{"delete, then write", model{order: "delete, then write"}, propAcked},
		{"write, then set", model{order: "write, then set"}, propAcked},
		{"fallback without publishing", model{noPublish: true}, propBack},
		{"announced and not published", model{noPublish: true, announced: true, gones: 1}, propBack},
		{"a position without a look", model{follows: true, noConfirm: true}, propPosition},
		{"a look that ignores leases", model{rules: blind, follows: true}, propPosition},
		{"a refresh that ignores leases", model{rules: blind, follows: true, refreshes: true}, propPosition},
		{"an update creates data", model{rules: rules{updateCreates: true}, updates: true, gones: 1}, propAcked},
		{"an update creates data, at rest", model{rules: rules{updateCreates: true}, updates: true, gones: 1}, propRest},
		{"an update replaces a higher version", model{rules: rules{updateLowers: true}, updates: true}, propAcked},
		{"an update replaces a higher version, going back", model{rules: rules{updateLowers: true}, updates: true}, propBack},
		{"refused and forgotten", model{follows: true, refusals: 1, noPending: true}, propPosition},
		{"pending invalidations looked up after the answer", model{follows: true, refusals: 1, pendingLate: true}, propPosition},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.m.writers, c.m.readers = 2, 2
			trace, worlds := c.m.until(c.loses)
			if trace == "" {
				t.Fatalf("it loses nothing in %d worlds", worlds)
			}
			t.Logf("%s: %s", c.loses, trace)
		})
	}
}
