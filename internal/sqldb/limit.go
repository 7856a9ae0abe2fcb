package sqldb

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/reqstats"
)

// A statement or transaction of a request needs a permit of its pool. There are fewer permits than connections, so
// that background work finds a connection however many requests there are. A statement that finds no free permit waits
// in a queue. It is refused, with a time to come back, when the queue is full or no permit came in time: an overloaded
// database does less and less work, and the requests that wait longest are those whose clients have left.
//
// Requests that have run a statement before are first in line, because refusing them would waste the work done for them. They
// cannot crowd out the others, because a request joins them only after it has got a permit. All other requests take turns with
// subscriptions.

const (
	// maxQueue is how many statements may wait in each of two queues: of requests that begin, and of requests that have run a
	// statement before. Measured (PostgreSQL 15, two processors, 28 permits): as many reads by key that arrive at once are
	// answered in 25 to 60 ms, together with the requests around them in a quarter of a second. So bursts pass, and under a
	// lasting load a queue is full at about the time when its first statement has waited for too long.
	maxQueue = 1024
	// maxWait is how long a statement of a request waits for a permit. It is the database's share of the half second that a
	// request may wait.
	maxWait = 400 * time.Millisecond
	// maxWaitForWriter is maxWait for SQLite, where waiting for the one writer and the few readers is normal. It equals
	// SQLite's own busy timeout.
	maxWaitForWriter = 5 * time.Second
	// maxWaitOfPatient is maxWait for subscriptions. One tweet may wake thousands of them at once. The limit of sockets bounds
	// their number.
	maxWaitOfPatient = 20 * time.Second
	// maxStall is how long a request waits while not one permit comes back, because the database answers nothing at all: it was
	// stopped, or its host is away. From then on requests are refused at once, until a permit comes back.
	maxStall = 100 * time.Millisecond
	// stallPermits is the smallest pool in which such a silence means that. With fewer permits a few slow statements are enough: with 16
	// that take 160 ms each, a permit comes back each 10 ms.
	stallPermits = 16
	// comeBack is how long a refused client should wait before it tries again.
	comeBack = time.Second
)

// permitsOf returns how many of a pool's connections requests may hold at once. Where there is room, three are left: while the table
// of tweets is locked, the consumer group of searches and a background read of tweets may both wait for it, and the log goes on.
func permitsOf(conns int) int {
	switch {
	case conns < 2:
		return 1
	case conns < 4:
		return conns - 1
	case conns < 8:
		return conns - 2
	default:
		return conns - max(3, conns/8)
	}
}

type classKey struct{}

// class is the queue in which a statement waits.
type class int

const (
	begun class = iota // of a request that has had a statement
	begins
	patient
	classes
	background // waits in none
)

// Background marks work that needs no permit. Such work is never refused, and uses the connections that requests leave free.
// Work outside of a request needs no mark. The mark is for work that a request does on behalf of others as well, or while it
// holds a permit.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, classKey{}, background)
}

// Patient marks the work of a subscription, which waits up to 20 s for a permit, because no client repeats it.
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

// limit holds the permits of a pool.
type limit struct {
	size, queue int
	wait        [classes]time.Duration
	stall       time.Duration // maxStall, or 0 where a long silence is normal

	mu      sync.Mutex
	held    int
	waiting [classes]list.List // of *waiter; empty while permits are free
	turn    bool               // patient was served before begins
	stalled bool               // no permit came back for the time of stall
	refused [refusals]int64    // by Refusal

	returns atomic.Uint64 // how many permits came back; written under mu
}

// Refusal is the reason why a statement got no permit.
type Refusal int

const (
	// QueueFull refuses a statement at once, because too many wait already.
	QueueFull Refusal = iota
	// WaitedInVain refuses a statement for which no permit came in time.
	WaitedInVain
	// Stalled refuses a statement because no permit comes back at all.
	Stalled
	refusals
)

type waiter struct{ granted chan struct{} }

func newLimit(size int, wait time.Duration) *limit {
	return &limit{size: size, queue: maxQueue, wait: [classes]time.Duration{wait, wait, max(wait, maxWaitOfPatient)}}
}

// stallOf returns the time of stall of a pool with so many permits; 0 is none.
func stallOf(permits int) time.Duration {
	if permits < stallPermits {
		return 0
	}
	return maxStall
}

// permit is the right to hold a connection. Background work has a nil permit.
type permit struct {
	of     *limit
	resume func()
	once   sync.Once
}

// release passes the permit on to the next statement in line. All calls but the first do nothing.
func (s *permit) release() {
	if s != nil {
		s.once.Do(func() {
			s.of.release()
			s.resume()
		})
	}
}

// acquire waits for a permit. It fails with UNAVAILABLE when none comes in time, or with the context's error. Until the
// permit is released the request does not count as running, see package admission.
func (l *limit) acquire(ctx context.Context) (*permit, error) {
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
	return &permit{of: l, resume: resume}, nil
}

// take takes a permit, at once or in its turn.
func (l *limit) take(ctx context.Context, c class) error {
	l.mu.Lock()
	if l.held < l.size {
		l.held++
		l.mu.Unlock()
		return nil
	}
	if why := l.refusal(c); why != refusals {
		l.refused[why]++
		l.mu.Unlock()
		return busy()
	}
	w := &waiter{make(chan struct{})}
	at := l.waiting[c].PushBack(w)
	l.mu.Unlock()

	why := l.await(ctx, c, w)
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.granted: // just now; who is about to leave finds out by its context
		return nil
	default:
	}
	l.waiting[c].Remove(at)
	if why == refusals {
		return ctx.Err()
	}
	l.refused[why]++
	return busy()
}

// refusal returns why a statement is refused at once, refusals if it is not. The caller holds the lock.
func (l *limit) refusal(c class) Refusal {
	switch {
	case c == patient:
		return refusals
	case l.stalled:
		return Stalled
	case l.waiting[c].Len() >= l.queue:
		return QueueFull
	}
	return refusals
}

// await waits until the waiter is granted a permit, the context ends, or no permit came in time. It returns refusals unless the last
// is the case.
func (l *limit) await(ctx context.Context, c class, w *waiter) Refusal {
	timer := time.NewTimer(l.wait[c])
	defer timer.Stop()
	var look <-chan time.Time
	if l.stall > 0 && c != patient {
		// A process that was stopped itself finds one look due, never several in a row without a permit that came back.
		ticker := time.NewTicker(l.stall / stallLooks)
		defer ticker.Stop()
		look = ticker.C
	}
	for seen, idle := l.returns.Load(), 0; ; {
		select {
		case <-w.granted:
			return refusals
		case <-ctx.Done():
			return refusals
		case <-timer.C:
			return WaitedInVain
		case <-look:
			now := l.returns.Load()
			if idle++; now != seen {
				seen, idle = now, 0
			}
			if idle >= stallLooks-1 && l.isStalled(seen) {
				return Stalled
			}
		}
	}
}

// stallLooks is into how many parts a waiter divides the time of stall. After all but one without a permit that came back, it is refused.
const stallLooks = 5

// isStalled notes that no permit comes back, unless one did after the returns that a waiter has seen.
func (l *limit) isStalled(seen uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = l.returns.Load() == seen
	return l.stalled
}

func busy() error { return errs.Busy("the database", comeBack) }

func (l *limit) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.returns.Add(1)
	l.stalled = false
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

// Load describes how busy a pool is.
type Load struct {
	// Permits is how many statements and transactions of requests may run at once. Held is how many run now.
	Permits, Held int
	// Waiting is how many statements and transactions wait for a permit.
	Waiting int
	// Refused is how many were refused since the start, by Refusal.
	Refused [refusals]int64
}

func (l *limit) load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := Load{Permits: l.size, Held: l.held, Refused: l.refused}
	for i := range l.waiting {
		load.Waiting += l.waiting[i].Len()
	}
	return load
}

// Loads returns the load of each pool, by the names that [DB.Pools] uses, and as "long" that of the reads which Long bounds.
func (db *DB) Loads() map[string]Load {
	all := map[string]Load{"writer": db.permits.write.load(), "long": db.permits.long.load()}
	if db.read != db.write {
		all["reader"] = db.permits.read.load()
	}
	return all
}
