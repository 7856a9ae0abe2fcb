package reactions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/bench/load"
	"roost/internal/sqldb"
)

// Stores names the stores of a run. DB has Roost's schema. A run removes everything from Redis, and all reactions, counts and tweets.
type Stores struct {
	DB    *sqldb.DB
	Redis string // URL
	// Usage returns the processor times so far of this process, PostgreSQL, Redis, and the whole machine. It may be nil.
	Usage func() (CPU, error)
}

// CPU is processor time.
type CPU struct{ Process, Postgres, Redis, Machine time.Duration }

// Load describes the writers and the readers. Tweets is 1 for a viral tweet.
type Load struct {
	Name     string        `json:"name"`
	Tweets   int           `json:"tweets"`
	Writers  int           `json:"writers"`
	Readers  int           `json:"readers"`
	Every    time.Duration `json:"every_ns"` // between two reads of a reader
	Duration time.Duration `json:"duration_ns"`
}

// Standard are the loads of the figures in docs/reactions.md.
var Standard = []Load{
	{Name: "viral", Tweets: 1, Writers: 32, Readers: 4, Every: 5 * time.Millisecond, Duration: 4 * time.Second},
	{Name: "uniform", Tweets: 2000, Writers: 32, Readers: 4, Every: 5 * time.Millisecond, Duration: 4 * time.Second},
}

// Fault describes what fails during a run; see the package comment.
type Fault struct {
	Name               string
	flush, interrupted bool
}

// Faults lists the faults, none first.
var Faults = []Fault{{Name: "none"}, {Name: "flush", flush: true}, {Name: "interrupted", interrupted: true}}

// Result is what a run showed. Times are in milliseconds.
type Result struct {
	Way   string `json:"way"`
	Load  string `json:"load"`
	Fault string `json:"fault"`

	Likes     int64   `json:"likes"` // committed
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	// Processor time of a like in microseconds, that of readers included. They are 0 if the stores have no Usage.
	Process  float64 `json:"process_us"`
	Postgres float64 `json:"postgres_us"`
	Redis    float64 `json:"redis_us"`
	// Others is the number of processors that worked for other processes meanwhile.
	Others float64 `json:"others"`
	// RowBehind is the longest time by which the rows of counts were behind the commits, and ShownBehind that of what a reader saw.
	RowBehind   float64 `json:"row_behind_ms"`
	ShownBehind float64 `json:"shown_behind_ms"`
	// Settled is how long after the last like the rows of counts were right.
	Settled float64 `json:"settled_ms"`
	Reads   int64   `json:"reads"`
	// Back is how many reads showed a reader less than that reader had seen before.
	Back int64 `json:"back"`
	// RowDrift and ShownDrift are by how much the counts of all tweets differ from the rows of reactions five seconds after the load: those
	// in rows, and those that readers see.
	RowDrift   int64 `json:"row_drift"`
	ShownDrift int64 `json:"shown_drift"`
}

// maxSettle is how long after the load a run waits for all counts to be right.
const maxSettle = 5 * time.Second

// prepareSQL empties the tables and makes tweets with the ids from 1 on.
const prepareSQL = `
TRUNCATE reactions, tweet_stats, reaction_deltas, reaction_lists, tweets;
CREATE TABLE IF NOT EXISTS bench_reaction_queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tweet_id bigint NOT NULL);
TRUNCATE bench_reaction_queue;
INSERT INTO tweets (id, author_id, text, created_at, version) SELECT n, 1, '', now(), 1 FROM generate_series(1, %d) AS n`

// run is the state of a run.
type run struct {
	Load
	stores  Stores
	counter Counter
	start   time.Time
	users   atomic.Int64

	mu sync.Mutex
	// committed are the times at which the likes of each tweet had been committed; those of key 0 are of all.
	committed map[int64][]time.Duration

	latency                load.Histogram
	reads, back            int64
	rowBehind, shownBehind time.Duration
}

// Run runs a way with a load and a fault.
func Run(ctx context.Context, s Stores, way Way, l Load, fault Fault) (_ *Result, err error) {
	if _, err := s.DB.Writer().ExecContext(ctx, fmt.Sprintf(prepareSQL, l.Tweets)); err != nil {
		return nil, fmt.Errorf("prepare the tables: %w", err)
	}
	if err := emptied(ctx, s.Redis); err != nil {
		return nil, err
	}
	die := never
	if fault.interrupted {
		die = sometimes
	}
	r := &run{Load: l, stores: s, committed: map[int64][]time.Duration{}}
	if r.counter, err = way.open(ctx, stores{db: s.DB, redis: s.Redis, die: die}); err != nil {
		return nil, err
	}
	result, err := r.all(ctx, fault)
	if err := errors.Join(err, r.counter.Stop(ctx)); err != nil {
		return nil, fmt.Errorf("%s, %s, %s: %w", way.Name, l.Name, fault.Name, err)
	}
	result.Way, result.Load, result.Fault = way.Name, l.Name, fault.Name
	return result, nil
}

func (r *run) all(ctx context.Context, fault Fault) (*Result, error) {
	before, err := r.usage()
	if err != nil {
		return nil, err
	}
	r.start = time.Now()
	if err := r.work(ctx, fault); err != nil {
		return nil, err
	}
	elapsed := time.Since(r.start)
	after, err := r.usage()
	if err != nil {
		return nil, err
	}
	used := CPU{Process: after.Process - before.Process, Postgres: after.Postgres - before.Postgres, Redis: after.Redis - before.Redis,
		Machine: after.Machine - before.Machine}
	likes := int64(len(r.committed[0]))
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(max(1, likes)) }
	out := &Result{Likes: likes, PerSecond: float64(likes) / elapsed.Seconds(),
		P50: ms(r.latency.Quantile(0.5)), P99: ms(r.latency.Quantile(0.99)),
		Process: each(used.Process), Postgres: each(used.Postgres), Redis: each(used.Redis),
		Others: max(0, (used.Machine-used.Process-used.Postgres-used.Redis).Seconds()/elapsed.Seconds())}
	out.Reads, out.Back, out.RowBehind, out.ShownBehind = r.reads, r.back, ms(r.rowBehind), ms(r.shownBehind)
	return out, r.settle(ctx, out)
}

func (r *run) usage() (CPU, error) {
	if r.stores.Usage == nil {
		return CPU{}, nil
	}
	return r.stores.Usage()
}

// work runs writers, readers and the fault.
func (r *run) work(ctx context.Context, fault Fault) error {
	ctx, cancel := context.WithTimeout(ctx, r.Duration)
	defer cancel()
	all := []func(context.Context) error{r.watchRows, func(ctx context.Context) error { return r.fail(ctx, fault) }}
	for range r.Writers {
		all = append(all, r.write)
	}
	for range r.Readers {
		all = append(all, r.read)
	}
	errs := make([]error, len(all))
	var done sync.WaitGroup
	for i, fn := range all {
		done.Go(func() {
			if errs[i] = fn(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

func (r *run) tweet() int64 { return 1 + rand.Int64N(int64(r.Tweets)) }

// write likes tweets until the time is over. A like that has begun is finished, so that its outcome is known.
func (r *run) write(ctx context.Context) error {
	for ctx.Err() == nil {
		tweet, began := r.tweet(), time.Now()
		err := r.counter.Like(context.WithoutCancel(ctx), r.users.Add(1), tweet)
		if err != nil && !errors.Is(err, errDied) {
			return fmt.Errorf("like: %w", err)
		}
		at := time.Since(r.start)
		r.mu.Lock()
		r.committed[0], r.committed[tweet] = append(r.committed[0], at), append(r.committed[tweet], at)
		if err == nil {
			r.latency.Record(time.Since(began))
		}
		r.mu.Unlock()
	}
	return nil
}

// behind returns by how much a count, read from a time on, was behind the commits. It is the count of a tweet, or with tweet 0 that of all
// tweets. The result may be less than the truth, because the count may include likes whose writers have not noticed their commit.
func (r *run) behind(tweet, n int64, from time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if all := r.committed[tweet]; n < int64(len(all)) {
		return max(0, from-all[n])
	}
	return 0
}

// read polls the shown counts.
func (r *run) read(ctx context.Context) error {
	seen := map[int64]int64{}
	return every(ctx, r.Every, func() error {
		tweet, from := r.tweet(), time.Since(r.start)
		n, err := r.counter.Shown(ctx, tweet)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		behind := r.behind(tweet, n, from)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reads++
		if n < seen[tweet] {
			r.back++
		}
		seen[tweet] = max(seen[tweet], n)
		r.shownBehind = max(r.shownBehind, behind)
		return nil
	})
}

// watchEvery is how often the rows of counts are compared with the commits.
const watchEvery = 20 * time.Millisecond

func (r *run) watchRows(ctx context.Context) error {
	return every(ctx, watchEvery, func() error {
		from := time.Since(r.start)
		n, err := r.counted(ctx)
		if err == nil {
			r.rowBehind = max(r.rowBehind, r.behind(0, n, from)) // only this goroutine writes it
		}
		return err
	})
}

// counted returns the likes in all rows of counts.
func (r *run) counted(ctx context.Context) (n int64, err error) {
	return n, sqldb.ScanOne(ctx, r.stores.DB, `SELECT coalesce(sum(like_count), 0)::bigint FROM tweet_stats`, nil, &n)
}

// fail makes the fault happen.
func (r *run) fail(ctx context.Context, fault Fault) error {
	// What has begun goes on when the time is over.
	whole := context.WithoutCancel(ctx)
	switch {
	case fault.flush && wait(ctx, r.Duration/2):
		return emptied(whole, r.stores.Redis)
	case fault.interrupted && wait(ctx, r.Duration/3):
		err := r.counter.Interrupt(whole)
		wait(ctx, r.Duration/3)
		return errors.Join(err, r.counter.Resume(whole))
	}
	return nil
}

// settle waits until all counts are right, and stores how long the rows took since the load ended, and the drift that remains.
func (r *run) settle(ctx context.Context, out *Result) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 2*maxSettle) // of the last attempt, too
	defer cancel()
	out.Settled = ms(maxSettle)
	for right := false; ; {
		n, err := r.counted(ctx)
		if err != nil {
			return err
		}
		late := time.Since(began) >= maxSettle
		if !right && n == int64(len(r.committed[0])) {
			right, out.Settled = true, ms(time.Since(began))
		}
		if right || late {
			out.RowDrift, out.ShownDrift, err = r.drift(ctx)
			if err != nil || late || out.RowDrift == 0 && out.ShownDrift == 0 {
				return err
			}
		}
		if !wait(ctx, watchEvery) {
			return ctx.Err()
		}
	}
}

// drift compares the counts in rows, and those that readers see, with the rows of reactions.
func (r *run) drift(ctx context.Context) (inRows, shown int64, err error) {
	type counts struct{ tweet, likes, counted int64 }
	all, err := sqldb.ScanAll(ctx, r.stores.DB, `SELECT t.id, (SELECT count(*) FROM reactions WHERE tweet_id = t.id AND kind = 1),
		coalesce((SELECT like_count FROM tweet_stats WHERE tweet_id = t.id), 0) FROM tweets AS t`, nil,
		func(c *counts) []any { return []any{&c.tweet, &c.likes, &c.counted} })
	if err != nil {
		return 0, 0, fmt.Errorf("compare counts: %w", err)
	}
	for _, c := range all {
		n, err := r.counter.Shown(ctx, c.tweet)
		if err != nil {
			return 0, 0, err
		}
		inRows, shown = inRows+abs(c.counted-c.likes), shown+abs(n-c.likes)
	}
	return inRows, shown, nil
}

func abs(n int64) int64 { return max(n, -n) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// wait waits, and reports whether ctx has not ended before.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// every calls fn at an interval until ctx ends or fn fails.
func every(ctx context.Context, d time.Duration, fn func() error) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := fn(); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// emptied flushes a Redis.
func emptied(ctx context.Context, url string) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	c := redis.NewClient(o)
	defer func() { _ = c.Close() }()
	return c.FlushAll(ctx).Err()
}
