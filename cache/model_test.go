package cache

import (
	"fmt"
	"strings"
)

// The world of the model: one key, a database, a primary with a replica, writers that write once each,
// readers that read again and again on one node, which may follow the log, and a relay. Every interleaving is
// explored, breadth first, so a trace is a shortest one. Readers are alike, and writers are: states that differ in
// who is who count once.

const (
	maxWriters = 2
	maxReaders = 3
)

// Writers.
const (
	wIdle = iota
	wIntended
	wCommitted
	wRead // has read SQL after its commit, and is to send what it has read
	wDone
	wKilled
)

// Readers.
const (
	rIdle      = iota
	rWaits     // for another's lease, or to ask again
	rLeased    // is to read SQL
	rFills     // has read SQL under its lease
	rFree      // is to read SQL without one
	rPublishes // has read SQL without one
	rLooks     // has a hit, and looks up the node's pending invalidations only now
)

type modelWriter struct{ pc, version, val int8 }

type modelReader struct {
	pc, val int8
	// What was acknowledged, and acknowledged or served, and committed, when the read began, and the position of the node.
	acked, served, committed, position int8
}

type world struct {
	db, acked, served int8
	primary, replica  entry
	serverEpoch       int8
	w                 [maxWriters]modelWriter
	r                 [maxReaders]modelReader
	relay             uint8 // versions to repeat, by bit
	killed, gone      int8  // faults so far
	failed, lagged    int8
	refused           int8 // 1 while Redis refuses writes, 2 after that
	// The readers' node: the position that it reports, the version that it is invalidating before it moves on, and the one
	// whose invalidation is pending.
	position, invalidating, pending int8
	// If the node uses Refresh: the minimum version of the entry that it has looked at, plus 1, until it has read SQL.
	looked int8
}

// model is a protocol with the faults that it meets.
type model struct {
	rules
	noFence, processFence bool // what the fence is
	noPublish             bool // a reader that falls back does not publish its version
	order                 string
	announced             bool // writers announce themselves
	writers, readers      int
	kills, gones          int8 // writers killed; evictions or flushes
	failovers, lags       int8 // and reads of a database that is one version behind
	refusals              int8 // whether Redis refuses writes for a while
	follows               bool // the readers' node follows the log
	noConfirm             bool // and moves its position without a look at Redis
	noPending             bool // and does not remember what Redis refused
	pendingLate           bool // and looks up pending invalidations only when the answer is there
	updates               bool // writers may read SQL after their commit, and send INVALIDATE with data
	refreshes             bool // the readers' node uses Refresh instead of Confirm
}

// The properties.
const (
	propAcked    = "a read older than an acknowledged write"
	propBack     = "a read that goes back"
	propRest     = "stale at rest"
	propWindow   = "a read older than a commit that was announced"
	propPosition = "a read older than the position that its node reported before"
	propRepeats  = "a repeated invalidation drops a current entry"
)

func (m *model) fence(s *world) int8 {
	switch {
	case m.noFence:
		return 1
	case m.processFence:
		return 1 + s.serverEpoch%2 // two processes take turns
	}
	return 1 + s.serverEpoch
}

// step is one action of a world.
type step struct {
	to     world
	action action
	broken string // the property that it breaks, or ""
}

// action is formatted for traces only.
type action struct {
	format string
	args   [2]int8
	word   string
}

func (a action) String() string {
	args := []any{a.args[0], a.args[1], a.word}
	n := strings.Count(a.format, "%d")
	if strings.Contains(a.format, "%s") {
		return fmt.Sprintf(a.format, append(args[:n:n], a.word)...)
	}
	return fmt.Sprintf(a.format, args[:n]...)
}

type explorer struct {
	m     *model
	steps []step
}

func (x *explorer) add(to world, broken, format string, args ...int8) {
	x.say(to, broken, format, "", args...)
}

func (x *explorer) say(to world, broken, format, word string, args ...int8) {
	st := step{to, action{format: format, word: word}, broken}
	copy(st.action.args[:], args)
	x.steps = append(x.steps, st)
}

func (x *explorer) from(s world) []step {
	x.steps = x.steps[:0]
	for k := range x.m.writers {
		x.writer(s, k)
	}
	for k := range x.m.readers {
		x.reader(s, k)
	}
	x.repeat(s)
	x.node(s)
	x.faults(s)
	return x.steps
}

func (x *explorer) writer(s world, k int) {
	m, fence, n := x.m, x.m.fence(&s), s
	switch s.w[k].pc {
	case wIdle:
		if m.announced {
			n.primary, _ = m.intend(s.primary, fence, k)
			n.w[k].pc = wIntended
			x.add(n, "", "W%d intends", int8(k))
			return
		}
		if m.order == "delete, then write" {
			n.primary = strip(fence, 0, 0)
			n.w[k].pc = wIntended
			x.add(n, "", "W%d deletes", int8(k))
			return
		}
		x.commit(s, k)
	case wIntended:
		x.commit(s, k)
	case wCommitted, wRead:
		version := s.w[k].version
		switch m.order {
		case "delete, then write":
		case "write, then set":
			n.primary = entry{fence: fence, has: true, v: version}
		default:
			if s.w[k].pc == wRead {
				version = s.w[k].val
				n.primary, _, _ = m.update(s.primary, fence, version, k)
			} else {
				n.primary, _, _ = m.invalidate(s.primary, fence, version, k)
			}
		}
		n.w[k].pc, n.w[k].val = wDone, 0
		if s.refused == 1 {
			n.primary = s.primary
			x.add(n, "", "W%d gives up invalidating v%d", int8(k), version) // acknowledged, with a bound
			return
		}
		n.acked = max(n.acked, version)
		x.add(n, "", "W%d invalidates v%d, acknowledged", int8(k), version)
		if n = s; m.updates && s.w[k].pc == wCommitted {
			n.w[k].pc, n.w[k].val = wRead, s.db
			x.add(n, "", "W%d reads v%d in SQL, to send it", int8(k), s.db)
		}
		if s.killed < m.kills {
			n = s
			n.w[k].pc = wKilled
			n.killed++
			x.add(n, "", "W%d killed", int8(k))
		}
	}
	// An intent outlives the transaction that it announces.
	if s.w[k].pc != wIntended && s.primary.intents&(1<<k) != 0 {
		n = s
		n.primary.intents &^= 1 << k
		x.add(n, "", "intent %d ends", int8(k))
	}
}

func (x *explorer) commit(s world, k int) {
	n := s
	n.db++
	n.w[k] = modelWriter{pc: wCommitted, version: n.db}
	n.relay |= 1 << n.db
	x.add(n, "", "W%d commits v%d", int8(k), n.db)
}

func (x *explorer) reader(s world, k int) {
	m, r := x.m, s.r[k]
	n := s
	switch r.pc {
	case rIdle:
		n.r[k] = modelReader{pc: rWaits, acked: s.acked, served: max(s.acked, s.served), position: s.position}
		if m.announced {
			n.r[k].committed = s.db
		}
		x.asks(n, k)
	case rLooks:
		n.r[k].pc, n.r[k].val = rFree, 0
		if s.pending > 0 {
			x.add(n, "", "R%d finds a pending invalidation", int8(k))
			return
		}
		x.returns(n, k, r.val, "hits")
	case rWaits:
		x.asks(s, k)
		n.r[k].pc = rFree
		x.add(n, "", "R%d has waited long enough", int8(k))
	case rLeased, rFree:
		to := int8(rFills)
		if r.pc == rFree {
			to = rPublishes
		}
		n.r[k].pc, n.r[k].val = to, s.db
		x.add(n, "", "R%d reads v%d in SQL", int8(k), s.db)
		if r.pc == rLeased && s.lagged < m.lags && s.db > 0 {
			n.r[k].val, n.lagged = s.db-1, s.lagged+1
			x.add(n, "", "R%d reads v%d, late", int8(k), s.db-1)
		}
		if r.pc == rLeased {
			n = s
			n.leave(k)
			x.add(n, "", "R%d leaves", int8(k))
		}
	case rFills:
		var word string
		if s.refused == 1 {
			n.r[k].pc = rPublishes
			x.add(n, "", "R%d may not fill v%d: refused", int8(k), r.val)
			return
		}
		n.primary, word = m.fill(s.primary, m.fence(&s), int8(k+1), r.val)
		if word == "filled" {
			x.returns(n, k, r.val, "fills")
			return
		}
		n.drop(k)
		n.r[k].pc, n.r[k].val = rWaits, 0
		x.say(n, "", "R%d may not fill v%d: %s", word, int8(k), r.val)
		if word == "lost" || m.lags == 0 { // what is old is read again, see below
			n.r[k].pc, n.r[k].val = rPublishes, r.val
			x.say(n, "", "R%d may not fill v%d: %s, and has no time left", word, int8(k), r.val)
		}
	case rPublishes:
		minVersion := r.val
		if !m.noPublish && s.refused != 1 {
			n.primary, _, minVersion = m.invalidate(s.primary, m.fence(&s), r.val, -1)
		}
		if minVersion > r.val {
			b := n
			b.r[k].pc, b.r[k].val = rWaits, 0
			x.add(b, "", "R%d is behind with v%d, and asks again", int8(k), r.val)
			if m.lags > 0 {
				return // more often than there are versions and late reads here
			}
		}
		x.returns(n, k, r.val, "publishes and returns")
	}
}

// asks is LEASE; the plain read before it sees the same or nothing.
func (x *explorer) asks(s world, k int) {
	n := s
	if s.pending > 0 && !x.m.pendingLate {
		n.r[k].pc = rFree
		x.add(n, "", "R%d finds a pending invalidation", int8(k))
		return
	}
	var word string
	n.primary, word = x.m.lease(s.primary, x.m.fence(&s), int8(k+1))
	if s.refused == 1 && word != "hit" {
		n = s
		n.r[k].pc = rFree
		x.add(n, "", "R%d gets no lease: refused", int8(k))
		return
	}
	switch word {
	case "hit":
		if x.m.pendingLate {
			n.r[k].pc, n.r[k].val = rLooks, s.primary.v
			x.add(n, "", "R%d is answered with v%d", int8(k), s.primary.v)
			return
		}
		x.returns(n, k, s.primary.v, "hits")
	case "leased":
		n.drop(k) // of older leases elsewhere
		n.primary.token = int8(k + 1)
		n.r[k].pc = rLeased
		x.add(n, "", "R%d gets the lease", int8(k))
	case "intent":
		n.r[k].pc = rFree
		x.add(n, "", "R%d finds an intent", int8(k))
	default:
		x.add(n, "", "R%d waits", int8(k))
	}
}

// returns ends a read, and looks whether it may return that.
func (x *explorer) returns(n world, k int, v int8, how string) {
	r, broken := n.r[k], ""
	switch {
	case v < r.position:
		broken = propPosition
	case x.m.refusals > 0: // the other properties have a bound then
	case v < r.acked:
		broken = propAcked
	case v < r.served:
		broken = propBack
	case v < r.committed && n.gone == 0 && n.failed == 0 && n.lagged == 0:
		broken = propWindow
	}
	n.served = max(n.served, v)
	n.leave(k)
	x.say(n, broken, "R%d v%d: %s", how, int8(k), v)
}

// leave makes a reader idle.
func (s *world) leave(k int) {
	s.drop(k)
	s.r[k] = modelReader{}
}

// drop makes a reader's token nobody's, wherever it is.
func (s *world) drop(k int) {
	for _, e := range []*entry{&s.primary, &s.replica} {
		if e.token == int8(k+1) {
			e.token = nobody
		}
	}
}
