package cache

// What Redis does in the model of the coherent tier, by itself and for writers and readers elsewhere.

// push appends to a connection's FIFO what Redis sends.
func (n *coNode) push(i coItem) {
	for at := range n.fifo {
		if n.fifo[at].what == coNothing {
			n.fifo[at] = i
			return
		}
	}
	panic("the FIFO of the model is too short")
}

// changed is signalModifiedKey: whoever tracks the key gets a push, and tracks it no longer. by is the node whose tracking
// connection has sent the command, or -1.
func (m *coProtocol) changed(s *coWorld, k, by int) {
	for j := range m.nodes {
		n := &s.node[j]
		switch bit := uint8(1) << k; {
		case m.broadcasts && !n.dead:
			n.broadcast |= bit
		case n.tracked&bit != 0:
			n.tracked &^= bit
			if !m.noLoop || by != j {
				n.push(coItem{what: coPush, key: int8(k)})
			}
		}
	}
}

// drop removes a key's data and lease.
func (m *coProtocol) drop(s *coWorld, k, by int) {
	key := &s.keys[k]
	if key.entry.v > 0 {
		key.inc++
	}
	key.entry, key.lowest = coEntry{}, key.db
	m.changed(s, k, by)
}

// invalidate is INVALIDATE. If the server is a replica, the writer has found the primary, which is elsewhere.
func (m *coProtocol) invalidate(s *coWorld, k int, version int8, by int) {
	if !s.elsewhere() && (!s.has(k) || s.keys[k].entry.v < version) {
		m.drop(s, k, by)
	}
}

// redis adds the actions of the server, of writers, and of readers elsewhere.
func (x *coExplorer) redis(s *coWorld) {
	for i := range s.w {
		x.writer(s, i)
	}
	for k := range x.m.keys {
		x.key(s, k)
	}
	x.server(s)
}

func (x *coExplorer) writer(s *coWorld, i int) {
	m, w := x.m, s.w[i]
	n := *s
	k, by := int(w.key), int(w.node)
	if w.pc == coNoWriter {
		if s.used[coCommits] == m.max[coCommits] || i > 0 && s.w[i-1].pc == coNoWriter {
			return
		}
		for k := range m.keys {
			for by := range coNodes {
				if m.foreign && by == 0 {
					continue
				}
				n = *s
				n.used[coCommits]++
				n.w[i] = coWriter{coIntended, int8(k), 0, int8(by)}
				if !m.announced {
					x.commit(&n, i)
					continue
				}
				if !n.elsewhere() {
					m.drop(&n, k, -1)
					n.keys[k].intents |= 1 << i
				}
				x.add(&n, 0, "a writer at %d intends to write %d", int8(by), int8(k))
			}
		}
		return
	}
	switch w.pc {
	case coIntended:
		x.commit(&n, i)
	case coCommitted:
		if s.refused == 1 {
			if by < m.nodes {
				n.node[by].pending[k] = max(n.node[by].pending[k], w.version)
				n.node[by].own[k] = max(n.node[by].own[k], w.version)
			}
			n.w[i] = coWriter{}
			x.add(&n, 0, "the writer at %d gives up invalidating %d at v%d", w.node, w.key, w.version)
			return
		}
		x.update(s, i)
		n.keys[k].intents &^= 1 << i
		if m.noLoop {
			m.invalidate(&n, k, w.version, by)
		} else {
			m.invalidate(&n, k, w.version, -1)
		}
		n.w[i].pc = coInvalid
		if m.noLoop || m.dropsOwn && by < m.nodes {
			x.add(&n, 0, "the writer at %d invalidates %d at v%d", w.node, w.key, w.version)
			return
		}
		x.acknowledge(&n, i)
	case coInvalid:
		x.acknowledge(&n, i)
	}
}

// update adds INVALIDATE with a row that the writer has read in SQL after its commit, perhaps before another one.
func (x *coExplorer) update(s *coWorld, i int) {
	k := int(s.w[i].key)
	if !x.m.updates || s.elsewhere() || !s.has(k) {
		return
	}
	for v := s.w[i].version; v > s.keys[k].entry.v && v <= s.keys[k].db; v++ {
		n := *s
		key := &n.keys[k]
		key.entry.v, key.entry.till = v, x.m.life(s, k)
		key.inc, key.lowest = key.inc+1, key.db // there is no lease
		x.m.changed(&n, k, -1)
		n.w[i].version = v
		x.acknowledge(&n, i)
	}
}

func (x *coExplorer) commit(n *coWorld, i int) {
	w := &n.w[i]
	key := &n.keys[w.key]
	key.db++
	w.pc, w.version = coCommitted, key.db
	n.log[n.written] = w.key + 1
	n.written++
	x.add(n, 0, "a writer at %d commits %d at v%d", w.node, w.key, key.db)
}

func (x *coExplorer) acknowledge(n *coWorld, i int) {
	w := n.w[i]
	n.keys[w.key].acked = max(n.keys[w.key].acked, w.version)
	if j := int(w.node); j < x.m.nodes && (x.m.dropsOwn || x.m.noLoop) {
		x.m.dropOwn(&n.node[j], int(w.key))
	}
	n.w[i] = coWriter{}
	x.add(n, 0, "the write of %d at v%d is acknowledged at %d", w.key, w.version, w.node)
}

// key adds what may happen to one key.
func (x *coExplorer) key(s *coWorld, k int) {
	m, key, bit := x.m, &s.keys[k], int8(k)
	n := *s
	if !s.has(k) && key.intents == 0 && !s.elsewhere() && s.refused != 1 && s.used[coFills] < m.max[coFills] {
		for v := key.lowest; v <= key.db; v++ {
			n = *s
			n.used[coFills]++
			n.keys[k].entry = coEntry{v, s.replid, s.epoch, m.life(s, k)}
			n.keys[k].inc++
			m.changed(&n, k, -1)
			if m.adoptsFills {
				n.node[0].copies[k] = coCopy{v: v, stamp: m.stamp(&n.node[0]), deadline: m.life(s, k), till: m.life(s, k), inc: n.keys[k].inc}
			}
			x.add(&n, 0, "FILL of %d with v%d", bit, v)
		}
	}
	// A read elsewhere. While Redis refuses writes it cannot publish, and what it returned holds nobody to anything.
	n = *s
	switch {
	case s.refused == 1:
	case s.has(k) && !s.elsewhere():
		n.keys[k].served = max(key.served, key.entry.v)
	default:
		n.keys[k].served = key.db
		m.invalidate(&n, k, key.db, -1)
	}
	if n.keys[k].served != key.served {
		x.add(&n, 0, "another reads %d: v%d", bit, n.keys[k].served)
	}
	if key.entry.v > 0 && (s.used[coEvicts] < m.max[coEvicts] || s.clock >= key.entry.till) {
		n = *s
		if s.clock < key.entry.till {
			n.used[coEvicts]++
		}
		m.drop(&n, k, -1)
		n.keys[k].intents = 0
		x.add(&n, 0, "EVICTED or expired: %d", bit)
	}
	if s.used[coEvicts] < m.max[coEvicts] {
		n = *s
		n.used[coEvicts]++
		m.changed(&n, k, -1)
		x.add(&n, 0, "the tracking table is full: %d is pushed", bit)
	}
}

// server adds what may happen to the server and to its connections.
func (x *coExplorer) server(s *coWorld) {
	m := x.m
	can := func(counter int) (coWorld, bool) {
		n := *s
		n.used[counter]++
		return n, s.used[counter] < m.max[counter]
	}
	if n, ok := can(coFlushes); ok && s.refused != 1 {
		for k := range m.keys {
			m.drop(&n, k, -1)
			n.keys[k].intents = 0
		}
		for j := range m.nodes {
			if p := &n.node[j]; !p.dead {
				p.tracked = 0
				p.push(coItem{what: coPushAll})
			}
		}
		x.add(&n, 0, "FLUSHALL")
	}
	if n, ok := can(coSwaps); ok {
		for k := range m.keys {
			if n.keys[k].entry.v > 0 {
				n.keys[k].inc++
			}
			n.keys[k].entry, n.keys[k].lowest, n.keys[k].intents = coEntry{}, n.keys[k].db, 0
		}
		x.add(&n, 0, "SWAPDB")
	}
	if n, ok := can(coDemotes); ok && !s.replica {
		n.replica = true
		x.add(&n, 0, "DEMOTED")
	}
	if s.replica {
		n := *s
		n.replica = false
		n.replid++
		for k := range m.keys { // leases and intents of the former epoch count as absent
			n.keys[k].lowest, n.keys[k].intents = n.keys[k].db, 0
			n.keys[k].inc++
		}
		x.add(&n, 0, "PROMOTED")
	}
	if n, ok := can(coRestores); ok {
		n.epoch++
		x.add(&n, 0, "the database is RESTORED: epoch %d", n.epoch)
	}
	if n, ok := can(coSplits); ok && !s.elsewhere() {
		n.former = true
		x.add(&n, 0, "others use ANOTHER PRIMARY")
	}
	if n, ok := can(coTicks); ok {
		n.clock++
		x.add(&n, 0, "it is %d o'clock", n.clock)
	}
	if n, ok := can(coRefusals); ok && s.refused == 0 {
		n.refused = 1
		x.add(&n, 0, "REFUSES WRITES")
	}
	if s.refused == 1 {
		n := *s
		n.refused = 2
		x.add(&n, 0, "TAKES WRITES")
	}
	for j := range m.nodes {
		if n, ok := can(coKills); ok && !s.node[j].dead {
			p := &n.node[j]
			p.dead, p.tracked, p.broadcast = true, 0, 0
			x.add(&n, 0, "the connection of %d is KILLED", int8(j))
		}
		if s.node[j].broadcast != 0 {
			n := *s
			p := &n.node[j]
			for k := range m.keys {
				if p.broadcast&(1<<k) != 0 {
					p.push(coItem{what: coPush, key: int8(k)})
				}
			}
			p.broadcast = 0
			x.add(&n, 0, "the broadcast reaches the connection of %d", int8(j))
		}
	}
}

// execute adds the next command of a node's pipeline.
func (x *coExplorer) execute(s *coWorld, j int) {
	m, pipe := x.m, s.node[j].pipe
	if s.node[j].dead || pipe.stage == 0 || pipe.stage == 2 && pipe.left == 0 {
		return
	}
	n := *s
	p := &n.node[j]
	if pipe.stage == 1 {
		answer := coItem{what: coAnswer, v: 1, fence: s.replid}
		if s.replica {
			answer.v = 0
		}
		p.push(answer)
		p.pipe.stage = 2
		if p.r.pc == coSent {
			for k := range m.keys {
				p.r.counts[k] = s.keys[k].inc
			}
		}
		x.add(&n, 0, "Redis executes the barrier of %d", int8(j))
		return
	}
	for k := range m.keys {
		bit := uint8(1) << k
		if pipe.left&bit == 0 {
			continue
		}
		e := s.keys[k].entry
		row := coItem{what: coRowReply, key: int8(k), inc: s.keys[k].inc}
		if s.clock < e.till && e.v > 0 {
			row.v, row.fence, row.till, row.left = e.v, e.fence, e.till, e.till-s.clock
			row.epoch = e.epoch
		}
		p.push(row)
		if e.v > 0 && row.v == 0 && !s.replica { // its life has ended, and Redis notices
			m.drop(&n, k, -1)
		}
		if pipe.exempt&bit == 0 && !m.broadcasts {
			p.tracked |= bit
		}
		p.pipe.left &^= bit
		x.add(&n, 0, "Redis reads %d for %d: v%d", int8(k), int8(j), row.v)
		return
	}
}
