package cache

import "context"

// step does what a number below 115 means. Those from 99 on have to do with the replica.
func (s *schedule) step(op int) {
	ctx := context.Background()
	switch {
	case op < 40:
		s.write(s.draw(len(s.writers)))
	case op < 58:
		if len(s.readers) < 6 {
			s.read(s.draw(2))
		}
	case op < 84:
		if len(s.readers) > 0 {
			k := s.draw(len(s.readers))
			s.say("reader %d goes on", k)
			s.goOn(s.readers[k])
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
		s.confirm(s.draw(2))
	default:
		s.failover(op)
	}
}

// confirm has a node follow the log to its end.
func (s *schedule) confirm(node int) {
	s.say("node %d confirms v%d", node, s.db)
	s.g.nodes[node].Confirm(context.Background(), Invalidation{Kind: rowsOf(s.g.nodes[node]), Key: s.key, Version: s.db})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed[node] = s.db
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
