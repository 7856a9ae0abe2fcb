package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redis/go-redis/v9"
)

const (
	// persistedFor is how long Redis keeps a document that nobody asks for.
	persistedFor = 24 * time.Hour
	// persistedAgain is how long a node takes Redis to have what it saw there.
	persistedAgain = time.Hour
	// persistedSeen is of how many documents a node remembers that.
	persistedSeen = 4_000
)

// What a node may add to Redis: 4 MiB at once and 2 KiB a second, with the keys. As Redis forgets after a
// day, a node whose clients make up documents fills some 180 MB of it at most.
const (
	persistedBurst  = 4 << 20
	persistedRate   = 2 << 10
	persistedWeight = 256 // of a key and what Redis keeps beside it
)

// LocalQueries keep documents in the process, and bound what they keep.
type LocalQueries interface {
	Get(ctx context.Context, hash string) (string, bool)
	Put(ctx context.Context, hash, text string)
}

// PersistedQueries keep documents under their hash, so that a client that sent one to a node may send
// only the hash to every other. The latest stay in the process; without Redis a node knows its own, and
// clients send others again. In embedded mode there is one node, and Redis is not asked.
type PersistedQueries struct {
	redis *Redis // nil in embedded mode
	local LocalQueries
	now   func() time.Time

	// seen tells when Redis was last known to keep a document for a day.
	seen  *lru.Cache[string, time.Time]
	spare allowance

	fromLocal, fromRedis, missed, kept, turnedAway atomic.Int64
}

// NewPersistedQueries keeps documents in local, and in Redis unless that runs in the process.
func NewPersistedQueries(r *Redis, local LocalQueries) (*PersistedQueries, error) {
	seen, err := lru.New[string, time.Time](persistedSeen)
	if err != nil {
		return nil, err
	}
	q := &PersistedQueries{local: local, seen: seen, now: time.Now, spare: allowance{left: persistedBurst}}
	if !r.Embedded() {
		q.redis = r
	}
	return q, nil
}

// Get gives the document of a hash.
func (q *PersistedQueries) Get(ctx context.Context, hash string) (string, bool) {
	if text, ok := q.local.Get(ctx, hash); ok {
		q.fromLocal.Add(1)
		q.share(ctx, hash, text)
		return text, true
	}
	text, ok := q.ask(ctx, hash)
	if !ok {
		q.missed.Add(1)
		return "", false
	}
	q.fromRedis.Add(1)
	q.local.Put(ctx, hash, text)
	return text, true
}

// ask looks in Redis, which then keeps the document for another day.
func (q *PersistedQueries) ask(ctx context.Context, hash string) (string, bool) {
	if q.redis == nil {
		return "", false
	}
	var cmd *redis.StringCmd
	if err := q.redis.call(ctx, persistedQueryKey(hash), func(ctx context.Context, c *redis.Client) error {
		cmd = c.GetEx(ctx, persistedQueryKey(hash), persistedFor)
		return cmd.Err()
	}); err != nil {
		return "", false
	}
	q.seen.Add(hash, q.now())
	return cmd.Val(), true
}

// Put keeps a document. What Redis does not take, the client sends again.
func (q *PersistedQueries) Put(ctx context.Context, hash, text string) {
	q.local.Put(ctx, hash, text)
	q.share(ctx, hash, text)
}

// share has Redis keep a document for a day, unless it does already, or the node has added too many lately.
func (q *PersistedQueries) share(ctx context.Context, hash, text string) {
	if q.redis == nil {
		return
	}
	now := q.now()
	if at, ok := q.seen.Get(hash); ok && now.Sub(at) < persistedAgain {
		return
	}
	if !q.spare.take(now, len(text)+persistedWeight) {
		q.turnedAway.Add(1)
		return
	}
	q.seen.Add(hash, now)
	err := q.redis.call(ctx, persistedQueryKey(hash), func(ctx context.Context, c *redis.Client) error {
		return c.Set(ctx, persistedQueryKey(hash), text, persistedFor).Err()
	})
	if err != nil { // the breaker counts it; the next use tries again
		q.seen.Remove(hash)
		q.spare.giveBack(len(text) + persistedWeight)
		return
	}
	q.kept.Add(1)
}

// QueryStats count what became of documents since the node began.
type QueryStats struct {
	// Local and Redis are those that were found there, Missed those that were not found.
	Local, Redis, Missed int64
	// Kept were sent to Redis, or had their day there extended; TurnedAway were not, because of the bound on
	// what a node adds.
	Kept, TurnedAway int64
}

// Stats gives the counts.
func (q *PersistedQueries) Stats() QueryStats {
	return QueryStats{Local: q.fromLocal.Load(), Redis: q.fromRedis.Load(), Missed: q.missed.Load(),
		Kept: q.kept.Load(), TurnedAway: q.turnedAway.Load()}
}

// allowance is a token bucket of bytes.
type allowance struct {
	mu   sync.Mutex
	left float64
	at   time.Time // of the last refill; zero before the first
}

// take takes bytes if they are there.
func (a *allowance) take(now time.Time, bytes int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.at.IsZero() {
		a.left = min(persistedBurst, a.left+persistedRate*max(0, now.Sub(a.at).Seconds()))
	}
	a.at = now
	if a.left < float64(bytes) {
		return false
	}
	a.left -= float64(bytes)
	return true
}

// giveBack returns bytes that were not used.
func (a *allowance) giveBack(bytes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = min(persistedBurst, a.left+float64(bytes))
}
