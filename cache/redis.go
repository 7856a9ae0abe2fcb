package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"roost/internal/reqstats"
)

// callTimeout bounds one call to Redis, including the time to connect.
const callTimeout = 250 * time.Millisecond

// If the process itself runs late, a call's deadline moves by extraPerLag times that delay, at most maxExtra. An answer may have arrived
// that the process has not read yet.
const (
	extraPerLag = 4
	maxExtra    = 750 * time.Millisecond
)

// lateAfter is a divisor. If the process ran late by a fifth of the timeout or more, a timeout says nothing about Redis.
const lateAfter = 5

// connsPerProcessor and minConns set the default number of connections to one server. Calls are short, but under overload many run at
// once.
const connsPerProcessor, minConns = 16, 64

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
	// Copies bounds what the process keeps of rows, in bytes: copies of entries, and what Tier.Reserve takes of the bound. 0 is a quarter of
	// the process' memory limit, at most 256 MiB. With a negative number there are no copies.
	Copies int64
	// Late returns the longest delay of this process since a time; nil means that it never runs late. See package lag.
	Late func(since time.Time) time.Duration
}

// Redis is a connection pool to each server, with its breaker. It is safe for concurrent use.
type Redis struct {
	client      redis.UniversalClient
	only        *shard   // the one server, nil when there are several
	shards      sync.Map // *redis.Client -> *shard
	layout      breaker  // for asking a cluster for its layout
	embedded    *miniredis.Miniredis
	timeout     time.Duration // for one call
	batch       int           // the most keys of one pipeline
	late        func(since time.Time) time.Duration
	address     *address
	coherence   coherence
	copyMetrics *copyMetrics
	copies      *copies // nil without any
	memory      int64   // of copies and of what was reserved beside them, in bytes
	// anyCluster makes copies be used in every version of a cluster, for tests that move no slot.
	anyCluster bool

	failed, refused, doubtful atomic.Int64
}

// poolLog logs what go-redis reports of each failing connection, at debug level. The breaker logs when a server is lost.
type poolLog struct{}

func (poolLog) Printf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, fmt.Sprintf(format, v...))
}

// go-redis has one logger for the process.
var setPoolLog = sync.OnceFunc(func() { redis.SetLogger(poolLog{}) })

// Open returns the connection pools of a Redis. It does not connect: a Redis that does not answer is no error.
func Open(c Config) (*Redis, error) { return openVia(c, callTimeout, nil) }

// dialFunc connects to a server.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// openVia is Open with a timeout for calls and, if dial is not nil, with a dialer for the one server.
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
		a.options.Addr, r.timeout = "in this process", embeddedTimeout // the name in logs
		a.options.PoolSize = embeddedConns
	}
	if c.Conns > 0 {
		a.options.PoolSize = c.Conns
	}
	a.options.Dialer = dial
	if c.URL != "" && (a.form == "" || a.form == schemeSentinel) { // elsewhere a server is its address
		a.options.OnConnect = r.arrived
	}
	r.address = a
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
	r.keepCopies(c.Copies)
	return r, nil
}

// Embedded reports whether Redis runs in this process.
func (r *Redis) Embedded() bool { return r.embedded != nil }

// Ping returns an error if a server does not answer.
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

// Close closes all connections and stops the in-process Redis.
func (r *Redis) Close() error {
	r.coherence.close()
	err := r.client.Close()
	if r.embedded != nil {
		r.embedded.Close()
	}
	return err
}

// ErrDown is returned for calls that were not sent because the last ones failed.
var ErrDown = errors.New("redis is down")

// call runs one call on the server of a key.
func (r *Redis) call(ctx context.Context, key string, fn func(ctx context.Context, c *redis.Client) error) error {
	s, err := r.route(ctx, key)
	if err != nil {
		return err
	}
	err = r.asked(ctx, &s.breaker, func(ctx context.Context) error { return fn(ctx, s.client) })
	r.noteMoved(ctx, err)
	return err
}

// noteMoved starts reading the layout of a cluster again, in the background, if an error shows that it has changed.
func (r *Redis) noteMoved(ctx context.Context, err error) {
	if _, moved := redis.IsMovedError(err); moved {
		if c, ok := r.client.(*redis.ClusterClient); ok {
			c.ReloadState(ctx)
		}
	}
}

// patience returns the timeout of a call that begins now.
func (r *Redis) patience(now time.Time) time.Duration {
	return r.timeout + min(extraPerLag*r.late(now.Add(-r.timeout)), maxExtra)
}

// asked runs one call under a breaker and with a deadline. Any answer is a success, also an error of Redis or a missing key.
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
		b.abandon() // the caller has left, or all connections are in use, which says nothing about Redis
		return err
	}
	how := answered
	switch {
	case failed && timedOut(err) && r.late(began) >= r.timeout/lateAfter:
		how = unclear // the answer may have arrived without being read
		r.doubtful.Add(1)
	case failed:
		how = broken
		r.failed.Add(1)
	}
	if changed, open := b.report(how, time.Now()); changed {
		if open {
			slog.WarnContext(ctx, "redis does not answer; calls of it are refused until it does", "error", err)
		} else {
			slog.WarnContext(ctx, "redis answers again")
		}
	}
	return err
}

// away reports whether an error means that the server cannot be used. Answers of the server, also errors, do not mean that.
func away(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) {
		return false
	}
	var answer redis.Error
	return !errors.As(err, &answer) || redis.IsLoadingError(err) || redis.IsMaxClientsError(err) || redis.IsAuthError(err)
}

// isLost reports whether an established connection has ended, although the server may be all right: somebody killed the connection, or
// a proxy ended it.
func isLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// timedOut reports whether a call failed because no answer came in time.
func timedOut(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// unusable reports whether a server was not asked or cannot be reached.
func unusable(err error) bool { return errors.Is(err, ErrDown) || away(err) }

// counting is a hook that counts the round trips of each request.
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

// setsUp reports whether a command sets up a connection. Such commands are not counted for the request that happens to need the
// connection first.
func setsUp(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "hello", "auth", "select", "client", "readonly":
		return true
	}
	return false
}

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).Redis(time.Since(start)) }
