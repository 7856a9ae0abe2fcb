package transport

import (
	"context"
	"sync"
	"time"

	"roost/internal/lifecycle"
)

// drainSlices is the number of parts in which connections are closed, so that their clients do not all
// come back elsewhere in the same moment; fewer connections than that are closed at once.
const drainSlices = 20

// drainEach is the least time for each connection of a drain: where they all come back, each asks for what
// it missed.
const drainEach = time.Millisecond

// Drain refuses new connections and closes those that are open with 1012, which means: come back. It does
// so in slices over DrainOver, longer for thousands of connections, but at most half the time that ctx
// leaves; each connection's queries and mutations may end within DrainGrace. When ctx ends, what is left is
// cut off. Afterwards no connection is open; the error is that of ctx if any had to be cut.
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
