package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
	"roost/internal/parallel"
)

// The times of the protocol. Leases, announcements and entries end by the clock of their Redis server.
const (
	// minLease is the shortest lease, the time in which only its holder may fill a key. maxLease is the longest, used when SQL
	// is slow.
	minLease, maxLease = 150 * time.Millisecond, 2 * time.Second
	// fallbackAfter is how long a reader waits for another's fill, or retries its own, before it returns what SQL holds
	// without filling.
	fallbackAfter = 250 * time.Millisecond
	// pollFrom and pollTo bound a waiting reader's pauses between two LEASE calls. Each pause is about as long as the reader
	// has waited so far.
	pollFrom, pollTo = time.Millisecond, 25 * time.Millisecond
	// minVersionTTL is how long Redis remembers an unused lease, and the minimum version of an invalidated key that nobody reads.
	minVersionTTL = 10 * time.Second
	// invalidateTimeout is how long a writer tries to invalidate before it leaves that to the relay and to Confirm.
	invalidateTimeout = time.Second
	// tryEvery is the pause between two of these attempts.
	tryEvery = 5 * time.Millisecond
	// AnnouncementTTL is how long an announcement lasts. The announced transaction must end within this time.
	AnnouncementTTL = 5 * time.Second
)

const (
	// MaxTTL is the longest time to live of an entry. It bounds staleness whatever else fails.
	MaxTTL = time.Hour
	// MaxData is the largest data that is cached, in bytes. Larger rows are read from SQL every time.
	MaxData = 64 << 10
	// MaxVersion is the largest version. Lua counts in doubles, which are exact up to here.
	MaxVersion = 1 << 53
	// maxBatch is the most keys of one pipeline. Larger batches are sent as several pipelines, one after the other.
	maxBatch = 1000
)

// Value is the cached form of one row, or the fact that there is none. Readers share it, so nobody may change what Data points to.
type Value struct {
	// Version is the row's version: at least 1, and raised by every transaction that changes the row. 0 means that there is no
	// row.
	Version int64
	// Data is the row in its kind's own encoding, empty if there is no row.
	Data string
}

// Kind holds what all entries of one kind of row share: their times to live and their metrics. Tier.Kind makes it.
type Kind struct {
	name        string
	ttl, absent time.Duration
	count       kindCounters
}

// Loader reads rows from the primary database, in a transaction that begins after the call. It returns one value for each key, in
// the order of the keys; a key without a row gets the zero Value.
type Loader func(ctx context.Context, keys []string) ([]Value, error)

// Request is a batch of keys of one kind to read. Tier.Load sets Values and Err.
type Request struct {
	Kind *Kind
	// Keys are complete Redis keys that begin with EntryPrefix. A key may occur more than once.
	Keys []string
	// ID may be set instead of Keys, together with Count and Name: it returns the IDs of so many keys, by index. Load calls Name, which
	// sets Keys and Held, unless all of the keys have copies.
	ID    func(i int) ID
	Count int
	Name  func()
	// Load reads from SQL the keys that the cache does not have.
	Load Loader
	// Held lists the versions whose data the caller already holds, one for each key and 0 for none; nil means that it holds
	// nothing. If a key is still at the version held, its Value has no Data.
	Held []int64
	// MaxMisses is the most keys that Load is called for at first; 0 means all that the cache does not have. The keys beyond it are
	// left out, and so are keys whose server is unreachable.
	MaxMisses int
	// Along returns keys that will probably be read next; nil means none. If a key of Keys has no copy in the process, so that its server is
	// asked anyway, these keys are looked up there in the same round trip, and become copies. They are not filled, and not returned.
	Along func() []string

	// Missing is how many keys the cache did not have.
	Missing int
	// Left is how many keys were left out because of MaxMisses. Their Values say nothing.
	Left int
	// Values is the result, one for each key. It is nil if all results are in Copies.
	Values []Value
	// Copies holds the copies in the process that are the result, one for each key; nil for keys without one. It may be nil altogether.
	Copies []*Copy
	// Copied reports that all Values are copies in the process, whose changes are noted; see NoteDrops. Until is the first time at which
	// the life of one of them ends.
	Copied bool
	Until  time.Time
	// Err is why there is no result: an error of Load, or the end of the context. It is never an error of Redis.
	Err error
}

// Tier is the cache-aside tier. It is safe for concurrent use, also with other tiers over the same Redis.
type Tier struct {
	redis   *Redis
	scripts scripts
	metrics *tierMetrics
	flights flights
	pending pendingInvalidations
	tokens  tokens
	pace    pace
	// loadTime is a moving average of how long Load takes, in nanoseconds. Leases are made longer than that.
	loadTime atomic.Int64

	mu    sync.Mutex
	kinds map[string]*Kind

	bypassed bool
	note     func() any       // see NoteMoments; nil if there is nothing to note
	noteDrop func(key string) // see NoteDrops
	// epoch is the number of the log's epoch. It changes under pending.mu.
	epoch atomic.Int64
}

// Bypass makes all reads go to SQL, to measure what the cache saves. It must be called before the first read. Writes still announce
// and invalidate.
func (t *Tier) Bypass() { t.bypassed = true }

// NoteMoments makes each moment note what note returns before it is confirmed; see package moment. It is for the position of the log up
// to which all reads that begin from now on show every effect. It must be called before the first read.
func (t *Tier) NoteMoments(note func() any) { t.note = note }

// Reserve takes a part of the memory that is configured for copies, for what the caller keeps in the process beside them, so that one bound
// holds for both. It returns the size of the part in bytes: the whole divided by parts, but at least least and at most most. If the
// process keeps no copies, it returns most. It must be called before the first read.
func (t *Tier) Reserve(parts, least, most int64) (bytes int64) {
	if t.redis.copies == nil {
		return most
	}
	bytes = min(max(t.redis.memory/parts, least), most)
	t.redis.copies.reserve(bytes)
	return bytes
}

// NewTier returns a tier that keeps its entries in r.
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
		pace:    pace{lease: minLease, fallback: fallbackAfter, pollFrom: pollFrom, pollTo: pollTo},
		tokens:  tokens{prefix: strconv.FormatUint(rand.Uint64(), 36) + "."},
	}
	t.pending.init()
	t.pending.some = lifecycle.NewWake()
	return t
}

// Kind returns the kind with a name, which is a label of the metrics, and makes it at the first call. Entries live at most ttl, the
// absence of a row at most absent; both must be positive and at most MaxTTL. Kind panics on other times, because kinds are
// constants of the code.
func (t *Tier) Kind(name string, ttl, absent time.Duration) *Kind {
	if ttl <= 0 || absent <= 0 || ttl > MaxTTL || absent > MaxTTL {
		panic(fmt.Sprintf("cache: kind %s has TTL %s, without a row %s; both must be positive and at most %s", name, ttl, absent, MaxTTL))
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

// lifetime draws how long an entry is kept: up to a fifth less than its kind allows, so that entries that were filled at the same
// time do not expire at the same time.
func (k *Kind) lifetime(v Value) time.Duration {
	ttl := k.ttl
	if v.Version == 0 {
		ttl = k.absent
	}
	return ttl - rand.N(ttl/5+1)
}

// tokens makes the names of leases and announcements, each unique.
type tokens struct {
	prefix string
	last   atomic.Uint64
}

func (t *tokens) next() string { return t.prefix + strconv.FormatUint(t.last.Add(1), 36) }

// Load fills in the results of all requests. Keys that Redis has take one pipelined round trip a server. The others are read with one
// call of each request's Load, and a second one for keys that other readers were filling. No value is older than a write that was
// acknowledged before the call, within the bounds of the package comment. The error joins those of the requests.
func (t *Tier) Load(ctx context.Context, reqs ...*Request) error {
	if t.bypassed {
		nameAll(reqs)
		return t.loadAll(ctx, reqs)
	}
	if reqs = t.fromCopies(ctx, reqs); len(reqs) == 0 {
		return nil
	}
	nameAll(reqs)
	found := t.readAll(ctx, reqs)
	var cold []func()
	for i, req := range reqs {
		req.Values, req.Err = found[i].values, nil
		misses := found[i].missing
		req.Missing = len(misses)
		if req.MaxMisses > 0 {
			misses = slices.DeleteFunc(misses, func(m miss) bool { return m.away })
			misses = misses[:min(len(misses), req.MaxMisses)]
		}
		req.Left = len(found[i].missing) - len(misses)
		if len(misses) > 0 {
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

// loadAll reads all requests from SQL.
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

// pace holds the times that a reader waits. Tests that run many schedules use shorter ones.
type pace struct{ lease, fallback, pollFrom, pollTo time.Duration }

// leaseFor returns the length of the next leases: four times what Load takes on average, within minLease and maxLease.
func (t *Tier) leaseFor() time.Duration {
	return min(max(4*time.Duration(t.loadTime.Load()), t.pace.lease), maxLease)
}

// load calls a request's loader and checks its values.
func (t *Tier) load(ctx context.Context, req *Request, keys []string) ([]Value, error) {
	start := time.Now()
	values, err := req.Load(ctx, keys)
	if err != nil {
		return nil, err
	}
	old := t.loadTime.Load()
	t.loadTime.Store(old + (int64(time.Since(start))-old)/8) // a race loses a sample
	if err := req.Kind.check(keys, values); err != nil {
		return nil, err
	}
	return values, nil
}

// check returns an error if values cannot be what a loader read for keys.
func (k *Kind) check(keys []string, values []Value) error {
	if len(values) != len(keys) {
		return fmt.Errorf("cache: the loader of %s returned %d values for %d keys", k.name, len(values), len(keys))
	}
	for i, v := range values {
		if v.Version < 0 || v.Version > MaxVersion {
			return fmt.Errorf("cache: %s has version %d, outside 0 to %d", keys[i], v.Version, int64(MaxVersion))
		}
	}
	return nil
}
