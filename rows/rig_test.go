package rows

import (
	"testing"
	"time"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/redistest"
)

// rig is a database with a cache before it, which two nodes use.
type rig struct {
	Sources
	db     *sqldb.DB
	client *ent.Client
	redis  *redistest.Redis // nil for the one in the process
	log    *events.Log
	clock  *clock.Fake
	// here is the node that writes, there another one.
	here, there *Store
}

// onBoth runs a test on both kinds of stores.
func onBoth(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		var server *redistest.Redis // none is for the one in the process
		if c.URL != "" {
			server = redistest.Start(t)
		}
		test(t, newRig(t, c, server))
	})
}

func newServerRig(t testing.TB) *rig {
	t.Helper()
	return newRig(t, sqldb.Config{URL: dbtest.Postgres(t), MaxConns: 8}, redistest.Start(t))
}

func newRig(t testing.TB, c sqldb.Config, server *redistest.Redis) *rig {
	t.Helper()
	db := dbtest.Open(t, c)
	client, now := ent.NewClient(ent.Driver(db.Driver)), clock.NewFake(time.Now())
	log, gen := events.New(client, now), ids.NewGenerator(now, idlease.New(db))
	cfg := accounts.DefaultConfig()
	cfg.Hashing = accounts.Hashing{Memory: 64, Time: 1, Parallel: 4, Waiting: 100}
	cfg.Limits = accounts.Limits{} // all come from one address
	r := &rig{db: db, client: client, redis: server, log: log, clock: now, Sources: Sources{
		Accounts: accounts.New(client, log, gen, now, cfg), Counts: counts.New(client), Follows: follows.New(client, db, log, gen),
		Tweets: tweets.New(client, db, log, gen), Reactions: reactions.New(client, db, log), Retweets: retweets.New(client, db, log, gen),
		Timelines: timelines.New(db)}}
	redisURL := ""
	if server != nil {
		redisURL = server.URL()
	}
	redis, err := cache.Open(cache.Config{URL: redisURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	})
	r.here, r.there = newStore(t, redis, r.Sources), newStore(t, redis, r.Sources)
	log.SetInvalidator(r.here)
	return r
}

func (r *rig) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := r.db.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func newStore(t testing.TB, redis *cache.Redis, s Sources) *Store {
	t.Helper()
	tier, err := cache.NewTier(redis)
	if err != nil {
		t.Fatal(err)
	}
	store, err := New(tier, s)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
