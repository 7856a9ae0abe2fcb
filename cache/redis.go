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
	"github.com/redis/go-redis/v9/maintnotifications"

	"roost/internal/lifecycle"
	"roost/internal/reqstats"
)

// callTimeout bounds one call of Redis, connecting included.
const callTimeout = 250 * time.Millisecond

// Config says which Redis to use.
type Config struct {
	// URL is redis://[user:password@]host:port[/db] or rediss://; empty runs one in the process.
	URL string
}

// Redis is a connection pool with its breaker. It is safe for concurrent use.
type Redis struct {
	client   *redis.Client
	breaker  breaker
	embedded *miniredis.Miniredis

	failed, refused atomic.Int64
}

// poolLog takes what go-redis says of each connection that fails; the breaker tells when it matters.
type poolLog struct{}

func (poolLog) Printf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, fmt.Sprintf(format, v...))
}

// go-redis has one logger for the process.
var setPoolLog = sync.OnceFunc(func() { redis.SetLogger(poolLog{}) })

// Open prepares the pool. A Redis that does not answer is no error: it may come later.
func Open(c Config) (*Redis, error) {
	setPoolLog()
	r := &Redis{}
	opts := &redis.Options{}
	if c.URL != "" {
		var err error
		if opts, err = parseURL(c.URL); err != nil {
			return nil, err
		}
	} else {
		r.embedded = miniredis.NewMiniRedis()
		if err := r.embedded.StartAddr("127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("start the in-process Redis: %w", err)
		}
		opts.Addr = r.embedded.Addr()
		opts.Dialer = func(context.Context, string, string) (net.Conn, error) { return r.embedded.Dial() }
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = callTimeout, callTimeout, callTimeout, callTimeout
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries, opts.DialerRetries = -1, 1
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	r.client = redis.NewClient(opts)
	r.client.AddHook(counting{})
	return r, nil
}

// Embedded reports whether Redis runs in this process.
func (r *Redis) Embedded() bool { return r.embedded != nil }

// Ping reports whether Redis answers.
func (r *Redis) Ping(ctx context.Context) error {
	return r.call(ctx, func(ctx context.Context) error { return r.client.Ping(ctx).Err() })
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

// call runs one call under the breaker and the deadline. A missing key is not a failure.
func (r *Redis) call(ctx context.Context, fn func(ctx context.Context) error) error {
	if !r.breaker.allow(time.Now()) {
		r.refused.Add(1)
		return ErrDown
	}
	short, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := fn(short)
	failed := err != nil && !errors.Is(err, redis.Nil)
	if failed && ctx.Err() != nil {
		r.breaker.abandon() // the caller left; that says nothing about Redis
		return err
	}
	if failed {
		r.failed.Add(1)
	}
	if changed, open := r.breaker.report(!failed, time.Now()); changed {
		slog.WarnContext(ctx, "redis", "answers", !open, "error", err)
	}
	return err
}

// counting counts round trips for the request that makes them.
type counting struct{}

func (counting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		defer count(ctx, time.Now())
		return next(ctx, cmd)
	}
}

func (counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		defer count(ctx, time.Now())
		return next(ctx, cmds)
	}
}

func count(ctx context.Context, start time.Time) { reqstats.From(ctx).Redis(time.Since(start)) }

const (
	// embeddedTick moves the in-process Redis' clock; its keys expire within this time.
	embeddedTick = time.Second
	// embeddedKeys is how many keys the in-process Redis keeps.
	embeddedKeys = 40_000
)

// Ticker is the service that expires keys of an in-process Redis and keeps it small; with a real Redis
// it does nothing.
func (r *Redis) Ticker() lifecycle.Service {
	return &lifecycle.Loop{Run: func(ctx context.Context) {
		if r.embedded == nil {
			return
		}
		tick := time.NewTicker(embeddedTick)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				r.embedded.FastForward(now.Sub(last))
				last = now
				if len(r.embedded.DB(0).Keys()) > embeddedKeys {
					r.embedded.FlushAll()
				}
			}
		}
	}}
}
