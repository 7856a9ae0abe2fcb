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
	// persistedFor is how long Redis keeps a document after its last use.
	persistedFor = 24 * time.Hour
	// persistedAgain is how long a node assumes that Redis still has a document that it has seen there.
	persistedAgain = time.Hour
	// persistedSeen is for how many documents a node remembers that.
	persistedSeen = 4_000
)

// These bound what a node may add to Redis: 4 MiB at once and 2 KiB a second, including keys. As Redis drops a document after a day, a node
// whose clients make documents up fills at most some 180 MB.
const (
	persistedBurst  = 4 << 20
	persistedRate   = 2 << 10
	persistedWeight = 256 // bytes for a key and Redis' own overhead
)

// LocalQueries stores a bounded number of documents in the process.
type LocalQueries interface {
	Get(ctx context.Context, hash string) (string, bool)
	Put(ctx context.Context, hash, text string)
}

// PersistedQueries stores GraphQL documents by hash, so that a client that has sent a document to one node may send only the hash to the
// others. The latest documents stay in the process. Without Redis a node has only its own, and clients send the others again. In
// embedded mode there is one node, and Redis is not used.
type PersistedQueries struct {
	redis *Redis // nil in embedded mode
	local LocalQueries
	now   func() time.Time

	// seen holds the time at which a document's day in Redis last began.
	seen  *lru.Cache[string, time.Time]
	spare allowance

	fromLocal, fromRedis, missed, stored, limited atomic.Int64
}

// NewPersistedQueries returns a store that keeps documents in local, and in r unless that is embedded.
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

// Get returns the document with a hash; ok is false if neither the process nor Redis has it.
func (q *PersistedQueries) Get(ctx context.Context, hash string) (text string, ok bool) {
	if text, ok := q.local.Get(ctx, hash); ok {
		q.fromLocal.Add(1)
		q.share(ctx, hash, text)
		return text, true
	}
	text, ok = q.ask(ctx, hash)
	if !ok {
		q.missed.Add(1)
		return "", false
	}
	q.fromRedis.Add(1)
	q.local.Put(ctx, hash, text)
	return text, true
}

// ask reads a document from Redis, which then keeps it for another day.
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

// Put stores a document. If Redis does not take it, clients send it again.
func (q *PersistedQueries) Put(ctx context.Context, hash, text string) {
	q.local.Put(ctx, hash, text)
	q.share(ctx, hash, text)
}

// share stores a document in Redis for a day, unless it is there already or the node has added too many lately.
func (q *PersistedQueries) share(ctx context.Context, hash, text string) {
	if q.redis == nil {
		return
	}
	now := q.now()
	if at, ok := q.seen.Get(hash); ok && now.Sub(at) < persistedAgain {
		return
	}
	if !q.spare.take(now, len(text)+persistedWeight) {
		q.limited.Add(1)
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
	q.stored.Add(1)
}

// QueryStats counts lookups and writes of documents since the node started.
type QueryStats struct {
	// Local and Redis count lookups that found the document there, Missed the others.
	Local, Redis, Missed int64
	// Stored counts documents that were sent to Redis, Limited those that were not because of the bound on what a node adds.
	Stored, Limited int64
}

// Stats returns the counts.
func (q *PersistedQueries) Stats() QueryStats {
	return QueryStats{Local: q.fromLocal.Load(), Redis: q.fromRedis.Load(), Missed: q.missed.Load(),
		Stored: q.stored.Load(), Limited: q.limited.Load()}
}

// allowance is a token bucket of bytes.
type allowance struct {
	mu   sync.Mutex
	left float64
	at   time.Time // of the last refill; zero before the first
}

// take removes bytes from the bucket, if it has that many, and reports whether it did.
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
