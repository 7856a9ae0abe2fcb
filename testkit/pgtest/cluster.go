package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of every connection here

	"roost/testkit/testproc"
)

const (
	superuser = "roost"
	logFile   = "postgres.log"
	// ownDB is the database that Cluster.URL names.
	ownDB     = "roost"
	startTime = 60 * time.Second
	stopTime  = 60 * time.Second
)

// Options of a cluster.
type Options struct {
	// Durable turns fsync and full page writes on, as in production.
	Durable bool
	// Settings are added to postgresql.conf's, such as "max_connections": "20".
	Settings map[string]string
}

// Cluster is a private PostgreSQL server. Its methods fail the test on trouble;
// they belong to the test's goroutine.
type Cluster struct {
	t testing.TB
	c *cluster
}

// StartCluster starts a server of the test's own, stopped and removed when the
// test ends.
func StartCluster(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c, err := newCluster(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.home.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err := c.createOwnDB(); err != nil {
		t.Fatal(err)
	}
	return &Cluster{t: t, c: c}
}

// Log returns what the server has logged so far.
func (c *Cluster) Log() string {
	c.t.Helper()
	text, err := os.ReadFile(c.c.home.Join(logFile))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// URL names the cluster's database, empty at first. It stays the same while the
// server is stopped and started again.
func (c *Cluster) URL() string { return c.c.url(ownDB) }

// Stop shuts the server down in an orderly way: open transactions are rolled back and
// connections closed. Stopping a stopped server does nothing.
func (c *Cluster) Stop() {
	c.t.Helper()
	if c.c.proc == nil {
		return
	}
	if err := c.c.proc.End(syscall.SIGINT, stopTime); err != nil {
		c.t.Fatal(err)
	}
	c.c.proc = nil
}

// Kill ends the server at once, without a checkpoint, so the next Start goes
// through crash recovery. Clients see their connections break.
func (c *Cluster) Kill() {
	c.t.Helper()
	if c.c.proc == nil {
		return
	}
	if err := c.c.proc.End(syscall.SIGQUIT, stopTime); err != nil {
		c.t.Fatal(err)
	}
	c.c.proc = nil
}

// Start starts a stopped or killed server on the same address and waits until it
// answers. Starting a running server does nothing.
func (c *Cluster) Start() {
	c.t.Helper()
	if c.c.proc != nil {
		return
	}
	if err := c.c.start(); err != nil {
		c.t.Fatal(err)
	}
}

// cluster is a server without a test.
type cluster struct {
	home *testproc.Home
	user *syscall.Credential
	bin  string
	port int
	args []string
	proc *testproc.Proc // nil while stopped
}

func newCluster(opts Options) (*cluster, error) {
	c, err := prepareCluster(opts)
	if err != nil {
		return nil, err
	}
	if err := c.init(); err != nil {
		_ = c.home.Remove()
		return nil, err
	}
	if err := c.startAnywhere(); err != nil {
		_ = c.home.Remove()
		return nil, err
	}
	return c, nil
}

// prepareCluster makes a home for a server that has no data directory yet.
func prepareCluster(opts Options) (*cluster, error) {
	bin, err := binDir()
	if err != nil {
		return nil, err
	}
	user, err := testproc.Unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	home, err := testproc.NewHome("postgres", "QUIT")
	if err != nil {
		return nil, err
	}
	return &cluster{home: home, user: user, bin: bin, args: settings(opts)}, nil
}

// startAnywhere starts the server on a free port. The port may be taken by the time the server listens, so it tries several.
func (c *cluster) startAnywhere() (err error) {
	for range 5 {
		if c.port, err = testproc.FreePort(); err != nil {
			return err
		}
		if err = c.start(); err == nil {
			return nil
		}
	}
	return err
}

// settings are `-c name=value` for the server, in a stable order.
func settings(opts Options) []string {
	set := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"max_connections":         "900",
		"log_min_messages":        "warning",
	}
	if !opts.Durable {
		set["fsync"] = "off"
		set["full_page_writes"] = "off"
	}
	for name, value := range opts.Settings {
		set[name] = value
	}
	var args []string
	for name, value := range set {
		args = append(args, name+"="+value)
	}
	slices.Sort(args)
	var out []string
	for _, a := range args {
		out = append(out, "-c", a)
	}
	return out
}

func (c *cluster) data() string { return c.home.Join("data") }

// init creates the data directory for the server's user.
func (c *cluster) init() error {
	if err := c.makeData(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	// The C locale exists everywhere and sorts by bytes, as Go does.
	return c.home.Run(ctx, testproc.Spec{
		Path: filepath.Join(c.bin, "initdb"),
		User: c.user,
		Args: []string{"-D", c.data(), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"},
	})
}

func (c *cluster) start() error {
	proc, err := c.home.Start(testproc.Spec{
		Path: filepath.Join(c.bin, "postgres"),
		User: c.user,
		Log:  logFile,
		Args: append([]string{"-D", c.data(), "-p", strconv.Itoa(c.port)}, c.args...),
	})
	if err != nil {
		return err
	}
	db, err := sql.Open("postgres", c.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	defer func() { _ = db.Close() }()
	err = proc.WaitReady(startTime, func(ctx context.Context) error {
		// The server that answers must be ours: another process may own the port.
		var dir string
		if err := db.QueryRowContext(ctx, "SHOW data_directory").Scan(&dir); err != nil {
			return err
		}
		if dir != c.data() {
			return fmt.Errorf("port %d belongs to another server", c.port)
		}
		return nil
	})
	if err != nil {
		_ = proc.End(syscall.SIGQUIT, stopTime)
		return err
	}
	c.proc = proc
	return nil
}

func (c *cluster) createOwnDB() error {
	return c.ask(func(ctx context.Context, db *sql.DB) error {
		if _, err := db.ExecContext(ctx, "CREATE DATABASE "+ownDB+" TEMPLATE template0"); err != nil {
			return fmt.Errorf("create a database: %w", err)
		}
		return nil
	})
}

func (c *cluster) url(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}
