package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/cache"
)

// settled is how long the stores are left alone before their counters are read. Within it consumer groups finish, and PostgreSQL's
// processes publish their counters, which an idle one does after 10 s.
const settled = 12 * time.Second

// sampledKeys is of how many keys of a kind the memory is read.
const sampledKeys = 500

// sizes measures what Roost's stores hold for each row and entry, and what requests add to them.
func (b *bench) sizes(ctx context.Context) (s *report.Sizes, err error) {
	if err := b.rig.Roost.Restart(ctx); err != nil { // measurements of pushes leave it stopped
		return nil, err
	}
	c := &counters{db: b.rig.Roost.DB}
	if c.redis, err = b.rig.Roost.Redis(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.redis.Close()) }()
	s = &report.Sizes{}
	if s.Population, err = population(ctx, c.db); err != nil {
		return nil, err
	}
	if s.Tables, err = tableSizes(ctx, c.db); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		name    string
		traffic load.Traffic
	}{
		{"home", b.world.HomesOf(b.world.Viewers).Roost},
		{"react", b.world.ReactionsOf(b.world.Viewers)},
		{"tweet", ops.TweetsOf(b.world.Viewers)},
	} {
		say("sizes, %s", r.name)
		f, err := b.footprint(ctx, c, r.traffic)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		f.Name = r.name
		s.Requests = append(s.Requests, f)
	}
	s.Entries, err = entrySizes(ctx, c.redis)
	return s, err
}

// footprint measures a closed loop of requests.
func (b *bench) footprint(ctx context.Context, c *counters, traffic load.Traffic) (f report.Footprint, err error) {
	t := b.rig.Roost
	pool, err := load.NewPool(ctx, t.Addr, b.Connections, traffic)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if _, err := pool.Closed(ctx, b.Warm+b.Duration); err != nil { // until Redis and the process have what is read
		return f, err
	}
	before, err := c.read(ctx)
	if err != nil {
		return f, err
	}
	r, used, err := b.loop(ctx, t, pool)
	if err != nil {
		return f, err
	}
	after, err := c.read(ctx)
	if err != nil {
		return f, err
	}
	n := float64(r.Latency.Count())
	s := sampleOf(&r.Latency, r.Elapsed, used)
	f = report.Footprint{Requests: s.Requests, Server: s.Server, Postgres: s.Postgres, Redis: s.Redis, Body: float64(r.Bytes) / n}
	for i, to := range []*float64{&f.Rows, &f.WALBytes, &f.Events, &f.Commands, &f.RedisBytes} {
		*to = (after[i] - before[i]) / n
	}
	return f, nil
}

// loop runs a closed loop and returns what the target used for it.
func (b *bench) loop(ctx context.Context, t *rig.Target, pool *load.Pool) (*load.Result, rig.Usage, error) {
	w, err := openWindow(ctx, t, b.Duration, nil)
	if err != nil {
		return nil, rig.Usage{}, err
	}
	r, err := pool.Closed(ctx, b.Duration)
	used, usedErr := w.close()
	if err == nil && r.Latency.Count() == 0 {
		err = errors.New("nothing was answered")
	}
	return r, used, errors.Join(err, usedErr)
}

// counters reads what the stores have counted so far.
type counters struct {
	db    *sql.DB
	redis *redis.Client
}

// read returns written rows, bytes of PostgreSQL's log, events, commands of Redis, and bytes that went to and came from Redis.
func (c *counters) read(ctx context.Context) (all [5]float64, err error) {
	if err := until(ctx, time.Now().Add(settled)); err != nil {
		return all, err
	}
	if err := c.db.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables),
		pg_current_wal_lsn() - '0/0', (SELECT coalesce(max(seq), 0) FROM events)`).Scan(&all[0], &all[1], &all[2]); err != nil {
		return all, fmt.Errorf("read the counters of PostgreSQL: %w", err)
	}
	info, err := c.redis.Info(ctx, "stats").Result()
	if err != nil {
		return all, fmt.Errorf("read the counters of Redis: %w", err)
	}
	var in, out float64
	for name, to := range map[string]*float64{
		"total_commands_processed": &all[3], "total_net_input_bytes": &in, "total_net_output_bytes": &out} {
		_, rest, _ := strings.Cut(info, "\n"+name+":")
		text, _, _ := strings.Cut(rest, "\r")
		if *to, err = strconv.ParseFloat(text, 64); err != nil {
			return all, fmt.Errorf("read the counters of Redis: %w", err)
		}
	}
	all[4] = in + out
	return all, nil
}

func population(ctx context.Context, db *sql.DB) (p report.Population, err error) {
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM follows WHERE active),
		(SELECT count(*) FROM tweets), (SELECT count(*) FROM reactions), max(follower_count),
		coalesce((SELECT avg(s.follower_count) FROM tweets t JOIN user_stats s ON s.user_id = t.author_id), 0) FROM user_stats`).
		Scan(&p.Users, &p.Follows, &p.Tweets, &p.Reactions, &p.MaxFollowers, &p.TweetFollowers)
	return p, err
}

// tableSizes returns the sizes of the tables that grow with a site.
func tableSizes(ctx context.Context, db *sql.DB) (all []report.TableSize, err error) {
	for _, name := range []string{"users", "user_stats", "username_claims", "email_claims", "sessions", "follows", "tweets",
		"tweet_stats", "reactions", "events", "search_tweets", "search_names"} {
		t := report.TableSize{Name: name}
		var bytes float64
		if err := db.QueryRowContext(ctx, `SELECT count(*), pg_total_relation_size('`+name+`') FROM `+name).Scan(&t.Rows, &bytes); err != nil {
			return nil, fmt.Errorf("measure %s: %w", name, err)
		}
		if t.Rows > 0 {
			t.RowBytes = bytes / float64(t.Rows)
		}
		all = append(all, t)
	}
	return all, nil
}

// entrySizes returns the sizes of the keys of Redis, by the letters of their prefix.
func entrySizes(ctx context.Context, client *redis.Client) (all []report.EntrySize, err error) {
	kinds := map[string]*report.EntrySize{}
	sampled := map[string]int64{}
	scan := client.Scan(ctx, 0, "*", 1000).Iterator()
	for scan.Next(ctx) {
		prefix := keyKind(scan.Val())
		e := kinds[prefix]
		if e == nil {
			e = &report.EntrySize{Prefix: prefix}
			kinds[prefix] = e
		}
		if e.Keys++; e.Keys > sampledKeys {
			continue
		}
		bytes, err := client.MemoryUsage(ctx, scan.Val(), 0).Result()
		if errors.Is(err, redis.Nil) { // it has ended
			continue
		}
		if err != nil {
			return nil, err
		}
		sampled[prefix]++
		e.KeyBytes += float64(bytes)
	}
	for prefix, e := range kinds {
		e.KeyBytes /= float64(max(sampled[prefix], 1))
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b report.EntrySize) int { return strings.Compare(a.Prefix, b.Prefix) })
	return all, scan.Err()
}

// keyKind returns the prefix of a key of the cache, or "others".
func keyKind(key string) string {
	rest, ok := strings.CutPrefix(key, cache.EntryPrefix)
	letters, _, named := strings.Cut(rest, ":")
	if !ok || !named {
		return "others"
	}
	return letters
}
