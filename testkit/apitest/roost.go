// Package apitest runs Roost for tests that use its public API. It runs whole nodes in the test's process, on both kinds of
// stores, and has a GraphQL client and a websocket client.
package apitest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/app"
	"roost/domain/accounts"
	"roost/events"
	"roost/internal/sqldb"
	"roost/rows"
	"roost/testkit/dbtest"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// Mode is a kind of stores.
type Mode string

// The kinds of stores. Every feature is tested on both.
const (
	Embedded Mode = "sqlite+miniredis"
	Server   Mode = "postgres+redis"
)

// Patience is how long tests wait, see package testtime.
const Patience = testtime.Patience

// Roost is a running node with what a test needs around it.
type Roost struct {
	App  *app.App
	Mode Mode
	// URL is the node's address, http://127.0.0.1:port.
	URL string
	// Redis is the node's Redis in Server mode, nil in Embedded.
	Redis *redistest.Redis
	// Config is the configuration with which the node was started. A second node may start from it.
	Config app.Config

	stop func()
}

// Option changes the configuration before a node starts.
type Option func(*app.Config)

// Each runs the test on both kinds of stores, in parallel, each time with a fresh node on empty stores.
func Each(t *testing.T, fn func(t *testing.T, r *Roost), opts ...Option) {
	t.Helper()
	t.Parallel()
	for _, m := range []Mode{Embedded, Server} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			fn(t, New(t, m, opts...))
		})
	}
}

// quiet keeps the nodes' logs out of the tests' output, unless ROOST_TEST_LOG is set.
var quiet = sync.OnceFunc(func() {
	if os.Getenv("ROOST_TEST_LOG") == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
})

// New starts a node on empty stores of the kind; it stops with the test.
func New(t testing.TB, m Mode, opts ...Option) *Roost {
	t.Helper()
	c := app.Config{Addr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", PublicURL: "http://roost.test", Roles: "api,worker",
		ServerTiming: true, ReadCache: true, Introspection: true, App: true, Playground: true, DatabaseWait: Patience,
		QueueWait: 10 * time.Second, Plans: os.Getenv("ROOST_TEST_PLANS") != "off", PreparedTimelines: os.Getenv("ROOST_TEST_PREPARED"),
		Hashing: &accounts.Hashing{Memory: 64, Time: 1, Parallel: 4, Waiting: 1000}}
	var redis *redistest.Redis
	if m == Server {
		redis = redistest.Start(t)
		c.DatabaseURL, c.RedisURL, c.DatabaseConn = Migrated(t), redis.URL(), 16
	} else {
		c.DataDir = filepath.Join(t.TempDir(), "data")
	}
	for _, o := range opts {
		o(&c)
	}
	r := Start(t, c)
	r.Mode, r.Redis = m, redis
	return r
}

// Plans reports whether nodes answer from compiled plans: always, unless ROOST_TEST_PLANS is "off". All tests pass either way.
func Plans() bool { return os.Getenv("ROOST_TEST_PLANS") != "off" }

// Migrated returns a private PostgreSQL database at the current schema.
func Migrated(t testing.TB) string { return dbtest.Postgres(t) }

// Start starts a node from a configuration; it stops with the test.
func Start(t testing.TB, c app.Config) *Roost {
	t.Helper()
	quiet()
	ctx := context.Background()
	node, err := app.New(ctx, c)
	if err != nil {
		t.Fatalf("build a node: %v", err)
	}
	if err := node.Start(ctx); err != nil {
		t.Fatalf("start a node: %v", err)
	}
	r := &Roost{App: node, Mode: Embedded, URL: "http://" + node.Addr().String(), Config: c}
	if c.Server() {
		r.Mode = Server
	}
	r.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := node.Stop(ctx); err != nil {
			t.Errorf("stop the node: %v", err)
		}
		if err := node.Close(); err != nil {
			t.Errorf("close the node: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// Stop stops the node before the test ends.
func (r *Roost) Stop() { r.stop() }

// DB opens the node's database a second time, for oracles and for looking at rows.
func (r *Roost) DB(t testing.TB) *sqldb.DB {
	t.Helper()
	c := sqldb.Config{URL: r.Config.DatabaseURL, MaxConns: 4}
	if c.URL == "" {
		c.File = filepath.Join(r.Config.DataDir, "roost.db")
	}
	db, err := sqldb.Open(context.Background(), c)
	if err != nil {
		t.Fatalf("open the node's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the node's database: %v", err)
		}
	})
	return db
}

// Int reads one number with SQL.
func Int(t testing.TB, db *sqldb.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.Writer().QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Ints reads one column of numbers with SQL.
func Ints(t testing.TB, db *sqldb.DB, query string, args ...any) (out []int64) {
	t.Helper()
	rows, err := db.Writer().QueryContext(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// UntilRelayed waits until the relay has confirmed the invalidations of all writes. Until then it may repair what a test makes wrong. A
// node with embedded stores has no relay.
func (r *Roost) UntilRelayed(t testing.TB) {
	t.Helper()
	db := r.DB(t)
	if !db.IsPostgres() {
		return
	}
	log := events.NewReader(db)
	Until(t, "the relay to pass all writes", func() bool {
		if Int(t, db, "SELECT count(*) FROM events WHERE seq IS NULL") > 0 {
			return false
		}
		end, err := log.After(context.Background(), 0, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		position, _, err := log.GroupPosition(context.Background(), rows.RelayGroup)
		if err != nil {
			t.Fatal(err)
		}
		return position >= end.Head
	})
}

// Until waits until the condition holds, or fails the test; what describes the condition.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	testtime.Until(t, what, condition)
}

var serial atomic.Int64

// Unique makes a name that no other call in this process returns.
func Unique(prefix string) string { return fmt.Sprintf("%s%d", prefix, serial.Add(1)) }
