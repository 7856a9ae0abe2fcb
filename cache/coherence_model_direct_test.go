package cache

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"roost/testkit/testtime"
)

// The second form of the coherent tier, for Redis in the process (embedded mode): nothing is pushed and there is no barrier.
// Whoever runs a script that changes a key closes the key's copy before and removes it after, so no copy is used or adopted while
// the script runs. A counter of what was removed keeps a row from being adopted that was read before. The model has one key.

const cdReaders = 3

// Steps of a reader.
const (
	cdIdle   = iota
	cdBegun  // is to look for a copy
	cdAsks   // has found none, and is to read Redis
	cdHolds  // has read a row in Redis, and is to adopt and return it
	cdMisses // is to ask for a lease
	cdClosed // has closed the key, and is to read SQL and to run FILL, or INVALIDATE to publish what it has read
	cdRan    // its script has run
)

// Steps of a writer that follow coCommitted.
const (
	cdClosing = coCommitted + 1 + iota
	cdInvalid
)

// cdReader is a read. removed is whether the counter of removals has moved since it was read.
type cdReader struct {
	pc, v, acked, served, position int8
	removed                        bool
}

type cdWorld struct {
	db, acked, served, lowest, entry int8
	copied                           int8 // version of the copy; 0 without one
	closed                           int8 // scripts that keep the key closed
	w                                [2]coWriter
	r                                [cdReaders]cdReader
	commits, begins, evicts, others  int8
	position                         int8 // of the log: the version that the tail has confirmed
}

// cdProtocol is the protocol, with the parts that can be left out.
type cdProtocol struct {
	coSteps[cdWorld]
	keeps                   bool // nobody removes copies
	noCount                 bool // rows are adopted whatever was removed meanwhile
	writersOnly             bool // scripts of readers, which fill and publish, neither close keys nor remove copies
	noClose                 bool // copies are removed after a script, and keys are never closed
	confirmsRedis           bool // the tail of the log removes a copy only if it finds an old entry in Redis
	noEviction              bool
	commits, begins, evicts int8
	others                  int8 // removals of other keys that the same counter counts
}

// close begins a script that changes the key.
func (m *cdProtocol) close(s *cdWorld, reader bool) {
	if !m.noClose && !m.keeps && (!reader || !m.writersOnly) {
		s.closed++
	}
}

// open ends a script that changed the key.
func (m *cdProtocol) open(s *cdWorld, reader bool) {
	if m.keeps || reader && m.writersOnly {
		return
	}
	if !m.noClose {
		s.closed--
	}
	s.copied = 0
	s.count()
}

// count moves the counter of removals.
func (s *cdWorld) count() {
	for i := range s.r {
		s.r[i].removed = s.r[i].pc == cdAsks || s.r[i].pc == cdHolds
	}
}

// same returns the representative of the worlds that differ in who is who.
func (s cdWorld) same() cdWorld {
	if s.w[1].less(s.w[0]) {
		s.w[0], s.w[1] = s.w[1], s.w[0]
	}
	slices.SortFunc(s.r[:], cdReader.compare)
	return s
}

func (w coWriter) less(o coWriter) bool { return w.pc < o.pc || w.pc == o.pc && w.version < o.version }

func (r cdReader) compare(o cdReader) int {
	return cmp.Or(cmp.Compare(r.pc, o.pc), cmp.Compare(r.v, o.v), cmp.Compare(r.acked, o.acked), cmp.Compare(r.served, o.served),
		cmp.Compare(r.position, o.position), cmp.Compare(btoi(r.removed), btoi(o.removed)))
}

func btoi(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

func (m *cdProtocol) from(s *cdWorld) {
	for i := range s.w {
		m.writer(s, i)
	}
	for i := range s.r {
		m.reader(s, i)
	}
	if n, v := *s, s.position+1; v <= s.db {
		n.position = v
		invalidates := s.entry > 0 && s.entry < v
		if invalidates {
			n.entry = 0 // as one action: no read ends in between
		}
		if n.entry == 0 {
			n.lowest = s.db // there is no lease, or INVALIDATE drops it
		}
		if invalidates || !m.confirmsRedis {
			n.copied = 0
			n.count()
		}
		m.add(&n, 0, "the tail has confirmed v%d", v)
	}
	if n := *s; s.entry > 0 && s.evicts < m.evicts {
		n.evicts++
		n.entry, n.lowest = 0, s.db
		m.add(&n, 0, "EVICTED")
	}
	if n := *s; s.others < m.others {
		n.others++
		n.count()
		m.add(&n, 0, "a copy of another key is removed")
	}
}

func (m *cdProtocol) writer(s *cdWorld, i int) {
	n, at := *s, int8(i)
	switch w := s.w[i]; w.pc {
	case coNoWriter:
		if s.commits < m.commits {
			n.commits++
			n.db++
			n.w[i] = coWriter{pc: coCommitted, version: n.db}
			m.add(&n, 0, "W%d commits v%d", at, n.db)
		}
	case coCommitted:
		n.w[i].pc = cdClosing
		m.close(&n, false)
		m.add(&n, 0, "W%d is to invalidate v%d", at, w.version)
	case cdClosing:
		n.w[i].pc = cdInvalid
		for v := w.version; s.entry > 0 && s.entry < w.version && v <= s.db; v++ { // what it has read in SQL, perhaps before another commit
			u := n
			u.entry, u.w[i].version = v, v
			m.add(&u, 0, "W%d replaces v%d by v%d", at, s.entry, v)
		}
		if s.entry < w.version {
			n.entry, n.lowest = 0, s.db
		}
		m.add(&n, 0, "W%d invalidates v%d", at, w.version)
	case cdInvalid:
		n.w[i] = coWriter{}
		n.acked = max(s.acked, w.version)
		m.open(&n, false)
		m.add(&n, 0, "W%d: v%d is acknowledged", at, w.version)
	}
}

func (m *cdProtocol) reader(s *cdWorld, i int) {
	n, at := *s, int8(i)
	r := &n.r[i]
	switch r.pc {
	case cdIdle:
		if s.begins < m.begins {
			n.begins++
			*r = cdReader{pc: cdBegun, acked: s.acked, served: s.served, position: s.position}
			m.add(&n, 0, "R%d begins", at)
		}
	case cdBegun:
		if s.copied > 0 && s.closed == 0 {
			m.uses++
			m.returns(n, i, s.copied, "R%d uses the copy: v%d")
			return
		}
		r.pc = cdAsks
		m.add(&n, 0, "R%d finds no copy", at)
	case cdAsks:
		if r.pc, r.v = cdHolds, s.entry; s.entry == 0 {
			r.pc, r.removed = cdMisses, false
		}
		m.add(&n, 0, "R%d finds v%d in Redis", at, s.entry)
	case cdHolds:
		if m.noCount || !r.removed && s.closed == 0 {
			n.copied = r.v
		}
		m.returns(n, i, r.v, "R%d adopts and returns v%d")
	case cdMisses:
		r.pc = cdClosed
		m.close(&n, true)
		m.add(&n, 0, "R%d is to fill", at)
	case cdClosed:
		r.pc = cdRan
		if r.v = s.entry; s.entry > 0 {
			m.add(&n, 0, "R%d asks for the lease and finds v%d", at, s.entry)
			return
		}
		for v := max(s.lowest, r.acked, r.served); v <= s.db; v++ { // it may have read SQL before another commit, but not before it began
			n.entry, r.v = v, v
			m.add(&n, 0, "R%d fills v%d", at, v)
		}
		n.entry, n.lowest, r.v = 0, s.db, s.db
		m.add(&n, 0, "R%d reads SQL and publishes v%d", at, s.db)
	case cdRan:
		m.open(&n, true)
		m.returns(n, i, s.r[i].v, "R%d returns v%d")
	}
}

// returns ends a read.
func (m *cdProtocol) returns(n cdWorld, i int, v int8, format string) {
	var broken uint8
	if v < n.r[i].acked {
		broken |= 1 << coAcked
	}
	if v < n.r[i].position {
		broken |= 1 << coPosition
	}
	if v < n.r[i].served {
		broken |= 1 << coBack
	}
	n.served = max(n.served, v)
	n.r[i] = cdReader{}
	m.add(&n, broken, format, int8(i), v)
}

func TestModelDirectCopies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		m     cdProtocol
		loses int // a property, or -1
	}{
		{"as it is", cdProtocol{}, -1},
		{"nobody removes copies", cdProtocol{keeps: true}, coAcked},
		{"what was removed meanwhile does not matter", cdProtocol{noCount: true}, coAcked},
		{"copies are removed after the script", cdProtocol{noClose: true}, coBack},
		{"and nothing is evicted", cdProtocol{noClose: true, noEviction: true}, coBack},
		{"and by writers only", cdProtocol{noClose: true, writersOnly: true, noEviction: true}, coBack},
		{"the tail finds no entry and keeps the copy", cdProtocol{confirmsRedis: true}, coPosition},
		{"scripts of readers remove no copy", cdProtocol{writersOnly: true}, coBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := c.m
			m.commits, m.begins, m.evicts, m.others = testtime.Soak[int8](1, 2), 4, 1, 1
			if m.noEviction {
				m.evicts = 0
			}
			start := time.Now()
			f := explore(&m.coSteps, cdWorld.same, cdWorld{db: 1, acked: 1, served: 1, lowest: 1, entry: 1, position: 1}, m.from, c.loses)
			t.Logf("%d worlds, %d uses of copies, %s", f.worlds, f.uses, time.Since(start))
			for property, trace := range f.traces {
				if trace != "" && c.loses < 0 {
					t.Errorf("%s: %s", coNames[property], trace)
				}
			}
			if c.loses >= 0 {
				t.Logf("%s: %s", coNames[c.loses], f.traces[c.loses])
				if f.traces[c.loses] == "" {
					t.Error("it loses nothing")
				}
			}
			if f.uses == 0 {
				t.Error("copies are never used")
			}
		})
	}
}
