package cache

// Moments of the model of the coherent tier: reads that use copies, and values that are derived of copies.

// moments adds the steps of a node's reader.
func (x *coExplorer) moments(s *coWorld, j int) {
	m, p, at := x.m, &s.node[j], int8(j)
	switch p.r.pc {
	case coIdle:
		if s.used[coBegins] == m.max[coBegins] {
			return
		}
		n := *s
		n.used[coBegins]++
		r := &n.node[j].r
		r.epoch, r.moved = p.epoch, p.moved
		for k := range m.keys {
			r.acked[k], r.served[k] = max(s.keys[k].acked, p.own[k]), s.keys[k].served
			if m.announced && s.used[coEvicts]+s.used[coFlushes] == 0 {
				r.committed[k] = s.keys[k].db
			}
			if p.pending[k] > 0 && !m.noPending {
				r.pending |= 1 << k
			}
		}
		if r.pc = coLooks; !m.pendingFirst {
			x.begins(&n, j)
			return
		}
		x.add(&n, 0, "a moment at %d looks up what is pending", at)
	case coLooks:
		n := *s
		x.begins(&n, j)
	case coReady:
		for k := range m.keys {
			x.use(s, j, k)
		}
		x.useDerived(s, j)
	}
}

// begins notes the position of a moment, which waits for its barrier then.
func (x *coExplorer) begins(n *coWorld, j int) {
	m, p := x.m, &n.node[j]
	p.r.position, p.r.pc = p.position, coWaits
	if m.noBarrier {
		p.r.pc = coReady
	}
	x.add(n, 0, "a moment begins at %d", int8(j))
	if m.joinsInFlight && p.pipe.stage > 0 && !p.pipe.answered {
		p.r.pc = coSent
		x.add(n, 0, "a moment begins at %d, and joins the barrier in flight", int8(j))
	}
}

// withheld returns the keys whose copies a reader must not use.
func (m *coProtocol) withheld(p *coNode) (keys uint8) {
	if !m.pendingAtUse {
		return p.r.pending
	}
	for k := range m.keys {
		if p.pending[k] > 0 {
			keys |= 1 << k
		}
	}
	return keys
}

// check returns the properties that a row breaks in a read, by bit. A node whose connections all lead to a primary that others have
// left cannot see what they write.
func (m *coProtocol) check(s *coWorld, r *coReader, k int, v, till, inc, epoch int8) (broken uint8) {
	alone := s.former && !r.moved && !m.strict
	for property, is := range [coProperties]bool{
		coAcked:    v < r.acked[k] && !alone,
		coBack:     v < r.served[k] && s.refused == 0 && !alone, // has a bound otherwise
		coPosition: v < s.at(k, r.position),
		coWindow:   v < r.committed[k],
		coDeadline: s.clock >= till,
		coGone:     inc < r.counts[k],
		coFormer:   epoch < r.epoch,
	} {
		if is {
			broken |= 1 << property
		}
	}
	return broken
}

// ends returns the reader of a node as it was when it began, with the position that it reports, and ends the read.
func (m *coProtocol) ends(p *coNode) coReader {
	r := p.r
	if m.positionLate {
		r.position = p.position
	}
	p.r = coReader{}
	return r
}

func (x *coExplorer) use(s *coWorld, j, k int) {
	m, c := x.m, s.node[j].copies[k]
	if c.v == 0 || s.clock >= c.deadline || m.withheld(&s.node[j])&(1<<k) != 0 {
		return
	}
	n := *s
	x.uses++
	r := m.ends(&n.node[j])
	n.keys[k].served = max(n.keys[k].served, c.v)
	x.add(&n, m.check(s, &r, k, c.v, c.till, c.inc, c.epoch), "%d uses its copy of %d: v%d", int8(j), int8(k), c.v)
}

// valid reports whether a derived value may be used or, if it is to be stored, stored.
func (m *coProtocol) valid(p *coNode, d *coDerived) bool {
	for k := range m.keys {
		if m.marks&(1<<k) == 0 {
			continue
		}
		if m.derived == coByJournal {
			if d.mark[k] != p.journal[k] {
				return false
			}
		} else if d.mark[k] != p.copies[k].stamp {
			return false
		}
	}
	return true
}

func (x *coExplorer) useDerived(s *coWorld, j int) {
	m, p := x.m, &s.node[j]
	d, pending := p.made, m.withheld(p)
	if m.derivedPending {
		pending &= 1
	}
	if d.v[0] == 0 || s.clock >= d.deadline || pending != 0 {
		return
	}
	if (m.derived == coByStamp || m.derived == coByJournal) && !m.valid(p, &d) {
		return
	}
	n := *s
	r := m.ends(&n.node[j])
	x.derivedUses++
	var broken uint8
	for k := range m.keys {
		broken |= m.check(s, &r, k, d.v[k], d.till[k], d.inc[k], d.epoch)
		n.keys[k].served = max(n.keys[k].served, d.v[k])
	}
	x.add(&n, broken, "%d uses what it has made of v%d and v%d", int8(j), d.v[0], d.v[1])
}

// derive adds the steps of a node that makes a value of its rows, and that removes rows to save memory.
func (x *coExplorer) derive(s *coWorld, j int) {
	m, p, at := x.m, &s.node[j], int8(j)
	for k := range m.keys {
		if p.copies[k].v > 0 && s.used[coLocals] < m.max[coLocals] {
			n := *s
			n.used[coLocals]++
			m.lose(&n.node[j], k, false)
			x.add(&n, 0, "%d has no room for %d", at, int8(k))
		}
	}
	if m.derived == coNone {
		return
	}
	if p.making.v[0] > 0 {
		n := *s
		q := &n.node[j]
		d := p.making
		if m.journalLate {
			d.mark = p.journal
		}
		q.making = coDerived{}
		if m.derived != coAtStore || m.valid(p, &d) {
			q.made = d
		}
		x.add(&n, 0, "%d stores what it has made", at)
		return
	}
	if s.used[coBuilds] == m.max[coBuilds] {
		return
	}
	n := *s
	d := coDerived{deadline: 100, epoch: p.epoch}
	for k := range m.keys {
		c := p.copies[k]
		if c.v == 0 || s.clock >= c.deadline {
			return
		}
		d.v[k], d.till[k], d.inc[k], d.mark[k] = c.v, c.till, c.inc, c.stamp
		if m.derived == coByJournal {
			d.mark[k] = p.journal[k]
		}
		d.epoch = min(d.epoch, c.epoch)
		if k == 0 || !m.deadlineFirst {
			d.deadline = min(d.deadline, c.deadline)
		}
	}
	n.used[coBuilds]++
	n.node[j].making = d
	x.add(&n, 0, "%d makes a value of v%d and v%d", at, d.v[0], d.v[1])
}
