package cache

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redis/go-redis/v9"
)

const (
	// persistedFor is how long Redis keeps a document that nobody asks for.
	persistedFor = 7 * 24 * time.Hour
	// persistedLocal is how many documents a node keeps itself; the transports bound their length.
	persistedLocal = 1000
)

// PersistedQueries keep documents under their hash, so that a client that sent one to a node may send
// only the hash to every other. The latest stay in the process; without Redis a node knows its own, and
// clients send others again.
type PersistedQueries struct {
	redis *Redis
	local *lru.Cache[string, string]
}

// NewPersistedQueries makes an empty store over Redis.
func NewPersistedQueries(r *Redis) (*PersistedQueries, error) {
	local, err := lru.New[string, string](persistedLocal)
	if err != nil {
		return nil, err
	}
	return &PersistedQueries{redis: r, local: local}, nil
}

// Get gives the document of a hash.
func (q *PersistedQueries) Get(ctx context.Context, hash string) (string, bool) {
	if text, ok := q.local.Get(hash); ok {
		return text, true
	}
	var cmd *redis.StringCmd
	err := q.redis.call(ctx, func(ctx context.Context) error {
		cmd = q.redis.client.GetEx(ctx, persistedQueryKey(hash), persistedFor)
		return cmd.Err()
	})
	if err != nil {
		return "", false
	}
	q.local.Add(hash, cmd.Val())
	return cmd.Val(), true
}

// Put keeps a document. What Redis does not take, the client sends again.
func (q *PersistedQueries) Put(ctx context.Context, hash, text string) {
	q.local.Add(hash, text)
	// An error is counted by the breaker; there is nothing else to do about it.
	_ = q.redis.call(ctx, func(ctx context.Context) error {
		return q.redis.client.Set(ctx, persistedQueryKey(hash), text, persistedFor).Err()
	})
}
