package transport

import (
	"context"
	"sync"
	"time"

	"roost/internal/lifecycle"
)

// drainSlices is the number of groups in which connections are closed, so that their clients do not all reconnect to other nodes
// at the same moment. Fewer connections than that are closed at once.
const drainSlices = 20

// drainEach is the least time that a drain takes for each connection. Every client that reconnects asks the next node for the events
// that it has missed.
const drainEach = time.Millisecond

// Drain refuses new connections and closes open ones with 1012, which asks clients to reconnect; streams end without `complete`, which
// asks the same. It does so in slices over
// DrainOver, or longer for thousands of connections, but takes at most half the time that ctx leaves. The queries and mutations of
// each connection have DrainGrace to end. When ctx ends, the remaining connections are cut off. Afterwards no connection is open.
// If any had to be cut off, Drain returns the error of ctx.
func (s *Socket) Drain(ctx context.Context) error {
	conns, empty := s.beginDrain()
	over := max(s.cfg.DrainOver, time.Duration(len(conns))*drainEach)
	if deadline, ok := ctx.Deadline(); ok {
		over = max(0, min(over, time.Until(deadline)/2))
	}
	var retiring sync.WaitGroup
	size := (len(conns) + drainSlices - 1) / drainSlices
	for start := 0; start < len(conns); start += max(size, drainSlices) {
		if start > 0 {
			if lifecycle.Pause(ctx, nil, over/drainSlices); ctx.Err() != nil {
				break
			}
		}
		for _, c := range conns[start:min(len(conns), start+max(size, drainSlices))] {
			retiring.Go(func() { c.retire(closeRestart, "Service restart", s.cfg.DrainGrace, false) })
		}
	}
	var err error
	select {
	case <-empty:
	case <-ctx.Done():
		err = ctx.Err()
		for _, c := range conns {
			c.cut()
		}
	}
	retiring.Wait()
	return err
}

// Refuse refuses new connections from now on. Drain begins with it.
func (s *Socket) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

func (s *Socket) beginDrain() ([]*conn, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	empty := make(chan struct{})
	if s.pending == 0 {
		close(empty)
	} else if s.empty == nil {
		s.empty = empty
	} else {
		empty = s.empty
	}
	return conns, empty
}
