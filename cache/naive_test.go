package cache

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The usual orders of a cache without leases, versions and fences, as small models of the same kind: one
// key, at first not cached, two writers that write once each, two readers that read again and again. No
// fault is needed to break any of them. R1 and R2 are readers; A and B are writers, and what they write.

// plainOrder is what a writer does, step by step; it answers with the last one.
type plainOrder struct {
	name  string
	steps []string
	// fillsAbsent lets a reader fill only what is still absent (SET NX), the best that a cache without
	// versions can do.
	fillsAbsent bool
}

// The steps of a writer. Each is one call to SQL or Redis.
const (
	doDelete = "deletes"
	doCommit = "commits"
	doSet    = "sets"
)

var plainOrders = []plainOrder{
	{name: "delete, then write", steps: []string{doDelete, doCommit}},
	{name: "write, then delete", steps: []string{doCommit, doDelete}},
	{name: "set, then write", steps: []string{doSet, doCommit}},
	{name: "write, then set", steps: []string{doCommit, doSet}},
	{name: "write-through", steps: []string{doSet, doCommit}, fillsAbsent: true},
	{name: "double delete", steps: []string{doDelete, doCommit, doDelete}},
}

// plainWorld names values by who wrote them: 0 is what was there, k+1 is writer k's. Versions are the
// order of commits, which is the order that SQL decided.
type plainWorld struct {
	commits, current int8    // how many, and the value that SQL has
	version          [3]int8 // by value; 0: not committed, or the first
	has              bool
	cached           int8
	acked, served    int8 // versions
	w                [2]int8
	killed           [2]bool
	r                [2]plainReader
	gone             bool
}

type plainReader struct {
	pc, val       int8 // 0 idle, 1 missed, 2 has read SQL
	acked, served int8
}

// rank is a value's version; one that is not committed is newer than all.
func (s *plainWorld) rank(value int8) int8 {
	if value > 0 && s.version[value] == 0 {
		return s.commits + 1
	}
	return s.version[value]
}

// plainName is how a value is called in schedules.
func plainName(value int8) string { return [...]string{"old", "A", "B"}[value] }

type plainStep struct {
	to     plainWorld
	what   string
	broken string
}

// plainModel is an order with what happens around it.
type plainModel struct {
	plainOrder
	writers, kills int
	evicts         bool
}

func (m *plainModel) from(s plainWorld) (all []plainStep) {
	for k := range m.writers {
		all = append(all, m.writes(s, k)...)
	}
	for k := range s.r {
		all = append(all, m.reads(s, k))
	}
	if m.evicts && s.has && !s.gone {
		n := s
		n.has, n.cached, n.gone = false, 0, true
		all = append(all, plainStep{n, "evicted", ""})
	}
	return all
}

func (m *plainModel) writes(s plainWorld, k int) (all []plainStep) {
	at, own := int(s.w[k]), int8(k+1)
	if at == len(m.steps) || s.killed[k] {
		return nil
	}
	n := s
	n.w[k]++
	what := plainName(own) + " " + m.steps[at]
	switch m.steps[at] {
	case doDelete:
		n.has, n.cached = false, 0
	case doSet:
		n.has, n.cached = true, own
	case doCommit:
		n.commits++
		n.current, n.version[own] = own, n.commits
	}
	if at == len(m.steps)-1 {
		n.acked = max(n.acked, n.version[own])
		what += " and answers"
	}
	all = append(all, plainStep{n, what, ""})
	if at > 0 && m.kills > 0 && s.killed == ([2]bool{}) {
		n = s
		n.killed[k] = true
		all = append(all, plainStep{n, plainName(own) + " is killed", ""})
	}
	return all
}

func (m *plainModel) reads(s plainWorld, k int) plainStep {
	n, r := s, s.r[k]
	switch r.pc {
	case 0:
		n.r[k] = plainReader{pc: 1, acked: s.acked, served: s.served}
		if !s.has {
			return plainStep{n, fmt.Sprintf("R%d misses", k+1), ""}
		}
		return m.returns(n, k, s.cached, "hits")
	case 1:
		n.r[k].pc, n.r[k].val = 2, s.current
		return plainStep{n, fmt.Sprintf("R%d reads %s", k+1, plainName(s.current)), ""}
	}
	if !m.fillsAbsent || !s.has {
		n.has, n.cached = true, r.val
		return m.returns(n, k, r.val, "fills")
	}
	return m.returns(n, k, r.val, "does not fill")
}

func (m *plainModel) returns(n plainWorld, k int, value int8, how string) plainStep {
	broken := ""
	switch v := n.rank(value); {
	case v < n.r[k].acked:
		broken = propAcked
	case v < n.r[k].served:
		broken = propBack
	}
	n.served = max(n.served, n.rank(value))
	n.r[k] = plainReader{}
	return plainStep{n, fmt.Sprintf("R%d %s %s", k+1, how, plainName(value)), broken}
}

// atRest reports an entry that differs from SQL when nothing is under way.
func (m *plainModel) atRest(s *plainWorld) bool {
	for k := range m.writers {
		if int(s.w[k]) < len(m.steps) && !s.killed[k] {
			return false
		}
	}
	return s.r[0].pc == 0 && s.r[1].pc == 0 && s.has && s.cached != s.current
}

// shortest returns a shortest schedule that breaks a property, and how many worlds it looked at.
func (m *plainModel) shortest(property string) (schedule []string, worlds int) {
	type visited struct {
		prev int
		what string
	}
	index, queue, from := map[plainWorld]struct{}{{}: {}}, []plainWorld{{}}, []visited{{prev: -1}}
	for i := 0; i < len(queue); i++ {
		back := func(last ...string) []string {
			for ; i > 0; i = from[i].prev {
				last = append(last, from[i].what)
			}
			slices.Reverse(last)
			return last
		}
		if property == propRest && m.atRest(&queue[i]) {
			return back(), len(queue)
		}
		for _, st := range m.from(queue[i]) {
			if st.broken == property {
				return back(st.what), len(queue)
			}
			if _, ok := index[st.to]; !ok {
				index[st.to] = struct{}{}
				queue, from = append(queue, st.to), append(from, visited{i, st.what})
			}
		}
	}
	return nil, len(queue)
}

// TestNaiveOrders finds the shortest schedules that break each order. The page on consistency lists the
// first of each order, word by word.
func TestNaiveOrders(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/consistency.md")
	if err != nil {
		t.Fatal(err)
	}
	one, two := plainModel{writers: 1}, plainModel{writers: 2}
	killed, evicted := plainModel{writers: 1, kills: 1}, plainModel{writers: 1, evicts: true}
	for _, c := range []struct {
		order, with, loses string
		m                  plainModel
		steps              int // 0: it loses nothing
		confirmed          bool
	}{
		{"delete, then write", "one writer", propAcked, one, 6, true},
		{"delete, then write", "one writer", propRest, one, 5, false},
		{"write, then delete", "one writer", propAcked, one, 6, true},
		{"write, then delete", "one writer", propBack, one, 8, false},
		{"set, then write", "two writers", propAcked, two, 5, true},
		{"set, then write", "one writer", propBack, one, 6, false},
		{"set, then write", "one writer, killed", propRest, killed, 2, false},
		{"write, then set", "two writers", propAcked, two, 5, true},
		{"write, then set", "one writer", propAcked, one, 6, false},
		{"write-through", "two writers", propAcked, two, 5, true},
		{"write-through", "one writer", propAcked, one, 0, false},
		{"write-through", "one writer", propBack, one, 0, false},
		{"write-through", "one writer, evicted", propBack, evicted, 6, false},
		{"write-through", "one writer, killed", propRest, killed, 2, false},
		{"double delete", "one writer", propAcked, one, 7, true},
		{"double delete", "one writer", propBack, one, 9, false},
	} {
		t.Run(c.order+", "+c.with+", "+c.loses, func(t *testing.T) {
			t.Parallel()
			m := c.m
			m.plainOrder = plainOrders[slices.IndexFunc(plainOrders, func(o plainOrder) bool { return o.name == c.order })]
			schedule, worlds := m.shortest(c.loses)
			text := strings.Join(schedule, ", ")
			t.Logf("%d steps, found in %d worlds: %s", len(schedule), worlds, text)
			if len(schedule) != c.steps {
				t.Errorf("it loses this in %d steps, not in %d", len(schedule), c.steps)
			}
			if c.confirmed && !strings.Contains(string(doc), text) {
				t.Errorf("docs/consistency.md does not contain: %s", text)
			}
		})
	}
}
