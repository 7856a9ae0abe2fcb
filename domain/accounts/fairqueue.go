package accounts

import (
	"container/list"
	"context"
	"sync"
	"time"

	"roost/internal/admission"
	"roost/internal/errs"
)

const (
	// queueTimeout is how long an attempt waits for a permit.
	queueTimeout = 10 * time.Second
	// queueRetryAfter is when a caller may come back after the queue has refused it.
	queueRetryAfter = time.Second
)

// origin identifies the two parties that an attempt is charged to.
type origin struct {
	// address is an IPv4 address or an IPv6 network; empty if there is none.
	address string
	// account is the name that the caller uses for the account, which need not exist.
	account string
}

// The two rotations of a fairQueue.
const (
	byAddress = iota
	byAccount
	rotations
)

// fairQueue limits how many attempts hash passwords at once, and decides which of the waiting ones is next: it serves
// addresses and accounts alternately, each in round-robin order, and the attempts of one address or account in the order
// of their arrival. A flood from one address therefore does not delay other addresses, whichever accounts it tries, and a
// flood of many addresses against one account does not delay other accounts.
//
// At most maxPerAddress attempts of one address wait; further ones get RATE_LIMITED. At most maxWaiting attempts wait in
// all; then the newest attempt of the longest flow is turned away with UNAVAILABLE in favour of a shorter flow, and an
// attempt that finds no longer flow gets UNAVAILABLE itself.
type fairQueue struct {
	maxWaiting, maxPerAddress int

	mu       sync.Mutex
	free     int // permits
	waiting  int
	rotation [rotations]rotation
	next     int // the rotation to serve next
	refused  struct{ perAddress, full int64 }
}

// waiter is an attempt that waits for a permit.
type waiter struct {
	flow [rotations]*flow
	at   [rotations]*list.Element // in the flows
	// done is closed when the waiter has got a permit. It is also closed, with turnedAway set, when the waiter has lost its place.
	done       chan struct{}
	turnedAway bool
}

// flow contains the waiters of one address or of one account, oldest first.
type flow struct {
	key     string
	waiters list.List
	at      *list.Element // in the rotation
}

// rotation contains the flows of one kind, the one to serve next first.
type rotation struct {
	flows map[string]*flow
	order list.List
}

func newFairQueue(permits, maxWaiting, maxPerAddress int) *fairQueue {
	q := &fairQueue{maxWaiting: maxWaiting, maxPerAddress: maxPerAddress, free: permits}
	for i := range q.rotation {
		q.rotation[i].flows = map[string]*flow{}
	}
	return q
}

// acquire waits for a permit; call release when it is no longer needed. The error is RATE_LIMITED, UNAVAILABLE, or the
// context's. The request does not count as running while it waits; see package admission.
func (q *fairQueue) acquire(ctx context.Context, from origin) (release func(), err error) {
	q.mu.Lock()
	if q.free > 0 { // then nothing waits
		q.free--
		q.mu.Unlock()
		return q.release, nil
	}
	w, err := q.enqueue(from)
	q.mu.Unlock()
	if err != nil {
		return nil, err
	}

	defer admission.FromContext(ctx).Pause()()
	timer := time.NewTimer(queueTimeout)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
		err = errs.Busy("sign-in", queueRetryAfter)
	case <-ctx.Done():
		err = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-w.done: // possibly after the timeout
		if w.turnedAway {
			return nil, errs.Busy("sign-in", queueRetryAfter)
		}
		return q.release, nil
	default:
		q.remove(w)
		return nil, err
	}
}

// enqueue appends a waiter to its two flows, unless a bound is reached.
func (q *fairQueue) enqueue(from origin) (*waiter, error) {
	keys := [rotations]string{byAddress: from.address, byAccount: from.account}
	if q.rotation[byAddress].length(from.address) >= q.maxPerAddress {
		q.refused.perAddress++
		return nil, &errs.Error{Kind: errs.RateLimited, Message: "too many attempts to sign in wait from this address, try again",
			RetryAfter: queueRetryAfter}
	}
	if q.waiting >= q.maxWaiting && !q.makeRoom(keys) {
		q.refused.full++
		return nil, errs.Busy("sign-in", queueRetryAfter)
	}
	w := &waiter{done: make(chan struct{})}
	for i, key := range keys {
		r := &q.rotation[i]
		f := r.flows[key]
		if f == nil {
			f = &flow{key: key}
			f.at = r.order.PushBack(f)
			r.flows[key] = f
		}
		w.flow[i], w.at[i] = f, f.waiters.PushBack(w)
	}
	q.waiting++
	return w, nil
}

// makeRoom turns away the newest waiter of the longest flow if that flow stays longer than the newcomer's.
func (q *fairQueue) makeRoom(keys [rotations]string) bool {
	for i, key := range keys {
		var longest *flow
		for _, f := range q.rotation[i].flows {
			if longest == nil || f.waiters.Len() > longest.waiters.Len() {
				longest = f
			}
		}
		if longest == nil || longest.waiters.Len() < q.rotation[i].length(key)+2 {
			continue
		}
		w := longest.waiters.Back().Value.(*waiter)
		q.remove(w)
		w.turnedAway = true
		close(w.done)
		q.refused.full++
		return true
	}
	return false
}

// length returns the number of waiters in a flow.
func (r *rotation) length(key string) int {
	if f := r.flows[key]; f != nil {
		return f.waiters.Len()
	}
	return 0
}

// remove removes a waiter from its flows, and drops a flow that has become empty.
func (q *fairQueue) remove(w *waiter) {
	for i, f := range w.flow {
		f.waiters.Remove(w.at[i])
		if f.waiters.Len() == 0 {
			q.rotation[i].order.Remove(f.at)
			delete(q.rotation[i].flows, f.key)
		}
	}
	q.waiting--
}

// release passes the permit to the next waiter.
func (q *fairQueue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == 0 {
		q.free++
		return
	}
	r := &q.rotation[q.next]
	q.next = (q.next + 1) % rotations
	first := r.order.Front()
	r.order.MoveToBack(first)
	w := first.Value.(*flow).waiters.Front().Value.(*waiter)
	q.remove(w)
	close(w.done)
}

// queueStats are how many attempts wait, and how many were refused because their address or the whole queue had too many.
type queueStats struct {
	waiting                 int
	refusedAddress, refused int64
}

func (q *fairQueue) stats() queueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return queueStats{q.waiting, q.refused.perAddress, q.refused.full}
}
