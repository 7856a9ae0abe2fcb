package sqldb

import (
	"container/list"
	"context"
	"sync"
	"time"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/reqstats"
)

// A request's statement or transaction needs a slot of its pool. There are fewer slots than connections, so
// that background work finds a connection however many requests there are. Who finds no slot waits in a
// queue; when that is full, or nothing came for so long, it is told to come back: a database that gets more
// than it can do does less and less of it, and the requests that wait longest are those whose clients have
// left.
//
// The first in line are requests that have had a statement before: refusing them throws away what was done
// for them. They cannot crowd out the others, for only those that got a slot become such. The rest take
// turns with subscriptions.

const (
	// queueMost is how many statements may wait, of requests that begin and of those that go on, each. Measured:
	// so many reads by key that come at once are answered in 25 to 60 ms (PostgreSQL 15, two processors,
	// 28 slots), with the requests around them in a quarter of a second. So bursts pass, and under a load that
	// lasts the queue ends about where the wait does.
	queueMost = 1024
	// waitMost is how long a statement of a request waits for a slot: the database's part of half a second.
	waitMost = 400 * time.Millisecond
	// waitForWriter is that for SQLite, whose one writer and few readers are waited for in normal running; it
	// is the database's own busy timeout.
	waitForWriter = 5 * time.Second
	// waitOfPatient is that for subscriptions, of which a tweet may wake thousands at once. Their number is
	// bounded by that of sockets.
	waitOfPatient = 20 * time.Second
	// comeBack is what a refused client is told to wait.
	comeBack = time.Second
)

// slotsOf is how many of a pool's connections requests may hold at once.
func slotsOf(conns int) int {
	switch {
	case conns < 2:
		return 1
	case conns < 4:
		return conns - 1
	default:
		return conns - max(2, conns/8)
	}
}

type classKey struct{}

// class is the queue that a statement waits in.
type class int

const (
	begun class = iota // of a request that has had a statement
	begins
	patient
	classes
	background // waits in none
)

// Background marks work that needs no slot: it is never refused, and finds the connections that requests leave
// free. Whatever does not run for a request counts as such without a mark; it is for what a request does for
// all, or while it holds a slot.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, classKey{}, background)
}

// Patient marks the work of a subscription, which nobody repeats: it waits longer than that of requests.
func Patient(ctx context.Context) context.Context {
	return context.WithValue(ctx, classKey{}, patient)
}

func classOf(ctx context.Context) class {
	if c, ok := ctx.Value(classKey{}).(class); ok {
		return c
	}
	switch stats := reqstats.From(ctx); {
	case stats == nil:
		return background
	case stats.Statements() > 0:
		return begun
	default:
		return begins
	}
}

// limit is the slots of a pool.
type limit struct {
	size, queue int
	wait        [classes]time.Duration

	mu      sync.Mutex
	held    int
	waiting [classes]list.List // of *waiter; empty while slots are free
	turn    bool               // patient was served before begins
	refused [2]int64           // by Refusal
}

// Refusal says why a statement got no slot.
type Refusal int

// Refusals.
const (
	QueueFull Refusal = iota
	WaitedInVain
)

type waiter struct{ granted chan struct{} }

func newLimit(size int, wait time.Duration) *limit {
	return &limit{size: size, queue: queueMost, wait: [classes]time.Duration{wait, wait, max(wait, waitOfPatient)}}
}

// slot is the right to hold a connection. A nil slot is that of background work.
type slot struct {
	of     *limit
	resume func()
	once   sync.Once
}

// release gives the slot to who waits next. All calls but the first do nothing.
func (s *slot) release() {
	if s != nil {
		s.once.Do(func() {
			s.of.release()
			s.resume()
		})
	}
}

// acquire waits for a slot. It fails with UNAVAILABLE when there is none in time, or with the context. Until it is
// released the request does not count as running, see package admission.
func (l *limit) acquire(ctx context.Context) (*slot, error) {
	c := classOf(ctx)
	if c == background {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	resume := admission.FromContext(ctx).Pause()
	if err := l.take(ctx, c); err != nil {
		resume()
		return nil, err
	}
	return &slot{of: l, resume: resume}, nil
}

// take takes a slot, at once or in its turn.
func (l *limit) take(ctx context.Context, c class) error {
	l.mu.Lock()
	if l.held < l.size {
		l.held++
		l.mu.Unlock()
		return nil
	}
	if c != patient && l.waiting[c].Len() >= l.queue {
		l.refused[QueueFull]++
		l.mu.Unlock()
		return busy()
	}
	w := &waiter{make(chan struct{})}
	at := l.waiting[c].PushBack(w)
	l.mu.Unlock()

	timer := time.NewTimer(l.wait[c])
	defer timer.Stop()
	inVain := false
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
		inVain = true
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.granted: // just now; who is about to leave finds out by its context
		return nil
	default:
	}
	l.waiting[c].Remove(at)
	if !inVain {
		return ctx.Err()
	}
	l.refused[WaitedInVain]++
	return busy()
}

func busy() error { return errs.Busy("the database", comeBack) }

func (l *limit) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	order := [classes]class{begun, patient, begins}
	if l.turn {
		order = [classes]class{begun, begins, patient}
	}
	for _, c := range order {
		first := l.waiting[c].Front()
		if first == nil {
			continue
		}
		l.waiting[c].Remove(first)
		if c != begun {
			l.turn = c == patient
		}
		close(first.Value.(*waiter).granted)
		return
	}
	l.held--
}

// Load is how busy the slots of a pool are.
type Load struct {
	// Slots is how many requests may use the pool at once, Held how many do.
	Slots, Held int
	// Waiting is how many statements and transactions wait for a slot.
	Waiting int
	// Refused is how many were refused because too many waited, or because they waited in vain, by Refusal.
	Refused [2]int64
}

func (l *limit) load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := Load{Slots: l.size, Held: l.held, Refused: l.refused}
	for i := range l.waiting {
		load.Waiting += l.waiting[i].Len()
	}
	return load
}

// Loads are the loads of the pools, by the names of Pools.
func (db *DB) Loads() map[string]Load {
	all := map[string]Load{"writer": db.slots.write.load()}
	if db.read != db.write {
		all["reader"] = db.slots.read.load()
	}
	return all
}
