package cache

// What acts in the model besides writers and readers.

// repeat is the relay, which repeats invalidations from the log in any order.
func (x *explorer) repeat(s world) {
	fence := x.m.fence(&s)
	for v := int8(1); v <= maxWriters; v++ {
		if s.relay&(1<<v) == 0 || s.refused == 1 {
			continue
		}
		n, before := s, s.primary.under(fence)
		n.primary, _, _ = x.m.invalidate(s.primary, fence, v, -1)
		n.relay &^= 1 << v
		broken := ""
		if before.has && before.v >= v && !n.primary.under(fence).has {
			broken = propRepeats
		}
		x.add(n, broken, "the relay repeats v%d", v)
	}
}

// node is the readers' node, apart from its readers: it follows the log, and sends the invalidations that Redis has not taken.
func (x *explorer) node(s world) {
	m, fence, n := x.m, x.m.fence(&s), s
	if s.pending > 0 && s.refused != 1 {
		n.primary, _, _ = m.invalidate(s.primary, fence, s.pending, -1)
		n.pending = 0
		x.add(n, "", "the node sends the pending v%d", s.pending)
	}
	n = s
	switch next := s.position + 1; {
	case !m.follows:
	case s.invalidating > 0 && s.refused == 1:
		if !m.noPending {
			n.pending = max(s.pending, s.invalidating)
		}
		n.position, n.invalidating = s.invalidating, 0
		x.add(n, "", "v%d is pending, and the node is at it", s.invalidating)
	case s.invalidating > 0:
		if m.refreshes {
			n.primary, _, _ = m.update(s.primary, fence, s.invalidating, -1)
		} else {
			n.primary, _, _ = m.invalidate(s.primary, fence, s.invalidating, -1)
		}
		n.position, n.invalidating = s.invalidating, 0
		x.add(n, "", "the node invalidates v%d, and is at it", s.invalidating)
	case s.looked > 0:
		x.reads(s)
	case next > s.db:
	case m.refreshes:
		if n.looked = s.primary.minVersion() + 1; !s.primary.has && (s.primary.token == 0 || m.blindLook) {
			n.position, n.looked = s.db, 0
		}
		x.add(n, "", "the node looks at the entry")
	case m.noConfirm || m.confirmed(s.primary, next):
		n.position = next
		x.add(n, "", "the node is at v%d", next)
	default:
		n.invalidating = next
		x.add(n, "", "the node finds Redis behind v%d", next)
	}
}

// reads is what Refresh does after its look: it reads SQL, or fails to, and then removes the entry.
func (x *explorer) reads(s world) {
	n := s
	if n.looked = 0; s.looked > s.db {
		n.position = s.db
	} else {
		n.invalidating = s.db
	}
	x.add(n, "", "the node reads v%d in SQL", s.db)
	if s.refused != 1 {
		n = s
		n.looked, n.primary, n.position = 0, entry{}, s.db
		n.gone++ // like an eviction, it ends announcements
		x.add(n, "", "the node cannot read SQL, and removes the entry")
	}
}

// faults are what may happen to Redis.
func (x *explorer) faults(s world) {
	m := x.m
	if m.refusals > 0 && s.refused < 2 {
		n := s
		n.refused++
		x.add(n, "", []string{"REFUSES WRITES", "TAKES WRITES"}[s.refused])
	}
	if s.primary.token != 0 && !s.primary.lapsed {
		n := s
		n.primary.lapsed = true
		x.add(n, "", "the lease lapses")
	}
	if s.gone < m.gones && s.primary != (entry{}) {
		n := s
		n.primary = entry{}
		n.gone++
		x.add(n, "", "EVICTED")
	}
	if s.failed < m.failovers {
		n := s
		if n.replica = n.primary; n.replica != s.replica {
			x.add(n, "", "replicated")
		}
		n = s
		n.primary = n.replica // who comes back as the replica is given the same
		n.serverEpoch++
		n.failed++
		if n.failed == m.failovers {
			n.replica = entry{} // of no use any more
		}
		x.add(n, "", "FAILOVER")
	}
}
