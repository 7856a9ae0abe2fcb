package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/parallel"
	"roost/internal/reqstats"
)

// tracked keeps copies of entries that Redis tracks: it reports each change of a key on the connection that has read the key. See the
// package comment.
type tracked struct {
	redis   *Redis
	copies  *copies
	metrics *copyMetrics
	links   sync.Map // *shard -> *link
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
	// hotAfter is the hotAfter of its links, which tests lower.
	hotAfter int
	// without leaves out parts, so that tests show that they notice.
	without struct{ barrier, order, fence, generations, exemption bool }
}

func newTracked(r *Redis, maxBytes int64) *tracked {
	return &tracked{redis: r, copies: newCopies(maxBytes), metrics: newCopyMetrics(), closed: make(chan struct{}), hotAfter: hotAfter}
}

// link is the connection to one server on which Redis reports changes. Its goroutine sends all its commands and is the only one that
// adopts copies. It runs while there is something to do, and ends after idleAfter without a read.
type link struct {
	of    *tracked
	shard *shard
	wake  chan struct{}

	mu      sync.Mutex
	next    *batch // gathers readers; nil if there are none
	active  bool   // whether the goroutine runs
	pauseTo time.Time

	// usable says which copies may be used.
	usable atomic.Pointer[usableCopies]

	// replid is the server's replication id, nil before the first answer. The goroutine alone sets it.
	replid atomic.Pointer[string]
	moved  atomic.Bool // whether other connections lead to another server

	// Of the goroutine alone, and of the handlers that run in its calls:
	client    *redis.Client
	asking    *barrierAnswers  // the current call
	barrier   *redis.StringCmd // of the current call
	reported  map[string]bool  // keys reported since the barrier was answered
	hot       hotKeys          // keys that are written too often to be copied
	lastRead  time.Time
	connected bool
	untracked bool // the server cannot report changes
	warned    bool // that was logged
}

// usableCopies are those of one generation, see copies. A new generation begins when reports may have been lost. Its entries belong
// to one epoch of the log.
type usableCopies struct {
	generation uint64
	epoch      int64
}

const (
	// sweepEvery is how often reports are read while copies are in use, sweepIdle after idleFrom without a read.
	sweepEvery, sweepIdle = 50 * time.Millisecond, time.Second
	idleFrom              = time.Second
	// idleAfter is how long there may be no read before the connection is closed and the copies are dropped.
	idleAfter = 30 * time.Second
	// maxGathered is the most keys that one batch asks for. Further readers look their keys up without copies.
	maxGathered = 4 * maxBatch
	// offFor is how long a server that cannot track is left alone.
	offFor = time.Minute
)

// batch is one barrier and the readers that share it. They have joined before it was sent.
type batch struct {
	epoch   int64
	keys    []string
	index   map[string]int
	readers int

	done    chan struct{} // closed when the rest is set
	err     error
	results []readResult
}

// add adds a key that was not added yet, and returns the index of its result.
func (b *batch) add(key string) int {
	n, ok := b.index[key]
	if !ok {
		n = len(b.keys)
		b.index[key] = n
		b.keys = append(b.keys, key)
	}
	return n
}

// errNoCopies ends a batch whose readers look their keys up without copies.
var errNoCopies = fmt.Errorf("the process ends, or its server cannot report changes: %w", ErrDown)

func (t *tracked) link(s *shard) *link {
	if l, ok := t.links.Load(s); ok {
		return l.(*link)
	}
	l := &link{of: t, shard: s, wake: make(chan struct{}, 1), reported: map[string]bool{}, hot: hotKeys{}}
	l.usable.Store(&usableCopies{generation: t.copies.generation()})
	actual, _ := t.links.LoadOrStore(s, l)
	return actual.(*link)
}

func (t *tracked) changing([]string) func() { return func() {} }

// forget does nothing: Redis reports the keys that were removed.
func (t *tracked) forget() {}

func (t *tracked) close() {
	t.once.Do(func() { close(t.closed) })
	t.running.Wait()
}

// maxBarriers is how many barriers a read takes at most. It takes a second one only for copies that it found before the first one, and that
// were dropped meanwhile.
const maxBarriers = 2

func (t *tracked) read(ctx context.Context, of lookup, g group, out []readResult) (left []int) {
	if g.shard == nil {
		return g.at
	}
	l := t.link(g.shard)
	left = g.at
	for range maxBarriers {
		left = l.read(ctx, of, left, out)
		if len(left) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return left
}

// read looks up keys once. It returns those for which it has no answer: the copies that were dropped during the barrier, or all keys if
// copies cannot be used.
func (l *link) read(ctx context.Context, of lookup, at []int, out []readResult) (left []int) {
	confirmed := of.confirmed(l) || l.of.without.barrier
	missing := l.look(of, at, out)
	if confirmed && len(missing) == 0 {
		return nil
	}
	unanswered := at
	if confirmed {
		unanswered = missing // copies are right without this barrier
	}
	b, index := l.join(of, missing, l.along(ctx, of, missing))
	if b == nil {
		return unanswered
	}
	began := time.Now()
	select {
	case <-b.done:
	case <-ctx.Done():
		return unanswered
	}
	reqstats.From(ctx).Redis(time.Since(began))
	if b.err != nil {
		if !away(b.err) || errors.Is(b.err, ErrDown) {
			return unanswered
		}
		for _, i := range unanswered {
			out[i] = readResult{away: true}
		}
		return nil
	}
	of.confirm(l)
	if !confirmed && len(missing) < len(at) {
		// The barrier confirms what is still a copy now, so those that were found before it are looked up again.
		left = l.look(of, without(at, missing), out)
	}
	for i, key := range missing {
		out[key] = b.results[index[i]]
	}
	return left
}

func (t *tracked) copiesFor(of lookup) usableNow {
	if t.redis.only == nil {
		return usableNow{}
	}
	l := t.link(t.redis.only)
	confirmed := of.confirmed(l) || t.without.barrier // before the generation is read, as in read
	usable := l.usable.Load()
	if usable.epoch != of.epoch {
		return usableNow{}
	}
	return usableNow{t.copies, usable.generation, confirmed}
}

// holds reports whether there is a copy of a key. It may be out of date.
func (l *link) holds(key string, epoch int64) bool {
	usable := l.usable.Load()
	return usable.epoch == epoch && l.of.copies.get(key, usable.generation, monotonic(time.Now())) != nil
}

// works reports that no server is known that cannot report changes.
func (t *tracked) works() bool {
	works := true
	t.links.Range(func(_, l any) bool {
		works = !l.(*link).paused()
		return works
	})
	return works
}

// paused reports whether the server is left alone.
func (l *link) paused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.pauseTo.IsZero() && time.Now().Before(l.pauseTo)
}

// settle takes a barrier on every server of which there may be copies, all at once.
func (t *tracked) settle(ctx context.Context, of lookup) bool {
	if t.redis.only != nil {
		return t.link(t.redis.only).settle(ctx, of)
	}
	var all []*link
	t.links.Range(func(_, l any) bool {
		all = append(all, l.(*link))
		return true
	})
	settled := make([]bool, len(all))
	each := make([]func(), len(all))
	for i, l := range all {
		each[i] = func() { settled[i] = l.settle(ctx, of) }
	}
	parallel.Run(each...)
	return !slices.Contains(settled, false)
}

// settle takes a barrier, unless one was taken in this moment. It reports whether the server's reports have been handled since the
// moment began, and its copies are of the epoch.
func (l *link) settle(ctx context.Context, of lookup) bool {
	if !of.confirmed(l) {
		b, _ := l.join(of, nil, nil)
		if b == nil {
			return false
		}
		began := time.Now()
		select {
		case <-b.done:
		case <-ctx.Done():
			return false
		}
		reqstats.From(ctx).Redis(time.Since(began))
		if b.err != nil {
			return false
		}
		of.confirm(l)
	}
	return l.usable.Load().epoch == of.epoch
}

// without returns the elements of all that are not in some, in their order. The elements of some are in the same order.
func without(all, some []int) []int {
	if len(some) == 0 {
		return all
	}
	rest := make([]int, 0, len(all)-len(some))
	for _, i := range all {
		if len(some) > 0 && some[0] == i {
			some = some[1:]
			continue
		}
		rest = append(rest, i)
	}
	return rest
}

// look fills out from copies, and returns the indexes of keys without one.
func (l *link) look(of lookup, at []int, out []readResult) (missing []int) {
	usable := l.usable.Load()
	if usable.epoch != of.epoch {
		return at
	}
	return l.of.copies.look(of.keys, at, usable.generation, out)
}

// along returns the keys of the server that a read asks for along with those that it misses.
func (l *link) along(ctx context.Context, of lookup, missing []int) (keys []string) {
	if of.along == nil || len(missing) == 0 {
		return nil
	}
	for _, key := range of.along() {
		if !l.holds(key, of.epoch) && l.serves(ctx, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// serves reports whether a key belongs to the link's server.
func (l *link) serves(ctx context.Context, key string) bool {
	s, err := l.of.redis.shardOf(ctx, key)
	return err == nil && s == l.shard
}

// join adds a reader and the keys that it misses to the next batch, and keys that become copies without being returned. index says where
// the results of the missing keys will be. It returns nil if the link cannot be used.
func (l *link) join(of lookup, missing []int, along []string) (b *batch, index []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.of.closed:
		return nil, nil
	default:
	}
	if !l.pauseTo.IsZero() {
		if time.Now().Before(l.pauseTo) {
			return nil, nil
		}
		l.pauseTo = time.Time{}
	}
	b = l.next
	if b == nil {
		b = &batch{epoch: of.epoch, done: make(chan struct{})}
		l.next = b
	}
	if b.epoch != of.epoch || len(b.keys)+len(missing)+len(along) > maxGathered {
		return nil, nil
	}
	b.readers++
	if len(missing) > 0 {
		if b.index == nil {
			b.index = make(map[string]int, len(missing))
		}
		index = make([]int, len(missing))
		for i, at := range missing {
			index[i] = b.add(of.keys[at])
		}
		for _, key := range along {
			b.add(key)
		}
	}
	if !l.active {
		l.active = true
		l.of.running.Go(l.run)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return b, index
}

// gather reports whether there are readers. It lets the goroutines run that are ready to, so that those of them that will read share the
// barrier. An idle process loses no time, because then there are none.
func (l *link) gather() bool {
	l.mu.Lock()
	some := l.next != nil
	l.mu.Unlock()
	if some {
		runtime.Gosched()
	}
	return some
}
