package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"roost/internal/reqstats"
)

// callTimeout bounds one call of Redis, connecting included.
const callTimeout = 250 * time.Millisecond

// When the process itself runs late, a call has extraPerLag times as long more as that, at most mostExtra: an answer that
// has come must be found by whoever reads it late.
const (
	extraPerLag = 4
	mostExtra   = 750 * time.Millisecond
)

// lateAfter is the part of a call's time that the process has to be late for a call without an answer in time to
// say nothing about Redis.
const lateAfter = 5

// connsPerProcessor and leastConns bound the connections to one server: calls are short, but under overload there
// are many at once.
const connsPerProcessor, leastConns = 16, 64

// Config says which Redis to use.
type Config struct {
	// URL is one of
	//
	//	redis://[user:password@]host:port[/db]                one server
	//	redis+cluster://[user:password@]host:port,host:port   a Redis Cluster, by some of its nodes; also
	//	                                                      redis:// with several addresses
	//	redis+ring://[user:password@]host:port,…[/db]         independent servers that share the keys by
	//	                                                      consistent hashing; every node names the same
	//	redis+sentinel://[user:password@]host:port,…/name     the primary that the Sentinels call name
	//
	// with rediss instead of redis for TLS; empty runs one in the process.
	URL string
	// Conns bounds the connections to one server; 0 is 16 a processor, at least 64.
	Conns int
	// Late says how late this process ran at most since a time; nil is never. See package lag.
	Late func(since time.Time) time.Duration
}

// Redis is a connection pool to each server, with its breaker. It is safe for concurrent use.
type Redis struct {
	client   redis.UniversalClient
	only     *shard   // the one server, nil when there are several
	shards   sync.Map // *redis.Client -> *shard
	layout   breaker  // of asking a cluster for its layout
	embedded *miniredis.Miniredis
	timeout  time.Duration // of a call
	batch    int           // the most keys of one pipeline
	late     func(since time.Time) time.Duration

	failed, refused, doubtful atomic.Int64
}

// poolLog takes what go-redis says of each connection that fails; the breaker tells when it matters.
type poolLog struct{}

func (poolLog) Printf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, fmt.Sprintf(format, v...))
}

// go-redis has one logger for the process.
var setPoolLog = sync.OnceFunc(func() { redis.SetLogger(poolLog{}) })

// Open prepares the pools. A Redis that does not answer is no error: it may come later.
func Open(c Config) (*Redis, error) { return openVia(c, callTimeout, nil) }

// dialFunc connects to a server.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// openVia also says how long a call may take, and connects to one server through a dialer of its own, if
// there is one.
func openVia(c Config, timeout time.Duration, dial dialFunc) (*Redis, error) {
	setPoolLog()
	r := &Redis{timeout: timeout, batch: maxBatch, late: c.Late}
	if r.late == nil {
		r.late = func(time.Time) time.Duration { return 0 }
	}
	a := &address{options: &redis.Options{}}
	if c.URL != "" {
		var err error
		if a, err = parseURL(c.URL); err != nil {
			return nil, err
		}
	} else {
		var err error
		if r.embedded, dial, err = startEmbedded(); err != nil {
			return nil, err
		}
		a.options.Addr, r.timeout = "in this process", embeddedTimeout // the name that logs have
		a.options.PoolSize = embeddedConns
	}
	if c.Conns > 0 {
		a.options.PoolSize = c.Conns
	}
	a.options.Dialer = dial
	r.client = a.client(r.timeout)
	switch c := r.client.(type) {
	case *redis.ClusterClient:
		c.OnNewNode(func(node *redis.Client) { node.AddHook(counting{}) })
	case *redis.Ring:
		for _, node := range c.GetShardClients() {
			node.AddHook(counting{})
		}
	case *redis.Client:
		c.AddHook(counting{})
		r.only = r.shard(c)
	}
	return r, nil
}

// Embedded reports whether Redis runs in this process.
func (r *Redis) Embedded() bool { return r.embedded != nil }

// Ping reports whether every server answers.
func (r *Redis) Ping(ctx context.Context) error {
	all, err := r.servers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		if err := r.asked(ctx, &s.breaker, func(ctx context.Context) error { return s.client.Ping(ctx).Err() }); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name(), err))
		}
	}
	return errors.Join(errs...)
}

// Close ends the pool and the in-process Redis.
func (r *Redis) Close() error {
	err := r.client.Close()
	if r.embedded != nil {
		r.embedded.Close()
	}
	return err
}

// ErrDown says that Redis was not asked because it failed lately.
var ErrDown = errors.New("redis is down")

// call runs one call of the server of a key.
func (r *Redis) call(ctx context.Context, key string, fn func(ctx context.Context, c *redis.Client) error) error {
	s, err := r.route(ctx, key)
	if err != nil {
		return err
	}
	err = r.asked(ctx, &s.breaker, func(ctx context.Context) error { return fn(ctx, s.client) })
	r.noteMoved(ctx, err)
	return err
}

// noteMoved has the layout of a cluster read again, in the background, when it is not what we know.
func (r *Redis) noteMoved(ctx context.Context, err error) {
	if _, moved := redis.IsMovedError(err); moved {
		if c, ok := r.client.(*redis.ClusterClient); ok {
			c.ReloadState(ctx)
		}
	}
}

// patience is how long a call may take that begins now.
func (r *Redis) patience(now time.Time) time.Duration {
	return r.timeout + min(extraPerLag*r.late(now.Add(-r.timeout)), mostExtra)
}

// asked runs one call under a breaker and the deadline. An answer is a success, also one that tells of
// an error or of a missing key.
func (r *Redis) asked(ctx context.Context, b *breaker, fn func(ctx context.Context) error) error {
	began := time.Now()
	if !b.allow(began) {
		r.refused.Add(1)
		return ErrDown
	}
	short, cancel := context.WithTimeout(ctx, r.patience(began))
	defer cancel()
	err := fn(short)
	failed := away(err)
	if failed && (ctx.Err() != nil || errors.Is(err, redis.ErrPoolTimeout)) {
		b.abandon() // the caller left, or all connections are in use; that says nothing about Redis
		return err
	}
	how := answered
	switch {
	case failed && timedOut(err) && r.late(began) >= r.timeout/lateAfter:
		how = unclear // the answer may have been there, and nobody to read it
		r.doubtful.Add(1)
	case failed:
		how = broken
		r.failed.Add(1)
	}
	if changed, open := b.report(how, time.Now()); changed {
		slog.WarnContext(ctx, "redis", "answers", !open, "error", err)
	}
	return err
}

// away tells errors of a server that cannot be used from its answers.
func away(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) {
		return false
	}
	var answer redis.Error
	return !errors.As(err, &answer) || redis.IsLoadingError(err) || redis.IsMaxClientsError(err) || redis.IsAuthError(err)
}

// timedOut reports whether a call failed because there was no answer in time.
func timedOut(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// unusable tells that a server was not asked, or is away.
func unusable(err error) bool { return errors.Is(err, ErrDown) || away(err) }

// counting counts round trips for the request that makes them.
type counting struct{}

func (counting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !setsUp(cmd) {
			defer count(ctx, time.Now())
		}
		return next(ctx, cmd)
	}
}

func (counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) > 0 && !setsUp(cmds[0]) {
			defer count(ctx, time.Now())
		}
		return next(ctx, cmds)
	}
}

// setsUp tells the commands with which a pool begins a connection, which some request happens to need first.
func setsUp(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "hello", "auth", "select", "client", "readonly":
		return true
	}
	return false
}

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).Redis(time.Since(start)) }
