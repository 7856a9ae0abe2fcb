package accounts

import (
	"container/list"
	"context"
	"sync"
	"time"

	"roost/internal/errs"
)

// Whoever wants a password hashed waits for a turn. There are fewer turns than processors, so hashing never takes those
// that other requests run on. Turns go round: one to the next address that waits, one to the next account, each in the
// order in which its tries came. So many tries from one address do not delay the others, whichever accounts they are
// for, and many addresses that try one account do not delay the other accounts.

const (
	// turnTimeout is how long somebody waits for a turn.
	turnTimeout = 10 * time.Second
	// turnRetryAfter is when to come back after a refusal because too many wait.
	turnRetryAfter = time.Second
)

// origin is on whose account, in both senses, a turn is taken.
type origin struct {
	// address is an IPv4 address or an IPv6 network, empty if there is none.
	address string
	// account is what the caller calls the account, which need not exist.
	account string
}

// The two orders in which turns go round.
const (
	byAddress = iota
	byAccount
	orders
)

// turns hands out turns. At most maxWaiting wait in all: beyond it the newest of whoever has most waiting makes room for
// one who has fewer, and gets UNAVAILABLE. At most maxEach of one address wait: beyond it RATE_LIMITED.
type turns struct {
	maxWaiting, maxEach int

	mu      sync.Mutex
	free    int
	waiting int
	round   [orders]round
	next    int // which order is next
	refused struct{ each, all int64 }
}

func newTurns(parallel, maxWaiting, maxEach int) *turns {
	t := &turns{maxWaiting: maxWaiting, maxEach: maxEach, free: parallel}
	for i := range t.round {
		t.round[i] = round{lines: map[string]*line{}}
	}
	return t
}

// ticket is one that waits.
type ticket struct {
	of [orders]*line
	at [orders]*list.Element // in its lines
	// called is closed when its turn has come, or, with turnedAway, when it makes room for another.
	called     chan struct{}
	turnedAway bool
}

// line holds the tickets of one address or account, the oldest first.
type line struct {
	key     string
	tickets list.List
	at      *list.Element // in its round
}

// round is the lines of one order, the next to be served first.
type round struct {
	lines map[string]*line
	order list.List
}

// take waits for a turn; leave ends it. The error is RATE_LIMITED or UNAVAILABLE, or that of the context.
func (t *turns) take(ctx context.Context, who origin) (leave func(), err error) {
	t.mu.Lock()
	if t.free > 0 { // then nobody waits
		t.free--
		t.mu.Unlock()
		return t.leave, nil
	}
	mine, err := t.line(who)
	if err != nil {
		t.mu.Unlock()
		return nil, err
	}
	t.mu.Unlock()

	timer := time.NewTimer(turnTimeout)
	defer timer.Stop()
	select {
	case <-mine.called:
	case <-timer.C:
		err = errs.Busy("sign-in", turnRetryAfter)
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine.called: // perhaps just now
		if mine.turnedAway {
			return nil, errs.Busy("sign-in", turnRetryAfter)
		}
		return t.leave, nil
	default:
		t.remove(mine)
		return nil, err
	}
}

// line puts one at the end of its lines, if there is room.
func (t *turns) line(who origin) (*ticket, error) {
	keys := [orders]string{byAddress: who.address, byAccount: who.account}
	if t.round[byAddress].waiting(who.address) >= t.maxEach {
		t.refused.each++
		return nil, &errs.Error{Kind: errs.RateLimited, Message: "too many wait to sign in from this address, try again", RetryAfter: turnRetryAfter}
	}
	if t.waiting >= t.maxWaiting && !t.makeRoom(keys) {
		t.refused.all++
		return nil, errs.Busy("sign-in", turnRetryAfter)
	}
	mine := &ticket{called: make(chan struct{})}
	for i, key := range keys {
		r := &t.round[i]
		l := r.lines[key]
		if l == nil {
			l = &line{key: key}
			l.at = r.order.PushBack(l)
			r.lines[key] = l
		}
		mine.of[i], mine.at[i] = l, l.tickets.PushBack(mine)
	}
	t.waiting++
	return mine, nil
}

// makeRoom turns the newest away of the longest line that stays longer than the newcomer's.
func (t *turns) makeRoom(keys [orders]string) bool {
	for i, key := range keys {
		var longest *line
		for _, l := range t.round[i].lines {
			if longest == nil || l.tickets.Len() > longest.tickets.Len() {
				longest = l
			}
		}
		if longest == nil || longest.tickets.Len() < t.round[i].waiting(key)+2 {
			continue
		}
		away := longest.tickets.Back().Value.(*ticket)
		t.remove(away)
		away.turnedAway = true
		close(away.called)
		t.refused.all++
		return true
	}
	return false
}

func (r *round) waiting(key string) int {
	if l := r.lines[key]; l != nil {
		return l.tickets.Len()
	}
	return 0
}

// remove takes a ticket out of its lines.
func (t *turns) remove(mine *ticket) {
	for i, l := range mine.of {
		l.tickets.Remove(mine.at[i])
		if l.tickets.Len() == 0 {
			t.round[i].order.Remove(l.at)
			delete(t.round[i].lines, l.key)
		}
	}
	t.waiting--
}

// leave gives the turn to who is next.
func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == 0 {
		t.free++
		return
	}
	r := &t.round[t.next]
	t.next = (t.next + 1) % orders
	first := r.order.Front()
	r.order.MoveToBack(first)
	mine := first.Value.(*line).tickets.Front().Value.(*ticket)
	t.remove(mine)
	close(mine.called)
}

// turnsLoad is how many wait for a turn, and how many were refused because their address or all had too many waiting.
type turnsLoad struct {
	waiting                 int
	refusedEach, refusedAll int64
}

func (t *turns) load() turnsLoad {
	t.mu.Lock()
	defer t.mu.Unlock()
	return turnsLoad{t.waiting, t.refused.each, t.refused.all}
}
