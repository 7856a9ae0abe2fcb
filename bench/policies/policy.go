package policies

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"roost/internal/reqstats"
)

// Policy is one node that runs a caching policy.
type Policy interface {
	// Read returns the latest change of a key, as this policy shows it.
	Read(ctx context.Context, key int64) (change int64, err error)
	// Write makes a change, which is identified by a unique number above 0. The write is acknowledged if Write returns nil.
	Write(ctx context.Context, key, change int64) error
	// Stop finishes pending work and stops the node.
	Stop(ctx context.Context) error
	// Die stops the node without finishing pending work, as a kill would.
	Die() error
}

// Steps holds functions that a policy calls in the middle of an operation, where faults occur. Either may be nil.
type Steps struct {
	// Read is called between the read of SQL and the fill.
	Read func(ctx context.Context, key int64)
	// Write is called between the two steps of a write; an error ends it there.
	Write func(ctx context.Context, key int64) error
}

// errDied is the error of a writer that dies in the middle of a write.
var errDied = errors.New("the writer died")

// Way makes nodes of a policy.
type Way struct {
	Name string
	open func(n node) (Policy, error)
}

// Ways lists all policies, Roost's last.
var Ways = []Way{
	{"delete, write", aside((*plain).deleteThenWrite)},
	{"write, delete", aside((*plain).writeThenDelete)},
	{"set, write", aside((*plain).setThenWrite)},
	{"write, set", aside((*plain).writeThenSet)},
	{"write-through", openThrough},
	{"write-behind", openBehind},
	{"roost", openTier},
}

// node holds the stores of a node, and the steps where faults occur.
type node struct {
	table *table
	redis string // URL
	steps Steps
	flush time.Duration // how often write-behind writes rows
}

// afterSQL calls the step between a read of SQL and the fill.
func (n *node) afterSQL(ctx context.Context, key int64) {
	if n.steps.Read != nil {
		n.steps.Read(ctx, key)
	}
}

// betweenSteps calls the step in the middle of a write.
func (n *node) betweenSteps(ctx context.Context, key int64) error {
	if n.steps.Write != nil {
		return n.steps.Write(ctx, key)
	}
	return nil
}

// entryFor is the TTL of entries.
const entryFor = 10 * time.Minute

// plain is a cache of changes by key, with plain commands of go-redis.
type plain struct {
	node
	client *redis.Client
}

func openPlain(n node) (*plain, error) {
	o, err := redis.ParseURL(n.redis)
	if err != nil {
		return nil, err
	}
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &plain{node: n, client: redis.NewClient(o)}, nil
}

func (p *plain) name(key int64) string { return "policy:" + strconv.FormatInt(key, 10) }

// trip counts a round trip that began at start.
func trip(ctx context.Context, start time.Time) { reqstats.From(ctx).Redis(time.Since(start)) }

// get reads a key from the cache.
func (p *plain) get(ctx context.Context, key int64) (change int64, ok bool, err error) {
	defer trip(ctx, time.Now())
	change, err = p.client.Get(ctx, p.name(key)).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, false, nil
	}
	return change, err == nil, err
}

func (p *plain) set(ctx context.Context, key, change int64) error {
	defer trip(ctx, time.Now())
	return p.client.Set(ctx, p.name(key), change, entryFor).Err()
}

func (p *plain) del(ctx context.Context, key int64) error {
	defer trip(ctx, time.Now())
	return p.client.Del(ctx, p.name(key)).Err()
}

// Read reads the cache, and on a miss reads SQL and fills.
func (p *plain) Read(ctx context.Context, key int64) (int64, error) {
	if change, ok, err := p.get(ctx, key); ok || err != nil {
		return change, err
	}
	return p.fill(ctx, key)
}

// fill reads SQL and stores the result in the cache.
func (p *plain) fill(ctx context.Context, key int64) (int64, error) {
	rows, err := p.table.read(ctx, key)
	if err != nil {
		return 0, err
	}
	p.afterSQL(ctx, key)
	return rows[0].change, p.set(ctx, key, rows[0].change)
}

// Stop closes the connections.
func (p *plain) Stop(context.Context) error { return p.client.Close() }

// Die closes the connections.
func (p *plain) Die() error { return p.client.Close() }

// locks holds a lock for each key. Some keys share one.
type locks [64]sync.Mutex

func (l *locks) of(key int64) *sync.Mutex { return &l[uint64(key)%uint64(len(l))] }
