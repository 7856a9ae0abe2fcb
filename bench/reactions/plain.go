package reactions

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"roost/domain/reactions"
	"roost/internal/sqldb"
)

const (
	// entryFor is the TTL of entries that are deleted when their tweet's counts change.
	entryFor = 10 * time.Minute
	// convergeFor is the TTL of entries that writers increment. It is longer than the worker waits between two batches.
	convergeFor = 2 * time.Second
	// workEvery is how often the worker counts: as often as Roost drains.
	workEvery = reactions.DrainEvery
)

// plain is what the ways without Roost's code have in common: entries in Redis, and a worker if there is a log table.
type plain struct {
	stores
	client *redis.Client
	ttl    time.Duration
	// like is the statement of a like; increment makes the writer increment the entry, and forget makes it delete the entry.
	like              string
	increment, forget bool
	worker            *worker // nil without a log table
}

func open(s stores) (*plain, error) {
	o, err := redis.ParseURL(s.redis)
	if err != nil {
		return nil, err
	}
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &plain{stores: s, client: redis.NewClient(o), ttl: entryFor}, nil
}

const likeRow = `WITH liked AS (INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
	VALUES ($1, $2, 1, 0, now(), 1) ON CONFLICT (tweet_id, user_id) DO UPDATE SET prev = reactions.kind, kind = 1,
	reacted_at = excluded.reacted_at, version = reactions.version + 1 WHERE reactions.kind <> 1 RETURNING tweet_id) `

func openHot(_ context.Context, s stores) (Counter, error) {
	p, err := open(s)
	if err != nil {
		return nil, err
	}
	p.forget = true
	p.like = likeRow + `INSERT INTO tweet_stats (tweet_id, like_count, revision) SELECT tweet_id, 1, 1 FROM liked
		ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + 1, revision = tweet_stats.revision + 1`
	return p, nil
}

const queueLike = likeRow + `INSERT INTO bench_reaction_queue (tweet_id) SELECT tweet_id FROM liked`

func openQueue(_ context.Context, s stores) (Counter, error) {
	p, err := open(s)
	if err != nil {
		return nil, err
	}
	p.like = queueLike
	p.worker = startWorker(p.db, p.forgetAll)
	return p, nil
}

func openIncrement(_ context.Context, s stores) (Counter, error) {
	p, err := open(s)
	if err != nil {
		return nil, err
	}
	p.like, p.increment, p.ttl = queueLike, true, convergeFor
	p.worker = startWorker(p.db, func(context.Context, []int64) error { return nil })
	return p, nil
}

func entry(tweet int64) string { return "likes:" + strconv.FormatInt(tweet, 10) }

// incrementScript increments an entry that exists, and leaves its TTL as it is.
var incrementScript = redis.NewScript(`if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCR', KEYS[1]) end`)

// Like is part of Counter.
func (p *plain) Like(ctx context.Context, user, tweet int64) error {
	if _, err := p.db.ExecContext(ctx, p.like, tweet, user); err != nil {
		return err
	}
	if p.die() {
		return errDied
	}
	switch {
	case p.forget:
		return p.client.Del(ctx, entry(tweet)).Err()
	case p.increment:
		if err := incrementScript.Run(ctx, p.client, []string{entry(tweet)}).Err(); !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// Shown is part of Counter.
func (p *plain) Shown(ctx context.Context, tweet int64) (n int64, err error) {
	n, err = p.client.Get(ctx, entry(tweet)).Int64()
	if !errors.Is(err, redis.Nil) {
		return n, err
	}
	if n, err = likesIn(ctx, p.db, tweet); err != nil {
		return 0, err
	}
	return n, p.client.Set(ctx, entry(tweet), n, p.ttl).Err()
}

// likesIn returns the likes in a tweet's row of counts.
func likesIn(ctx context.Context, db *sqldb.DB, tweet int64) (n int64, err error) {
	return n, sqldb.ScanOne(ctx, db, `SELECT coalesce(sum(like_count), 0)::bigint FROM tweet_stats WHERE tweet_id = $1`, []any{tweet}, &n)
}

func (p *plain) forgetAll(ctx context.Context, tweets []int64) error {
	if len(tweets) == 0 {
		return nil
	}
	names := make([]string, len(tweets))
	for i, tweet := range tweets {
		names[i] = entry(tweet)
	}
	return p.client.Del(ctx, names...).Err()
}

// Interrupt is part of Counter.
func (p *plain) Interrupt(context.Context) error {
	if p.worker == nil {
		return nil
	}
	return p.worker.end(true)
}

// Resume is part of Counter.
func (p *plain) Resume(context.Context) error {
	if p.worker != nil {
		p.worker = startWorker(p.db, p.worker.after)
	}
	return nil
}

// Stop is part of Counter.
func (p *plain) Stop(context.Context) error {
	var err error
	if p.worker != nil {
		err = p.worker.end(false)
	}
	return errors.Join(err, p.client.Close())
}

// worker adds the log table to the counts.
type worker struct {
	db *sqldb.DB
	// after is called with the tweets of each batch after its commit.
	after  func(ctx context.Context, tweets []int64) error
	dying  atomic.Bool
	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error
}

func startWorker(db *sqldb.DB, after func(ctx context.Context, tweets []int64) error) *worker {
	w := &worker{db: db, after: after}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.done.Go(func() { w.err = w.run(ctx) })
	return w
}

func (w *worker) run(ctx context.Context) error {
	tick := time.NewTicker(workEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.batch(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("count a batch: %w", err)
		}
	}
}

// batch counts what is in the log table now.
func (w *worker) batch(ctx context.Context) error {
	tweets, err := sqldb.ScanAll(ctx, w.db, `WITH taken AS (DELETE FROM bench_reaction_queue RETURNING tweet_id)
		INSERT INTO tweet_stats (tweet_id, like_count, revision)
		SELECT tweet_id, count(*), count(*) FROM taken GROUP BY tweet_id ORDER BY tweet_id
		ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
		revision = tweet_stats.revision + excluded.revision RETURNING tweet_id`, nil, func(id *int64) []any { return []any{id} })
	if err != nil || w.dying.Load() {
		return err
	}
	return w.after(ctx, tweets)
}

// end ends the worker. One that dies commits a last batch and does nothing after it.
func (w *worker) end(dies bool) error {
	w.dying.Store(dies)
	w.cancel()
	w.done.Wait()
	if dies && w.err == nil {
		w.err = w.batch(context.Background())
	}
	return w.err
}
