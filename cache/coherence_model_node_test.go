package cache

// What a node with copies does in the model of the coherent tier.

// stamp returns a number that no copy of the node has had.
func (m *coProtocol) stamp(p *coNode) int8 {
	if m.derived == coNone {
		return 0
	}
	p.stamp++
	return p.stamp
}

// lose removes a copy, and what is derived of it.
func (m *coProtocol) lose(p *coNode, k int, pushed bool) {
	if held := p.copies[k].v > 0; m.derived == coByJournal && (pushed && held || !m.journalHeld && (pushed || held)) {
		p.journal[k]++
	}
	p.copies[k] = coCopy{}
	if m.derived == coAtStore || m.derived == coUnchecked {
		p.made = coDerived{}
	}
}

// loseAll removes all copies of the server.
func (m *coProtocol) loseAll(p *coNode) {
	for k := range m.keys {
		m.lose(p, k, true)
	}
	p.made = coDerived{}
}

// dropOwn removes a copy when Redis has taken the node's own invalidation.
func (m *coProtocol) dropOwn(p *coNode, k int) {
	m.lose(p, k, true)
	p.pipe.pushed |= 1 << k
}

// loop adds what a node does on its tracking connection.
func (x *coExplorer) loop(s *coWorld, j int) {
	m, p, at := x.m, &s.node[j], int8(j)
	if p.left {
		return
	}
	if p.pipe.stage == 0 && !p.dead && s.used[coSends] < m.max[coSends] {
		x.send(s, j)
	}
	x.execute(s, j)
	if p.fifo[0].what != coNothing {
		n := *s
		q := &n.node[j]
		copy(q.fifo[:], p.fifo[1:])
		q.fifo[coFIFO-1] = coItem{}
		x.handle(&n, j, p.fifo[0])
	}
	if p.pipe.complete {
		n := *s
		q := &n.node[j]
		for k := range m.keys {
			if p.pipe.asked&(1<<k) != 0 && !m.inStream {
				m.adopt(&n, q, k)
			}
		}
		q.pipe, q.r.batch = coPipe{}, false
		x.add(&n, 0, "%d adopts", at)
	}
	if p.dead {
		n := *s
		q := &n.node[j]
		q.dead, q.fifo = false, [coFIFO]coItem{}
		q.gen++
		if m.stampsAgain {
			q.stamp = 0
		}
		if !m.keepsCopies {
			m.loseAll(q)
		}
		if !p.pipe.complete {
			q.pipe, q.r.batch = coPipe{}, false
			if q.r.pc == coSent {
				q.r = coReader{}
			}
		}
		x.add(&n, 0, "%d has a new connection", at)
	}
}

// send adds the pipelines that a node may send: a barrier, and reads of some of the keys that it has no copies of.
func (x *coExplorer) send(s *coWorld, j int) {
	m, p := x.m, &s.node[j]
	for asked := range uint8(1 << m.keys) {
		missing := true
		for k := range m.keys {
			missing = missing && (asked&(1<<k) == 0 || p.copies[k].v == 0 || s.clock >= p.copies[k].deadline)
		}
		if !missing {
			continue
		}
		n := *s
		q := &n.node[j]
		n.used[coSends]++
		q.pipe = coPipe{stage: 1, gen: p.gen, sentAt: s.clock, asked: asked, left: asked, await: asked}
		if q.r.pc == coWaits {
			q.r.pc = coSent
		}
		x.add(&n, 0, "%d sends a barrier and reads of keys %02b", int8(j), int8(asked))
		if asked != 0 && s.used[coExempt] < m.max[coExempt] {
			n.used[coExempt]++
			q.pipe.exempt = asked
			x.add(&n, 0, "%d sends a barrier and reads of keys %02b, untracked", int8(j), int8(asked))
		}
	}
}

// handle adds what a node does with the next item of its connection, which n no longer has.
func (x *coExplorer) handle(n *coWorld, j int, i coItem) {
	m, p, at := x.m, &n.node[j], int8(j)
	switch i.what {
	case coPush:
		m.lose(p, int(i.key), true)
		if p.pipe.stage > 0 {
			p.pipe.pushed |= 1 << i.key
		}
		x.add(n, 0, "%d drops %d", at, i.key)
	case coPushAll:
		m.loseAll(p)
		if p.pipe.stage > 0 {
			p.pipe.pushed = 1<<m.keys - 1
		}
		x.add(n, 0, "%d drops all", at)
	case coAnswer:
		p.pipe.answered, p.pipe.primary, p.pipe.fence = true, i.v == 1 || m.noRole, i.fence
		p.pipe.complete = p.pipe.await == 0
		if !p.pipe.primary {
			if p.r.pc == coSent {
				p.r = coReader{}
			}
			x.add(n, 0, "%d is at a replica", at)
			return
		}
		if p.fence != i.fence && !m.noFence {
			m.loseAll(p)
		}
		p.fence = i.fence
		if p.r.pc == coSent {
			p.r.pc, p.r.batch = coReady, true
		}
		x.add(n, 0, "the barrier of %d is answered", at)
	case coRowReply:
		k := int(i.key)
		p.pipe.rows[k] = i
		p.pipe.await &^= 1 << k
		var broken uint8
		if p.r.batch && p.r.pc == coReady && i.v > 0 && i.fence == p.pipe.fence && i.epoch == p.epoch && p.r.pending&(1<<k) == 0 {
			broken = m.check(n, &p.r, k, i.v, i.till, i.inc, i.epoch) &^ (1 << coDeadline) // Redis has answered in time
		}
		if m.inStream {
			m.adopt(n, p, k)
		}
		p.pipe.complete = p.pipe.await == 0
		x.add(n, broken, "%d gets %d: v%d", at, i.key, i.v)
	}
}

// adopt makes a row of the node's pipeline a copy.
func (m *coProtocol) adopt(n *coWorld, p *coNode, k int) {
	pipe, row := &p.pipe, p.pipe.rows[k]
	bit := uint8(1) << k
	pushed := pipe.pushed&bit != 0 && !m.adoptsPushed && !m.inStream || m.dropsOwn && pipe.pushed&bit != 0
	switch {
	case row.v == 0, !pipe.primary, row.fence != pipe.fence, pushed:
	case row.epoch != p.epoch && !m.adoptsEpoch:
	case pipe.gen != p.gen && !m.adoptsFormer:
	case pipe.exempt&bit != 0 && !m.adoptsExempt:
	default:
		deadline := pipe.sentAt + row.left
		if m.deadlineLate {
			deadline = n.clock + row.left
		}
		p.copies[k] = coCopy{v: row.v, stamp: m.stamp(p), deadline: deadline, epoch: row.epoch, till: row.till, inc: row.inc}
	}
}

// tail adds what a node does about the log and about invalidations that Redis has not taken.
func (x *coExplorer) tail(s *coWorld, j int) {
	m, p, at := x.m, &s.node[j], int8(j)
	if m.tails && p.position < s.written {
		n := *s
		q := &n.node[j]
		k := int(s.log[p.position] - 1)
		q.position++
		version := s.at(k, q.position)
		if s.refused == 1 && s.has(k) && s.keys[k].entry.v < version {
			q.pending[k] = max(q.pending[k], version)
		} else if !s.has(k) {
			n.keys[k].lowest = s.keys[k].db // a look finds neither data nor lease
		} else {
			m.invalidate(&n, k, version, -1)
		}
		x.add(&n, 0, "%d has confirmed %d at v%d, and is there", at, int8(k), version)
	}
	if s.former && !p.moved {
		n := *s
		q := &n.node[j]
		q.moved = true
		if !m.staysBehind { // its next tracking connection leads to the other primary, too, which the model does not have
			m.loseAll(q)
			q.left, q.pipe, q.fifo, q.r.batch = true, coPipe{}, [coFIFO]coItem{}, false
			if q.r.pc == coSent {
				q.r = coReader{}
			}
		}
		x.add(&n, 0, "%d writes and reads at the other primary", at)
	}
	if p.epoch < s.epoch {
		n := *s
		q := &n.node[j]
		if q.epoch = s.epoch; !m.keepsEpoch {
			m.loseAll(q)
		}
		x.add(&n, 0, "%d notices epoch %d", at, s.epoch)
	}
	for k := range m.keys {
		bit := uint8(1) << k
		n := *s
		q := &n.node[j]
		switch {
		case p.taken&bit != 0:
			q.taken &^= bit
			q.pending[k] = 0
			if m.dropsOwn {
				m.dropOwn(q, k)
			}
			x.add(&n, 0, "%d forgets the pending invalidation of %d", at, int8(k))
		case p.pending[k] > 0 && s.refused != 1:
			q.taken |= bit
			m.invalidate(&n, k, p.pending[k], -1)
			x.add(&n, 0, "Redis takes the pending invalidation of %d from %d", int8(k), at)
		}
	}
}
