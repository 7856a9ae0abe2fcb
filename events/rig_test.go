package events_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/ent"
	"roost/ent/migrations"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/pgtest"
	"roost/testkit/testtime"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	if os.Getenv("ROOST_TEST_LOG") == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	// Each check is a history of its own on real databases; the command line may ask for more.
	checks := testtime.Soak("8", "300")
	_, _ = flag.Set("rapid.checks", checks), flag.Set("rapid.nofailfile", "true")
	code := m.Run()
	if left := running(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "goroutines outlived their Stop:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// running returns the stacks of goroutines that belong to services of the package.
func running() string {
	buf := make([]byte, 1<<20)
	var left []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, service := range []string{"events.(*worker)", "events.(*Sequencer)", "events.(*Follower)", "events.(*Cleaner)"} {
			if strings.Contains(g, service) {
				left = append(left, g)
				break
			}
		}
	}
	return strings.Join(left, "\n\n")
}

// patience is how long tests wait for something that should come soon; one that passes never waits it out.
const patience = testtime.Patience

// rig is a database with a log. The time of rows and retries, and on SQLite of leases, moves only when a test moves it.
type rig struct {
	db     *sqldb.DB
	client *ent.Client
	clock  *clock.Fake
	log    *events.Log
	reader *events.Reader
	admin  *events.Admin
	url    string
}

// each runs the test on both kinds of database.
func each(t *testing.T, fn func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, onPostgres(t))
	})
}

const effectsTable = "CREATE TABLE effects (id %s, grp varchar NOT NULL, seq bigint NOT NULL, aggregate bigint NOT NULL, n bigint NOT NULL)"

func onSQLite(t testing.TB) *rig {
	t.Helper()
	r := open(t, sqldb.Config{File: dbtest.File(t)})
	r.exec(t, fmt.Sprintf(effectsTable, "INTEGER PRIMARY KEY AUTOINCREMENT"))
	return r
}

func onPostgres(t testing.TB) *rig {
	t.Helper()
	return open(t, sqldb.Config{URL: pgtest.FromTemplate(t, "events", build), MaxConns: 16})
}

// build makes the tables in an empty PostgreSQL database.
func build(url string) error {
	db, err := sqldb.Open(context.Background(), sqldb.Config{URL: url, MaxConns: 4})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := migrations.Up(context.Background(), db.Writer()); err != nil {
		return err
	}
	_, err = db.Writer().Exec(fmt.Sprintf(effectsTable, "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))
	return err
}

func open(t testing.TB, c sqldb.Config) *rig {
	t.Helper()
	db := dbtest.Open(t, c)
	r := &rig{db: db, client: ent.NewClient(ent.Driver(db.Driver)), clock: clock.NewFake(time.Now()), url: c.URL}
	r.log, r.reader = events.New(r.client, r.clock), events.NewReader(db)
	r.admin = events.NewAdmin(r.client, db, r.clock)
	return r
}

// write commits one event of each aggregate, in one transaction; handlers get n.
func (r *rig) write(t testing.TB, n int64, aggregates ...int64) {
	t.Helper()
	err := r.log.Write(t.Context(), func(_ context.Context, tx *events.Tx) error {
		for _, a := range aggregates {
			tx.Emit(events.TweetPosted{TweetID: a, AuthorID: n})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// writeMany commits events 1 to n, one transaction each, spread over aggregates 1 to so many, and
// sequences them.
func (r *rig) writeMany(t testing.TB, n, aggregates int64) {
	t.Helper()
	for i := int64(1); i <= n; i++ {
		r.write(t, i, i%aggregates+1)
	}
	r.sequence(t)
}

// sequence sequences what is committed, as a running sequencer does.
func (r *rig) sequence(t testing.TB) {
	t.Helper()
	if !r.db.IsPostgres() {
		return
	}
	if _, err := events.Sequence(t.Context(), r.db, 1<<20); err != nil {
		t.Fatal(err)
	}
}

// endLeases has the time of all leases on PostgreSQL run out, which is the database's.
func (r *rig) endLeases(t testing.TB) {
	t.Helper()
	r.exec(t, "UPDATE group_partitions SET leased_until = clock_timestamp()")
}

func (r *rig) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := r.db.Writer().ExecContext(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (r *rig) int(t testing.TB, query string, args ...any) (n int64) {
	t.Helper()
	if err := r.db.Writer().QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// service is what start starts and stop stops.
type service interface {
	Start(context.Context) error
	Stop(context.Context) error
}

// start starts a service and returns what stops it; it stops with the test at the latest.
func start(t testing.TB, s service) (stop func()) {
	t.Helper()
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// group makes a worker of a group that begins at the start, polls fast, and writes its effects to the
// table; hook runs before the effects of each event and may be nil.
func (r *rig) group(t testing.TB, c events.GroupConfig, hook func(e events.Entry) error) *events.Group {
	t.Helper()
	if c.Name == "" {
		c.Name = "g"
	}
	c.FromStart = true
	if c.Poll == 0 {
		c.Poll = 4 * time.Millisecond
	}
	if c.Handler == nil {
		c.Handler = effects(c.Name, hook)
	}
	g, err := events.NewGroup(r.client, r.db, r.clock, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// effects is a handler that leaves a row for each event.
func effects(group string, hook func(e events.Entry) error) events.HandlerFunc {
	return func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
		for _, e := range batch {
			if hook != nil {
				if err := hook(e); err != nil {
					return err
				}
			}
			ev, err := e.Event()
			if err != nil {
				return err
			}
			posted, _ := ev.(events.TweetPosted)
			_, err = tx.Client().ExecContext(ctx, "INSERT INTO effects (grp, seq, aggregate, n) VALUES ($1, $2, $3, $4)",
				group, e.Seq, e.Aggregate, posted.AuthorID)
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	testtime.Until(t, what, condition)
}

// untilEffects waits until the group has left so many rows, for as long as there come more.
func (r *rig) untilEffects(t testing.TB, group string, n int64) {
	t.Helper()
	for have := int64(-1); have < n; {
		before := have
		until(t, fmt.Sprintf("%d effects of %s, after %d", n, group, before), func() bool {
			have = r.int(t, "SELECT COUNT(*) FROM effects WHERE grp = $1", group)
			return have > before
		})
	}
}

// checkEffects wants exactly one effect for each of n events, in the order of each aggregate.
func (r *rig) checkEffects(t testing.TB, group string, n int64) {
	t.Helper()
	if fault := r.fault(t, group, n); fault != "" {
		t.Error(fault)
	}
}

// fault says what checkEffects does not like.
func (r *rig) fault(t testing.TB, group string, n int64) string {
	t.Helper()
	rows := r.int(t, "SELECT COUNT(*) FROM effects WHERE grp = $1", group)
	distinct := r.int(t, "SELECT COUNT(DISTINCT seq) FROM effects WHERE grp = $1", group)
	if rows != n || distinct != n {
		return fmt.Sprintf("%s: %d effects of %d events, want one for each of %d", group, rows, distinct, n)
	}
	bad := r.int(t, `SELECT COUNT(*) FROM (SELECT seq, LAG(seq) OVER (PARTITION BY aggregate ORDER BY id) AS before
		FROM effects WHERE grp = $1) AS e WHERE before > seq`, group)
	if bad > 0 {
		return fmt.Sprintf("%s: %d events came before an earlier one of their aggregate", group, bad)
	}
	return ""
}

// status is what the operator sees of a group.
func (r *rig) status(t testing.TB, group string) events.GroupStatus {
	t.Helper()
	all, err := r.admin.Groups(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if g.Name == group {
			return g
		}
	}
	t.Fatalf("there is no group %s", group)
	return events.GroupStatus{}
}
