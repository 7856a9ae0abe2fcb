package admission

import (
	"cmp"
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"roost/internal/errs"
)

// Config sets how many requests a gate admits. Zero values mean the defaults.
type Config struct {
	// Running is how many requests may run at once; 8 a processor, at least 16.
	Running int
	// Inside is how many requests may be admitted at once, including requests that wait for the database; 4,096.
	Inside int
	// Wait is how long a request waits for its turn; 100 ms.
	Wait time.Duration
	// PatientWait is how long a patient request waits for its turn; 4 s.
	PatientWait time.Duration
	// Queue is how many ordinary requests may wait; 2,048. An eighth of it may come from one network.
	Queue int
	// PatientQueue is how many patient requests may wait; 25,000, which is more than there are sockets.
	PatientQueue int
	// Lag returns how late the process runs; nil means never late.
	Lag func() time.Duration
}

const (
	// maxLag is how late a process may run before its gate lets fewer requests run.
	maxLag = 25 * time.Millisecond
	// adjustEvery is how often the limit changes.
	adjustEvery = 50 * time.Millisecond
	// comeBack is the retryAfter of a refusal.
	comeBack = time.Second
)

func (c Config) withDefaults() Config {
	c.Running = cmp.Or(c.Running, max(16, 8*runtime.GOMAXPROCS(0)))
	c.Inside = cmp.Or(c.Inside, 4_096)
	c.Wait = cmp.Or(c.Wait, 100*time.Millisecond)
	c.PatientWait = cmp.Or(c.PatientWait, 4*time.Second)
	c.Queue = cmp.Or(c.Queue, 2_048)
	c.PatientQueue = cmp.Or(c.PatientQueue, 25_000)
	return c
}

// Kind is how a request waits.
type Kind int

// Kinds of requests.
const (
	Request Kind = iota // its client can soon try again
	Patient             // of a socket, which nobody repeats soon
	kinds
)

// Gate bounds how many requests run at once.
type Gate struct {
	cfg   Config
	least int

	mu       sync.Mutex
	limit    int
	adjusted time.Time
	running  int
	inside   int
	waiting  [kinds]queue
	turn     Kind // who is served next if both wait
	refused  [kinds]int64
}

// New returns an open gate.
func New(c Config) *Gate {
	c = c.withDefaults()
	g := &Gate{cfg: c, limit: c.Running, least: min(c.Running, max(4, 2*runtime.GOMAXPROCS(0)))}
	for k := range g.waiting {
		g.waiting[k].networks = map[netip.Prefix]*line{}
	}
	return g
}

// Enter admits a request of a network. It fails with UNAVAILABLE when the queue is full or the request has waited too long, and
// with the context's error when ctx ends first. The caller must call Leave of the ticket. A nil Gate admits every request.
func (g *Gate) Enter(ctx context.Context, network netip.Prefix, kind Kind) (*Ticket, error) {
	if g == nil {
		return nil, nil
	}
	t := new(Ticket)
	if err := g.Take(ctx, network, kind, t); err != nil {
		return nil, err
	}
	return t, nil
}

// Take is like Enter, for a caller that has memory for the ticket. The ticket is filled in if there is no error.
func (g *Gate) Take(ctx context.Context, network netip.Prefix, kind Kind, t *Ticket) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	g.adjust()
	if g.running < g.limit && g.inside < g.cfg.Inside {
		g.admit()
		g.mu.Unlock()
		t.gate = g
		return nil
	}
	if !g.mayWait(network, kind) {
		g.refused[kind]++
		g.mu.Unlock()
		return busy()
	}
	w := g.waiting[kind].push(network)
	g.mu.Unlock()

	patience := g.cfg.Wait
	if kind == Patient {
		patience = g.cfg.PatientWait
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.admitted:
		t.gate = g
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.at == nil { // just now
		t.gate = g
		return nil
	}
	g.waiting[kind].remove(w)
	if err := ctx.Err(); err != nil {
		return err
	}
	g.refused[kind]++
	return busy()
}

func busy() error { return errs.Busy("the server", comeBack) }

// The callers of what follows hold the lock.

func (g *Gate) mayWait(network netip.Prefix, kind Kind) bool {
	q := &g.waiting[kind]
	if kind == Patient {
		return q.len < g.cfg.PatientQueue
	}
	return q.len < g.cfg.Queue && q.of(network) < max(1, g.cfg.Queue/8)
}

func (g *Gate) admit() {
	g.running++
	g.inside++
}

// next admits waiting requests as far as the limits allow.
func (g *Gate) next() {
	for g.running < g.limit && g.inside < g.cfg.Inside {
		kind := g.turn
		if g.waiting[kind].len == 0 {
			kind = 1 - kind
		}
		w := g.waiting[kind].pop()
		if w == nil {
			return
		}
		g.turn = 1 - kind
		g.admit()
		close(w.admitted)
	}
}

// adjust adapts the limit to the lag of the process. It lowers the limit by a fifth while the process is late, and raises it by
// an eighth of Config.Running while it is not.
func (g *Gate) adjust() {
	if g.cfg.Lag == nil {
		return
	}
	now := time.Now()
	if now.Sub(g.adjusted) < adjustEvery {
		return
	}
	g.adjusted = now
	if g.cfg.Lag() > maxLag {
		g.limit = max(g.least, g.limit*4/5)
	} else if g.limit < g.cfg.Running {
		g.limit = min(g.cfg.Running, g.limit+max(1, g.cfg.Running/8))
		g.next()
	}
}

// Load describes how busy a gate is.
type Load struct {
	// Running is the number of running requests, which is at most Limit. Inside also counts requests that are paused.
	Running, Limit, Inside int
	// Waiting is how many requests wait, by Kind. Refused is how many were refused.
	Waiting [2]int
	Refused [2]int64
}

// Load returns how busy the gate is now, and how many requests it has refused so far.
func (g *Gate) Load() Load {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Load{Running: g.running, Limit: g.limit, Inside: g.inside, Refused: g.refused,
		Waiting: [2]int{g.waiting[Request].len, g.waiting[Patient].len}}
}
