package admission

import (
	"container/list"
	"net/netip"
)

// queue holds the waiting requests, in one line for each network. The lines take turns.
type queue struct {
	len      int
	networks map[netip.Prefix]*line
	turns    list.List // of *line, the next one in front
}

// line holds the waiting requests of one network, the first in front.
type line struct {
	network netip.Prefix
	waiters list.List // of *waiter
	at      *list.Element
}

type waiter struct {
	admitted chan struct{} // closed when it is let in
	line     *line
	at       *list.Element // nil when it does not wait any more
}

// of returns how many requests of a network wait.
func (q *queue) of(network netip.Prefix) int {
	if l := q.networks[network]; l != nil {
		return l.waiters.Len()
	}
	return 0
}

func (q *queue) push(network netip.Prefix) *waiter {
	l := q.networks[network]
	if l == nil {
		l = &line{network: network}
		l.at = q.turns.PushBack(l)
		q.networks[network] = l
	}
	w := &waiter{admitted: make(chan struct{}), line: l}
	w.at = l.waiters.PushBack(w)
	q.len++
	return w
}

// pop removes and returns the next waiting request; nil if there is none.
func (q *queue) pop() *waiter {
	front := q.turns.Front()
	if front == nil {
		return nil
	}
	l := front.Value.(*line)
	w := l.waiters.Front().Value.(*waiter)
	q.turns.MoveToBack(front)
	q.remove(w)
	return w
}

func (q *queue) remove(w *waiter) {
	l := w.line
	l.waiters.Remove(w.at)
	w.at = nil
	q.len--
	if l.waiters.Len() == 0 {
		q.turns.Remove(l.at)
		delete(q.networks, l.network)
	}
}
