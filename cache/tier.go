package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/parallel"
)

// The times of the protocol. Those that end on Redis are by its clock.
const (
	// leaseMin is how long a reader alone may fill a key; leaseMost how long when SQL is slow.
	leaseMin, leaseMost = 150 * time.Millisecond, 2 * time.Second
	// escapeAfter is how long a reader waits for another's fill, or tries its own, before it takes what
	// SQL says.
	escapeAfter = 250 * time.Millisecond
	// pollFrom and pollTo bound the pauses of a reader that waits: each is about as long as it has waited so far.
	pollFrom, pollTo = time.Millisecond, 25 * time.Millisecond
	// floorFor is how long Redis remembers the version of an invalidated key that nobody asks for, and
	// an unused lease.
	floorFor = 10 * time.Second
	// invalidateTimeout is how long a writer tries before it leaves its invalidations to those who read the log.
	invalidateTimeout = time.Second
	// tryEvery is the pause between two tries.
	tryEvery = 5 * time.Millisecond
	// IntentFor is how long an intent holds; the transaction that it announces must end before.
	IntentFor = 5 * time.Second
)

const (
	// MaxTTL is the longest that an entry may live: the bound of staleness whatever happens.
	MaxTTL = time.Hour
	// MaxData is the largest data kept, in bytes. Larger is read from SQL every time.
	MaxData = 64 << 10
	// MaxVersion is the largest version: Lua counts in doubles.
	MaxVersion = 1 << 53
	// maxBatch is the most keys of one pipeline; more are sent one after the other.
	maxBatch = 1000
)

// Value is what a key stands for. It is shared between readers, so nobody may change what Data points to.
type Value struct {
	// Version is the row's, at least 1 and raised by every transaction that changes the row; 0 if there
	// is no row.
	Version int64
	// Data is the kind's own encoding, empty if there is no row.
	Data string
}

// Kind says how entries of one kind are kept and counted. Tier.Kind makes it.
type Kind struct {
	name        string
	ttl, absent time.Duration
	count       kindCounters
}

// Loader reads rows from the primary database, each as of a moment after the call began: as many values
// as keys, in their order, those without a row empty. It must not read in a transaction that began before.
type Loader func(ctx context.Context, keys []string) ([]Value, error)

// Request asks for keys of one kind.
type Request struct {
	Kind *Kind
	// Keys are whole keys of Redis, with EntryPrefix. One may occur more than once.
	Keys []string
	// Load reads what the cache has not.
	Load Loader
	// Held are versions of which the caller has the data by itself, one for each key, 0 for none; nil if it has
	// none at all. A key that is still at the version held is answered without its data.
	Held []int64

	// Values are the answer, one for each key.
	Values []Value
	// Err is why there is no answer: an error of Load, or the end of the context. Never one of Redis.
	Err error
}

// Tier is the cache-aside tier. It is safe for concurrent use, and so are several over one Redis.
type Tier struct {
	redis   *Redis
	scripts scripts
	metrics *tierMetrics
	flights flights
	owed    debts
	tokens  tokens
	pace    pace
	// loadTime is a mean of how long Load takes lately, in ns: leases are made to outlast it.
	loadTime atomic.Int64

	mu    sync.Mutex
	kinds map[string]*Kind

	bypassed bool
	// epoch is the number of the epoch of the log; it changes under owed.mu.
	epoch atomic.Int64
}

// Bypass has all reads go to SQL, to measure what the cache gives. It must be called before the first read; writes
// still announce and invalidate.
func (t *Tier) Bypass() { t.bypassed = true }

// NewTier makes the tier over a Redis.
func NewTier(r *Redis) (*Tier, error) {
	s, err := loadScripts(nil)
	if err != nil {
		return nil, err
	}
	return newTier(r, s), nil
}

func newTier(r *Redis, s scripts) *Tier {
	t := &Tier{
		redis: r, scripts: s, metrics: newTierMetrics(), kinds: map[string]*Kind{},
		flights: flights{latest: map[string]*flight{}},
		pace:    pace{lease: leaseMin, escape: escapeAfter, pollFrom: pollFrom, pollTo: pollTo},
		tokens:  tokens{prefix: strconv.FormatUint(rand.Uint64(), 36) + "."},
	}
	t.owed.start()
	return t
}

// Kind makes a kind, or gives the one made before under the name, which is a label of the metrics.
// Entries live at most ttl, those without a row at most absent; both are at most MaxTTL. It panics on
// other times: kinds are written in the code.
func (t *Tier) Kind(name string, ttl, absent time.Duration) *Kind {
	if ttl <= 0 || absent <= 0 || ttl > MaxTTL || absent > MaxTTL {
		panic(fmt.Sprintf("cache: kind %s lives %s, without a row %s", name, ttl, absent))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.kinds[name]; k != nil {
		return k
	}
	k := &Kind{name: name, ttl: ttl, absent: absent, count: t.metrics.of(name)}
	t.kinds[name] = k
	return k
}

// lives is how long an entry is kept: up to a fifth less than its kind allows, so that what was filled
// together does not end together.
func (k *Kind) lives(v Value) time.Duration {
	ttl := k.ttl
	if v.Version == 0 {
		ttl = k.absent
	}
	return ttl - rand.N(ttl/5+1)
}

// tokens name leases and intents, each once.
type tokens struct {
	prefix string
	last   atomic.Uint64
}

func (t *tokens) next() string { return t.prefix + strconv.FormatUint(t.last.Add(1), 36) }

// Load answers all requests: what Redis has in one pipelined round trip a server, the rest through the
// kinds' loaders, one call each (a second for keys that others were filling). No value is older than what
// was acknowledged before the call; see the package comment for the bounds. The error joins those of the
// requests.
func (t *Tier) Load(ctx context.Context, reqs ...*Request) error {
	if t.bypassed {
		return t.loadAll(ctx, reqs)
	}
	found := t.hits(ctx, reqs)
	var cold []func()
	for i, req := range reqs {
		req.Values, req.Err = found[i].values, nil
		if misses := found[i].missing; len(misses) > 0 {
			cold = append(cold, func() { req.Err = t.fetch(ctx, req, misses) })
		}
	}
	parallel.Run(cold...)
	return joined(reqs)
}

func joined(reqs []*Request) error {
	var errs []error
	for _, req := range reqs {
		if req.Err != nil {
			errs = append(errs, req.Err)
		}
	}
	return errors.Join(errs...)
}

// loadAll answers requests from SQL alone.
func (t *Tier) loadAll(ctx context.Context, reqs []*Request) error {
	var all []func()
	for _, req := range reqs {
		if len(req.Keys) == 0 {
			continue
		}
		all = append(all, func() { req.Values, req.Err = t.load(ctx, req, req.Keys) })
	}
	parallel.Run(all...)
	return joined(reqs)
}

// pace is what a reader's patience is; tests of many schedules have less.
type pace struct{ lease, escape, pollFrom, pollTo time.Duration }

// leaseFor is how long to ask for: some times what SQL takes.
func (t *Tier) leaseFor() time.Duration {
	return min(max(4*time.Duration(t.loadTime.Load()), t.pace.lease), leaseMost)
}

// load calls a loader and checks what it gives.
func (t *Tier) load(ctx context.Context, req *Request, keys []string) ([]Value, error) {
	start := time.Now()
	values, err := req.Load(ctx, keys)
	if err != nil {
		return nil, err
	}
	old := t.loadTime.Load()
	t.loadTime.Store(old + (int64(time.Since(start))-old)/8) // a race loses a sample
	if len(values) != len(keys) {
		return nil, fmt.Errorf("cache: the loader of %s gave %d values for %d keys", req.Kind.name, len(values), len(keys))
	}
	for i, v := range values {
		if v.Version < 0 || v.Version > MaxVersion {
			return nil, fmt.Errorf("cache: %s has version %d", keys[i], v.Version)
		}
	}
	return values, nil
}
