package rig

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/lib/pq"

	"roost/testkit/dataset"
	"roost/testkit/pgtest"
	"roost/testkit/redistest"
	"roost/testkit/testproc"
)

// Config says what to run on.
type Config struct {
	// Progress is called before each step that takes long.
	Progress func(format string, args ...any)
	// Data is the directory to import; if empty, package dataset finds one or makes one up.
	Data string
	// Patient is set for the first start of Roost; see Target.
	Patient bool
	// Second also makes a second Roost; see Rig.Second.
	Second bool
	// Small imports a small made-up data set instead, which takes seconds.
	Small bool
	// Durable lets PostgreSQL wait until commits are on the disk.
	Durable bool
}

// Rig holds the running targets and stores.
type Rig struct {
	// Roost and Baseline are the two targets.
	Roost, Baseline *Target
	// Second is another Roost with a copy of the imported database and a Redis of its own. It does not run until Swap starts it, and is nil
	// unless it was wanted.
	Second *Target
	// Data is the directory that was imported, Real whether it is real data.
	Data string
	Real bool

	tb       *tb
	home     *testproc.Home
	root     string // of the repository
	pool     *sql.DB
	postgres int // the postmaster's process id
	say      func(format string, args ...any)
}

// postgresSettings keep the server's own work out of the runs.
var postgresSettings = map[string]string{
	"shared_buffers": "1GB", "autovacuum": "off", "checkpoint_timeout": "1d", "max_wal_size": "16GB",
	"wal_level": "minimal", "max_wal_senders": "0", "jit": "off",
}

// The small data set.
const (
	smallUsers, smallFollows = 3_000, 30_000
	smallTweets, smallLikes  = 3_000, 60_000
)

// New starts the stores, imports the data and starts both targets; it takes half a minute. The baseline's
// Redis is still empty.
func New(ctx context.Context, c Config) (_ *Rig, err error) {
	r := &Rig{tb: &tb{ctx: ctx}, say: c.Progress}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.root, err = root(ctx); err != nil {
		return nil, err
	}
	if r.home, err = testproc.NewHome("bench", "TERM"); err != nil {
		return nil, err
	}
	r.tb.Cleanup(func() {
		if err := r.home.Remove(); err != nil {
			r.tb.Error(err)
		}
	})
	for _, step := range []func(context.Context, Config) error{r.build, r.stores, r.load, r.targets} {
		if err := step(ctx, c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Close ends everything.
func (r *Rig) Close() error {
	var all []error
	for _, t := range []*Target{r.Roost, r.Baseline, r.Second} {
		if t != nil && t.DB != nil {
			all = append(all, t.DB.Close())
		}
	}
	if r.pool != nil {
		all = append(all, r.pool.Close())
	}
	return errors.Join(append(all, r.tb.close())...)
}

// root is the directory of the module that this program was built from.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	mod := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(mod) != "go.mod" {
		return "", fmt.Errorf("find the repository: run this inside of it: %w", err)
	}
	return filepath.Dir(mod), nil
}

// build builds both programs as `make build` does.
func (r *Rig) build(ctx context.Context, _ Config) error {
	for name, pkg := range map[string]string{"roost": "./cmd/roost", "baseline": "./bench/baseline"} {
		r.say("building %s", pkg)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.home.Join(name), pkg)
		cmd.Dir = r.root
		cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// Binary is the path of the roost binary.
func (r *Rig) Binary() string { return r.home.Join("roost") }

func (r *Rig) stores(ctx context.Context, c Config) error {
	r.say("starting PostgreSQL and two redis-servers")
	r.Roost, r.Baseline = &Target{Name: "roost", rig: r, Patient: c.Patient}, &Target{Name: "baseline", rig: r}
	err := r.tb.protect(func() {
		cluster := pgtest.StartCluster(r.tb, pgtest.Options{Settings: postgresSettings, Durable: c.Durable})
		r.Roost.databaseURL = cluster.URL()
		r.Roost.redisURL = redistest.Start(r.tb).URL()
		r.Baseline.redisURL = redistest.Start(r.tb).URL()
		r.Data, r.Real = c.Data, true
		if c.Data == "" && !c.Small {
			r.Data, r.Real = dataset.Dir(r.tb), dataset.IsReal()
		}
	})
	if err == nil && c.Small {
		r.Data, r.Real = r.home.Join("data"), false
		if err := os.Mkdir(r.Data, 0o755); err != nil {
			return err
		}
		err = dataset.Generate(r.Data, 1, smallUsers, smallFollows, smallTweets, smallLikes)
	}
	if err != nil {
		return err
	}
	if r.pool, err = sql.Open("postgres", atDatabase(r.Roost.databaseURL, "postgres")); err != nil {
		return err
	}
	return r.findStores(ctx)
}

// atDatabase is the URL of another database on the same server.
func atDatabase(database, name string) string {
	u, err := url.Parse(database)
	if err != nil {
		return ""
	}
	u.Path = "/" + name
	return u.String()
}

// load imports the data as an operator would, and copies the database for the baseline.
func (r *Rig) load(ctx context.Context, c Config) error {
	db := "--database-url=" + r.Roost.databaseURL
	r.say("importing %s", r.Data)
	start := time.Now()
	for _, args := range [][]string{{"migrate", "up", db}, {"import", db, r.Data}} {
		if err := r.home.Run(ctx, testproc.Spec{Path: r.Binary(), Args: args}); err != nil {
			return err
		}
	}
	r.say("imported in %s; copying the database", time.Since(start).Round(100*time.Millisecond))
	own, err := sql.Open("postgres", r.Roost.databaseURL)
	if err != nil {
		return err
	}
	// Hint bits and statistics are set now, and not by the first queries that come along.
	_, err = own.ExecContext(ctx, "VACUUM (ANALYZE, FREEZE)")
	if err := errors.Join(err, own.Close()); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	if err := r.copyTo(ctx, r.Baseline, "baseline"); err != nil {
		return err
	}
	if c.Second {
		if err := r.second(ctx); err != nil {
			return err
		}
	}
	_, err = r.pool.ExecContext(ctx, "CHECKPOINT")
	return err
}

// copyTo copies Roost's database, to which nobody is connected, for another target.
func (r *Rig) copyTo(ctx context.Context, t *Target, name string) error {
	template := strings.TrimPrefix(mustPath(r.Roost.databaseURL), "/")
	if _, err := r.pool.ExecContext(ctx, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %q`, name, template)); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	t.databaseURL = atDatabase(r.Roost.databaseURL, name)
	return nil
}

// Database makes an empty database on the server of the targets, and migrates it to Roost's schema if migrated is true. It
// returns the URL of the database.
func (r *Rig) Database(ctx context.Context, name string, migrated bool) (string, error) {
	if _, err := r.pool.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	own := atDatabase(r.Roost.databaseURL, name)
	if !migrated {
		return own, nil
	}
	return own, r.home.Run(ctx, testproc.Spec{Path: r.Binary(), Args: []string{"migrate", "up", "--database-url=" + own}})
}

func mustPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Path
}

// targets starts both programs.
func (r *Rig) targets(ctx context.Context, _ Config) error {
	for _, t := range []*Target{r.Roost, r.Baseline} {
		if err := errors.Join(t.connect(), t.Restart(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func freeAddr() (string, error) {
	port, err := testproc.FreePort()
	if err != nil {
		return "", err
	}
	return "127.0.0.1:" + strconv.Itoa(port), nil
}
