package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/testproc"
)

// Process is a node in a process of its own, which may be killed and started again on its stores.
type Process struct {
	*apitest.Roost        // URL and Config only; App is nil
	Admin          string // the URL of the admin address, if it has one
	Home           *testproc.Home
	Args           []string
	Proc           *testproc.Proc
}

// NewProcess prepares a node on empty stores; args are added to its command line. start runs it.
func NewProcess(t testing.TB, mode apitest.Mode, args ...string) *Process {
	t.Helper()
	var c app.Config
	var redis *redistest.Redis
	if mode == apitest.Server {
		redis = redistest.Start(t)
		c.DatabaseURL, c.RedisURL = apitest.Migrated(t), redis.URL()
	}
	p := ProcessOn(t, c, args...)
	p.Redis = redis
	return p
}

// ProcessOn prepares a node on the stores of a configuration, or on an embedded database of its own; args are
// added to its command line.
func ProcessOn(t testing.TB, c app.Config, args ...string) *Process {
	t.Helper()
	home, err := testproc.NewHome("roost", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := home.Remove(); err != nil {
			t.Error(err)
		}
	})
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Roost: &apitest.Roost{Mode: apitest.Server, URL: fmt.Sprintf("http://127.0.0.1:%d", port), Config: c}, Home: home}
	// All users of a test come from one address, and share two processors with the rest of the tests.
	p.Args = []string{"serve", "--demo=false", "--queue-wait=10s", "--addr", fmt.Sprintf("127.0.0.1:%d", port),
		"--sign-in-per-account=0", "--sign-in-per-address=0", "--sign-up-per-address=0", "--budget=0", "--budget-address=0",
		"--plans=" + strconv.FormatBool(apitest.Plans())}
	if c.Server() {
		p.Args = append(p.Args, "--database-url", c.DatabaseURL, "--redis-url", c.RedisURL)
	} else {
		p.Mode, p.Config.DataDir = apitest.Embedded, home.Join("data")
		p.Args = append(p.Args, "--data-dir", p.Config.DataDir)
	}
	p.Args = append(p.Args, args...)
	return p
}

// Start runs the node and waits until it is ready.
func (p *Process) Start(t testing.TB, bin string, env ...string) {
	t.Helper()
	p.Launch(t, bin, env...)
	p.UntilReady(t)
}

// Launch runs the node and does not wait for it.
func (p *Process) Launch(t testing.TB, bin string, env ...string) {
	t.Helper()
	proc, err := p.Home.Start(testproc.Spec{Path: bin, Args: p.Args, Env: env, Log: "roost.log"})
	if err != nil {
		t.Fatal(err)
	}
	p.Proc = proc
}

// UntilReady waits until the node is ready.
func (p *Process) UntilReady(t testing.TB) {
	t.Helper()
	err := p.Proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if err := res.Body.Close(); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz says %s", res.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// End sends a signal and waits for the process to be gone.
func (p *Process) End(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.Proc.End(sig, apitest.Patience); err != nil {
		t.Fatal(err)
	}
}

// Look opens the node's database while the test asks, and closes it again.
func (p *Process) Look(t testing.TB, fn func(db *sqldb.DB)) {
	t.Helper()
	c := sqldb.Config{URL: p.Config.DatabaseURL, MaxConns: 2}
	if c.URL == "" {
		c.File = filepath.Join(p.Config.DataDir, "roost.db")
	}
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	fn(db)
}

// Signal sends a signal to processes.
func Signal(t *testing.T, sig syscall.Signal, all ...*Process) {
	t.Helper()
	for _, p := range all {
		if err := p.Proc.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
}

// WithAdmin adds an admin address to a node before its start, for its metrics.
func (p *Process) WithAdmin(t testing.TB) (addr string) {
	t.Helper()
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	p.Args = append(p.Args, "--admin-addr", addr)
	return addr
}

// Alongside prepares another node on the stores of one.
func (p *Process) Alongside(t testing.TB) *Process {
	t.Helper()
	other := NewProcess(t, apitest.Embedded)
	other.Mode, other.Redis, other.Config = p.Mode, p.Redis, p.Config
	other.Args = append(other.Args[:len(other.Args)-2], "--database-url", p.Config.DatabaseURL, "--redis-url", p.Config.RedisURL)
	return other
}

// Memory reads a figure of the node's memory, VmRSS or VmHWM (the most that it has been), in bytes.
func (p *Process) Memory(t testing.TB, what string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Proc.Pid()))
	if err != nil {
		t.Fatalf("memory is read from Linux' /proc: %v", err)
	}
	m := regexp.MustCompile(`(?m)^` + what + `:\s+(\d+) kB$`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("there is no %s in %s", what, status)
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
