package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// Random schedules over the real tier and real servers. Steps are drawn one by one: a writer goes on, a
// reader goes on, something breaks. Readers are calls of Load on two nodes that stop before and after
// their read of SQL, so that everything can happen in between; the history is checked as it is made.

// stage is two servers, of which one is the primary, and two nodes that reach the primary.
type stage struct {
	primary, replica *redistest.Redis
	addr             atomic.Value // of the primary
	nodes            [2]*Tier
	broken           bool // the replica does not follow
	n, cut           int  // schedules, and those with a node cut off
}

func newStage(t *testing.T, s scripts) *stage {
	g := &stage{primary: redistest.Start(t, redistest.Fast()...), replica: redistest.Start(t, redistest.Fast()...), broken: true}
	g.addr.Store(g.primary.Addr())
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, g.addr.Load().(string))
	}
	for i := range g.nodes {
		r, err := openVia(Config{URL: g.primary.URL()}, patience, dial)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
		g.nodes[i] = newTier(r, s)
		g.nodes[i].pace = pace{lease: 5 * time.Millisecond, fallback: 8 * time.Millisecond,
			pollFrom: time.Millisecond, pollTo: 2 * time.Millisecond}
	}
	return g
}

// schedule is one run on a key of its own.
type schedule struct {
	draw  func(n int) int // an even choice of 0…n-1
	g     *stage
	key   string
	trace []string
	cut   bool
	pair  bool // there is a replica, so that there may be a failover

	db      int64 // commits, only by the scheduler
	acked   int64
	relay   []int64
	writers [3]scheduledWriter
	readers []*scheduledReader
	wrong   chan string
	away    float64

	mu        sync.Mutex
	served    int64
	rows      int64    // db as readers see it
	confirmed [2]int64 // what each node has confirmed
}

type scheduledWriter struct {
	pc      int
	version int64
	data    string // the row at version, if the writer sends it
	intent  Announcement
}

// scheduledReader is one call of Load.
type scheduledReader struct {
	stops chan chan struct{} // where it is held, closed to go on
	held  chan struct{}
	done  chan struct{}
}

func (s *schedule) say(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

// load is the database: it stops before and after its read.
func (s *schedule) load(r *scheduledReader) Loader {
	stop := func(ctx context.Context) error {
		gate := make(chan struct{})
		select {
		case r.stops <- gate:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return func(ctx context.Context, keys []string) ([]Value, error) {
		if err := stop(ctx); err != nil {
			return nil, err
		}
		s.mu.Lock()
		v := s.rows
		s.mu.Unlock()
		if err := stop(ctx); err != nil {
			return nil, err
		}
		return []Value{{Version: v, Data: fmt.Sprint("data", v)}}, nil
	}
}

// read starts a reader and waits until it stops.
func (s *schedule) read(node int) {
	r := &scheduledReader{stops: make(chan chan struct{}), done: make(chan struct{})}
	s.mu.Lock()
	acked, minVersion, confirmed := s.acked, max(s.acked, s.served), s.confirmed[node]
	s.mu.Unlock()
	s.say("read on node %d", node)
	x := s.g.nodes[node]
	go func() {
		defer close(r.done)
		req := &Request{Kind: rowsOf(x), Keys: []string{s.key}, Load: s.load(r)}
		if err := x.Load(context.Background(), req); err != nil {
			s.wrong <- err.Error()
			return
		}
		v := req.Values[0]
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case v.Version < confirmed:
			s.wrong <- fmt.Sprintf("version %d is read, node %d had confirmed %d before", v.Version, node, confirmed)
		case v.Version < acked:
			s.wrong <- fmt.Sprintf("version %d is read, %d was acknowledged before", v.Version, acked)
		case v.Version < minVersion && s.counted() == s.away:
			s.wrong <- fmt.Sprintf("version %d is read, %d was served before", v.Version, minVersion)
		case v.Version > 0 && v.Data != fmt.Sprint("data", v.Version):
			s.wrong <- fmt.Sprintf("version %d comes with %q", v.Version, v.Data)
		}
		s.served = max(s.served, v.Version)
	}()
	s.readers = append(s.readers, r)
	s.settle(r)
}

// settle waits until a reader is held or has returned, or has waited long enough for others.
func (s *schedule) settle(r *scheduledReader) {
	if r.held != nil {
		return
	}
	enough := time.NewTimer(3 * time.Millisecond)
	defer enough.Stop()
	select {
	case r.held = <-r.stops:
	case <-r.done:
	case <-enough.C:
	}
}

// goOn lets a reader go to its next stop.
func (s *schedule) goOn(r *scheduledReader) {
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
	s.settle(r)
}

// hasReturned reports whether the call of Load has ended.
func (r *scheduledReader) hasReturned() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// counted is how often a node found no Redis. A read without Redis cannot be published, so what is
// served after it elsewhere may be older: that is one of the bounds.
func (s *schedule) counted() float64 {
	sum := 0.0
	for _, x := range s.g.nodes {
		sum += counterValue(rowsOf(x).count.away)
	}
	return sum
}

func (s *schedule) write(k int) {
	w, x := &s.writers[k], s.g.nodes[k%2]
	switch w.pc {
	case 0:
		w.pc = 1
		if k == 0 { // the one of the three that announces
			s.say("W%d intends", k)
			w.intent, _ = x.Announce(context.Background(), s.key)
		}
	case 1:
		s.db++
		s.mu.Lock()
		s.rows = s.db
		s.mu.Unlock()
		w.version = s.db
		s.relay = append(s.relay, w.version)
		s.say("W%d commits v%d", k, w.version)
		w.pc = 2 + s.draw(2)
	case 3:
		w.version, w.data = s.db, fmt.Sprint("data", s.db)
		s.say("W%d reads v%d", k, w.version)
		w.pc = 2
	case 2:
		s.say("W%d invalidates v%d %s", k, w.version, w.data)
		i := Invalidation{Kind: rowsOf(x), Key: s.key, Version: w.version, Data: w.data}
		err := x.Invalidate(context.Background(), w.intent, i)
		if err == nil { // else it is acknowledged, and its staleness is bounded by the relay
			s.mu.Lock()
			s.acked = max(s.acked, w.version)
			s.mu.Unlock()
		}
		*w = scheduledWriter{}
	}
}

// end lets all readers return, repeats everything, and looks at what is left.
func (s *schedule) end() error {
	// All at once: one may wait for what another fetches.
	for _, r := range s.readers {
		go func() {
			for {
				if r.held != nil {
					close(r.held)
				}
				select {
				case r.held = <-r.stops:
				case <-r.done:
					return
				}
			}
		}()
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for _, r := range s.readers {
		select {
		case <-r.done:
		case <-deadline.C:
			return errors.New("a reader does not return")
		}
	}
	select {
	case wrong := <-s.wrong:
		return errors.New(wrong)
	default:
	}
	for k, x := range s.g.nodes {
		if in := s.writers[0].intent; k == 0 && in.id != "" {
			x.Withdraw(context.Background(), in)
		}
		for _, v := range s.relay {
			if err := repeat(x, Invalidation{Kind: rowsOf(x), Key: s.key, Version: v}, deadline.C); err != nil {
				return err
			}
		}
		if got := x.read(context.Background(), x.lookup(context.Background(), []string{s.key}), nil)[0]; got.hit && got.value.Version != s.db {
			return fmt.Errorf("at rest Redis has version %d of %d", got.value.Version, s.db)
		}
	}
	return nil
}

// run makes one schedule.
func (g *stage) run(draw func(n int) int) error {
	g.n++
	s := &schedule{draw: draw, g: g, key: key(fmt.Sprint("s", g.n)), wrong: make(chan string, 100), pair: draw(3) == 0}
	s.away = s.counted()
	ops := 99
	if s.pair {
		ops = 115 // more that has to do with the replica
	}
	for range 20 + draw(50) {
		s.step(draw(ops))
		if len(s.wrong) > 0 {
			break
		}
	}
	g.broken = g.broken || s.cut
	if s.counted() > s.away {
		g.cut++
	}
	if err := s.end(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(s.trace, "\n"))
	}
	return nil
}

// repeat sends an invalidation until Redis takes it, as the relay does. On a busy machine calls may be refused for a moment because
// the last ones came back too late.
func repeat(x *Tier, i Invalidation, deadline <-chan time.Time) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := x.Invalidate(context.Background(), Announcement{}, i)
		if err == nil || !errors.Is(err, ErrDown) {
			return err
		}
		select {
		case <-again.C:
		case <-deadline:
			return err
		}
	}
}

// TestSchedules: whatever the schedule, no read is older than what was acknowledged before it, none goes
// back, and at rest Redis has what SQL has. A run tries hundreds of schedules at random, a soak ten thousand.
func TestSchedules(t *testing.T) {
	t.Parallel()
	all := testtime.Soak(400, 10_000)
	s, err := loadScripts(nil)
	if err != nil {
		t.Fatal(err)
	}
	const stages = 4
	for i := range stages {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			g := newStage(t, s)
			for g.n < all/stages && !t.Failed() {
				rapid.Check(t, func(t *rapid.T) {
					if err := g.run(even(t)); err != nil {
						t.Fatal(err)
					}
				})
			}
			t.Logf("%d schedules, in %d of them a node was cut off for a moment", g.n, g.cut)
		})
	}
}

// even draws from bits: rapid's own ranges prefer small numbers.
func even(t *rapid.T) func(n int) int {
	bit := rapid.Bool()
	return func(n int) int {
		v := 0
		for range 12 {
			v *= 2
			if bit.Draw(t, "bit") {
				v++
			}
		}
		return v % n
	}
}
