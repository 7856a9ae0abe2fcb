package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// step does what a number below 115 means. Those from 99 on have to do with the replica.
func (s *schedule) step(op int) {
	ctx := context.Background()
	switch {
	case op < 40:
		k := s.draw(len(s.writers))
		if s.writers[k].data != "" && s.draw(4) > 0 {
			k = (k + 1) % len(s.writers) // what a writer has read is often sent late
		}
		s.write(k)
	case op < 58:
		if len(s.readers) < 6 {
			s.read(s.draw(2))
		}
	case op < 84:
		if len(s.readers) > 0 {
			k := s.draw(len(s.readers))
			s.say("reader %d goes on", k)
			if s.goOn(s.readers[k]); s.draw(2) == 0 {
				s.say("to its end")
				s.goOn(s.readers[k])
				s.goOn(s.readers[k])
			}
			s.readers = slices.DeleteFunc(s.readers, (*scheduledReader).hasReturned)
		}
	case op < 88:
		k := s.draw(len(s.writers))
		s.say("W%d is killed", k)
		if in := s.writers[k].intent; in.id != "" {
			s.g.nodes[0].Withdraw(ctx, in) // it would end by itself
		}
		s.writers[k] = scheduledWriter{}
	case op < 91:
		s.say("evicted")
		s.g.nodes[0].redis.client.Del(ctx, s.key)
	case op < 94:
		s.say("FLUSHALL")
		s.g.nodes[0].redis.client.FlushAll(ctx)
	case op < 96:
		if len(s.relay) > 0 {
			s.say("the relay repeats v%d", s.relay[0])
			_ = s.g.nodes[1].Invalidate(ctx, Announcement{}, Invalidation{Kind: rowsOf(s.g.nodes[1]), Key: s.key, Version: s.relay[0]})
			s.relay = s.relay[1:]
		}
	case op < 99:
		if node := s.draw(2); s.draw(2) == 0 {
			s.confirm(node)
		} else {
			s.refresh(node)
		}
	default:
		s.failover(op)
	}
}

// confirm has a node follow the log to its end.
func (s *schedule) confirm(node int) {
	s.say("node %d confirms v%d", node, s.db)
	_ = s.g.nodes[node].Confirm(context.Background(), Invalidation{Kind: rowsOf(s.g.nodes[node]), Key: s.key, Version: s.db})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed[node] = s.db
}

// refresh has a node learn that the row was changed, but not at which version. Between its look at the entry and its read of SQL others may
// go on, and SQL may fail.
func (s *schedule) refresh(node int) {
	changed := s.db
	s.say("node %d refreshes, from v%d", node, changed)
	x, failed := s.g.nodes[node], errors.New("SQL fails")
	err := x.Refresh(context.Background(), rowsOf(x), []string{s.key}, func(context.Context, []string) ([]Value, error) {
		switch s.draw(8) {
		case 0:
			s.say("SQL fails")
			return nil, failed
		case 1, 2, 3:
			s.write(s.draw(len(s.writers)))
		}
		return []Value{{Version: s.db, Data: fmt.Sprint("data", s.db)}}, nil
	})
	if err != nil && err != failed && !errors.Is(err, errNotTaken) {
		s.wrong <- err.Error()
	}
	if number := x.Suspension(); number != 0 { // the server was out of reach for a moment; see TestRefreshWithoutSQLAndRedis
		x.Resume(number)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed[node] = changed
}

// failover is the next step on the way to another primary, if the schedule has a pair of servers.
func (s *schedule) failover(op int) {
	g := s.g
	switch {
	case !s.pair:
	case g.broken:
		s.say("a replica follows")
		g.replica.Follow(g.primary)
		g.broken = false
	case s.cut:
		s.say("failover")
		g.primary, g.replica = g.replica, g.primary
		g.addr.Store(g.primary.Addr())
		g.replica.Disconnect()
		s.cut, g.broken = false, true
	case op == 102 && s.draw(3) == 0:
		s.say("the primary restarts, empty")
		g.primary.Restart()
		g.broken = true
	default:
		// What is written from here is lost.
		s.say("replication is cut")
		g.replica.Promote()
		s.cut = true
	}
}
