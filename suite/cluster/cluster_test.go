package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testproc"
)

// cluster is processes of the program on the same PostgreSQL and Redis: nodes that only answer and nodes that
// only work. The workers run the group tally, whose effects are rows that the test counts.
type cluster struct {
	bin     string
	config  app.Config
	api     []*rig.Process
	workers []*rig.Process
	db      *sqldb.DB
	// env is that of every process.
	env []string
}

// tallyEnv turns the group on and makes its transactions so long that most signals meet one.
var tallyEnv = []string{"ROOST_TALLY=1", "ROOST_FAULT=tally.half:hold:500us"}

// newCluster starts two nodes of either kind on empty stores; settings are added to the database's URL.
func newCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	c := &cluster{bin: rig.Faulty.Build(t), env: tallyEnv}
	c.config.DatabaseURL = apitest.Migrated(t) + strings.Join(settings, "")
	c.config.RedisURL = redistest.Start(t).URL()
	for range 2 {
		c.api = append(c.api, c.prepare(t, "api"))
		c.workers = append(c.workers, c.prepare(t, "worker"))
	}
	c.db = c.api[0].DB(t)
	if _, err := c.db.Writer().ExecContext(t.Context(), "CREATE TABLE tally (seq bigint, tweet_id bigint, half int)"); err != nil {
		t.Fatal(err)
	}
	c.start(t, c.all()...)
	return c
}

func (c *cluster) prepare(t *testing.T, role string) *rig.Process {
	t.Helper()
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	p := rig.ProcessOn(t, c.config, "--roles", role, "--database-conns", "12", "--admin-addr", fmt.Sprintf("127.0.0.1:%d", port))
	p.Admin = fmt.Sprintf("http://127.0.0.1:%d", port)
	return p
}

func (c *cluster) all() []*rig.Process { return slices.Concat(c.api, c.workers) }

// start starts processes in parallel and waits until they are ready.
func (c *cluster) start(t *testing.T, all ...*rig.Process) {
	t.Helper()
	for _, p := range all {
		p.Launch(t, c.bin, c.env...)
	}
	for _, p := range all {
		p.UntilReady(t)
	}
}

// stopWorkers ends the workers in order.
func (c *cluster) stopWorkers(t *testing.T) {
	t.Helper()
	for _, w := range c.workers {
		w.End(t, syscall.SIGTERM)
		if err := w.Proc.Err(); err != nil {
			t.Errorf("a worker ended with %v:\n%s", err, w.Proc.LogTail())
		}
	}
	if n := apitest.Int(t, c.db, "SELECT count(*) FROM group_partitions WHERE owner <> ''"); n != 0 {
		t.Errorf("workers that ended in order have not given back %d parts", n)
	}
}

// expectMetrics waits until the metrics of every process say something.
func expectMetrics(t *testing.T, all []*rig.Process, lines ...string) {
	t.Helper()
	for _, p := range all {
		apitest.Until(t, strings.Join(lines, ", "), func() bool {
			_, page := rig.Get(t, p.Admin+"/metrics")
			return has(page, lines...)
		})
	}
}

// position is where the part is that is furthest behind.
func (c *cluster) position(t *testing.T) int64 {
	t.Helper()
	return apitest.Int(t, c.db, "SELECT min(position) FROM group_partitions")
}

// handles waits until everything is handled that is in the log now; that takes as long as it takes, if it goes
// on.
func (c *cluster) handles(t *testing.T) {
	t.Helper()
	head := apitest.Int(t, c.db, "SELECT seq FROM log_heads")
	for at := c.position(t); at < head; {
		before := at
		apitest.Until(t, "the workers to go on", func() bool {
			at = c.position(t)
			return at > before
		})
	}
}

// settle waits until everything that was committed is handled, and checks that each tweet's event had its
// effect, once and whole.
func (c *cluster) settle(t *testing.T, l *load) {
	t.Helper()
	apitest.Until(t, "a seq of every event", func() bool {
		return apitest.Int(t, c.db, "SELECT count(*) FROM events WHERE seq IS NULL") == 0
	})
	c.handles(t)
	expectMetrics(t, c.all(), `roost_log_lag{group="tally"} 0`, `roost_log_retry_queue_events{group="tally"} 0`,
		`roost_log_dead_letters{group="tally"} 0`)
	c.checkTally(t, 1)
	if gaps := apitest.Int(t, c.db, "SELECT COALESCE(max(seq), 0) - count(*) FROM events"); gaps != 0 {
		t.Errorf("%d numbers of the log have no event", gaps)
	}
	rig.CheckRows(t, c.db)
	l.check(t, c.db)
}

// checkTally wants both halves of the effect of each tweet's event, so many times.
func (c *cluster) checkTally(t *testing.T, times int) {
	t.Helper()
	bad := apitest.Ints(t, c.db, `SELECT COALESCE(e.seq, n.seq) FROM (SELECT seq, aggregate FROM events WHERE type = 'TweetPosted') AS e
		FULL JOIN (SELECT seq, tweet_id, count(*) FILTER (WHERE half = 1) AS one, count(*) FILTER (WHERE half = 2) AS two
			FROM tally GROUP BY seq, tweet_id) AS n ON n.seq = e.seq AND n.tweet_id = e.aggregate
		WHERE e.seq IS NULL OR n.seq IS NULL OR n.one <> $1 OR n.two <> $1 ORDER BY 1`, times)
	if len(bad) > 0 {
		t.Errorf("%d of %d events have not had their effect exactly %d times, such as those at %v", len(bad),
			apitest.Int(t, c.db, "SELECT count(*) FROM events WHERE type = 'TweetPosted'"), times, bad[:min(len(bad), 10)])
	}
}

// load is clients that post tweets until it is ended. Each begins at one of the API nodes and goes to the next
// when it gets no tweet there.
type load struct {
	acked atomic.Int64
	end   func() // waits for the clients

	mu    sync.Mutex
	posts []string // global ids of acknowledged tweets
	took  []time.Duration
	// cut are requests that got no answer, so that whether they did anything is unknown; refused those whose
	// answer was an error.
	cut     []error
	refused []string
}

// post begins a load of so many clients that each post at most once in a period.
func (c *cluster) post(t *testing.T, clients int, every time.Duration) *load {
	t.Helper()
	users := c.api[0].SignUps(t, "client", clients)
	// A test that fails does not wait for answers of processes that are frozen.
	ctx, leave := context.WithCancel(context.Background())
	l, ended := &load{}, make(chan struct{})
	var all sync.WaitGroup
	l.end = sync.OnceFunc(func() {
		close(ended)
		all.Wait()
	})
	t.Cleanup(func() {
		leave()
		l.end()
	})
	for i, u := range users {
		all.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for node := i; ; {
				select {
				case <-tick.C:
				case <-ended:
					return
				}
				if !l.one(ctx, rig.UserOn(c.api[node%len(c.api)].Roost, u)) {
					node++
				}
			}
		})
	}
	return l
}

// one posts a tweet and reports whether it was acknowledged.
func (l *load) one(ctx context.Context, u *apitest.User) bool {
	began := time.Now()
	res, err := u.Do(ctx, `mutation { createTweet(input: {text: "will it count?"}) { tweet { id } } }`, nil)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.cut = append(l.cut, err)
		return false
	}
	id := res.String("createTweet.tweet.id")
	if id == "" {
		l.refused = append(l.refused, string(res.Body))
		return false
	}
	l.posts, l.took = append(l.posts, id), append(l.took, took)
	l.acked.Add(1)
	return true
}

// more waits until so many more tweets are acknowledged.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	mark := l.acked.Load() + int64(n)
	apitest.Until(t, fmt.Sprintf("%d tweets more", n), func() bool { return l.acked.Load() >= mark })
}

// during lets time pass and returns how long the answers of that time took: their number, median and 99th
// percentile.
func (l *load) during(d time.Duration) string {
	l.mu.Lock()
	from := len(l.took)
	l.mu.Unlock()
	<-time.After(d)
	return l.summary(from)
}

// summary describes how long the answers took, from one of them on.
func (l *load) summary(from int) string {
	l.mu.Lock()
	took := slices.Clone(l.took[from:])
	l.mu.Unlock()
	slices.Sort(took)
	if len(took) == 0 {
		return "no answers"
	}
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("%d answers, p50 %s, p99 %s, the slowest %s", len(took),
		round(took[len(took)/2]), round(took[len(took)*99/100]), round(took[len(took)-1]))
}

// check wants every acknowledged tweet, and no more than may have been posted.
func (l *load) check(t *testing.T, db *sqldb.DB) {
	t.Helper()
	have := map[int64]bool{}
	for _, id := range apitest.Ints(t, db, "SELECT id FROM tweets") {
		have[id] = true
	}
	for _, global := range l.posts {
		if !have[rig.TweetID(t, global)] {
			t.Errorf("the acknowledged tweet %s is not there", global)
		}
	}
	if most := len(l.posts) + len(l.cut) + len(l.refused); len(have) > most {
		t.Errorf("there are %d tweets of at most %d", len(have), most)
	}
}
