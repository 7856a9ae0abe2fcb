package cache

// What acts in the model besides writers and readers.

// repeat is the relay, which repeats invalidations from the log in any order.
func (x *explorer) repeat(s world) {
	fence := x.m.fence(&s)
	for v := int8(1); v <= mostWriters; v++ {
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
	if s.owes > 0 && s.refused != 1 {
		n.primary, _, _ = m.invalidate(s.primary, fence, s.owes, -1)
		n.owes = 0
		x.add(n, "", "the node pays v%d", s.owes)
	}
	n = s
	switch next := s.told + 1; {
	case !m.follows:
	case s.telling > 0 && s.refused == 1:
		if !m.noDebts {
			n.owes = max(s.owes, s.telling)
		}
		n.told, n.telling = s.telling, 0
		x.add(n, "", "the node owes v%d, and is at it", s.telling)
	case s.telling > 0:
		n.primary, _, _ = m.invalidate(s.primary, fence, s.telling, -1)
		n.told, n.telling = s.telling, 0
		x.add(n, "", "the node invalidates v%d, and is at it", s.telling)
	case next > s.db:
	case m.noConfirm || m.confirmed(s.primary, next):
		n.told = next
		x.add(n, "", "the node is at v%d", next)
	default:
		n.telling = next
		x.add(n, "", "the node finds Redis behind v%d", next)
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
		n.reign++
		n.failed++
		if n.failed == m.failovers {
			n.replica = entry{} // of no use any more
		}
		x.add(n, "", "FAILOVER")
	}
}
