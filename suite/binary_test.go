package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"roost/internal/apitest"
	"roost/internal/app"
	"roost/internal/redistest"
	"roost/internal/sqldb"
	"roost/internal/testproc"
)

// program is the roost binary. Test processes share what they build, in bin/test of the repository, where the go
// command leaves alone what is up to date.
type program struct {
	tags string
	// files are added to the sources, by their path in the repository. Such a program is not shared.
	files map[string]string
	once  sync.Once
	home  *testproc.Home // kept: one that nobody refers to is removed
	path  string
	err   error
}

var (
	plain  = &program{}
	faulty = &program{tags: "faults"}
)

func (p *program) build(t testing.TB) string {
	t.Helper()
	p.once.Do(func() {
		// The home goes with the test process.
		if p.home, p.err = testproc.NewHome("binary", "KILL"); p.err != nil {
			return
		}
		p.path = p.home.Join("roost")
		if len(p.files) > 0 {
			var overlay string
			if overlay, p.err = p.overlay(t); p.err == nil {
				p.err = p.compile(p.path, overlay)
			}
			return
		}
		p.err = p.shared(filepath.Join(repository(t), "bin", "test"))
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

// compile builds without -race: it is the program that operators run.
func (p *program) compile(path, overlay string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-overlay", overlay, "-tags", p.tags, "-o", path, "roost/cmd/roost")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w: %s", err, out)
	}
	return nil
}

// shared brings the program in a directory up to date, one process at a time, and copies it: it may be built anew while
// the tests run.
func (p *program) shared(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return p.compile(p.path, "") // the repository is read-only
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return p.compile(p.path, "")
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	from := filepath.Join(dir, "roost-"+cmp.Or(p.tags, "plain"))
	if err := p.compile(from, ""); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(p.path, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// repository returns the directory of the repository.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the test")
		}
	}
}

// overlay writes the added files, and the list of them for the go command.
func (p *program) overlay(t testing.TB) (list string, err error) {
	t.Helper()
	root := repository(t)
	replace := map[string]string{}
	for name, content := range p.files {
		at := p.home.Join(strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, name)] = at
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list = p.home.Join("overlay.json")
	return list, os.WriteFile(list, text, 0o600)
}

// process is a node in a process of its own, which may be killed and started again on its stores.
type process struct {
	*apitest.Roost        // URL and Config only; App is nil
	admin          string // the URL of the admin address, if it has one
	home           *testproc.Home
	args           []string
	proc           *testproc.Proc
}

// newProcess prepares a node on empty stores; args are added to its command line. start runs it.
func newProcess(t testing.TB, mode apitest.Mode, args ...string) *process {
	t.Helper()
	var c app.Config
	var redis *redistest.Redis
	if mode == apitest.Server {
		redis = redistest.Start(t)
		c.DatabaseURL, c.RedisURL = apitest.Migrated(t), redis.URL()
	}
	p := processOn(t, c, args...)
	p.Redis = redis
	return p
}

// processOn prepares a node on the stores of a configuration, or on an embedded database of its own; args are
// added to its command line.
func processOn(t testing.TB, c app.Config, args ...string) *process {
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
	p := &process{Roost: &apitest.Roost{Mode: apitest.Server, URL: fmt.Sprintf("http://127.0.0.1:%d", port), Config: c}, home: home}
	// All users of a test come from one address, and share two processors with the rest of the tests.
	p.args = []string{"serve", "--demo=false", "--queue-wait=10s", "--addr", fmt.Sprintf("127.0.0.1:%d", port),
		"--sign-in-per-account=0", "--sign-in-per-address=0", "--sign-up-per-address=0"}
	if c.Server() {
		p.args = append(p.args, "--database-url", c.DatabaseURL, "--redis-url", c.RedisURL)
	} else {
		p.Mode, p.Config.DataDir = apitest.Embedded, home.Join("data")
		p.args = append(p.args, "--data-dir", p.Config.DataDir)
	}
	p.args = append(p.args, args...)
	return p
}

// start runs the node and waits until it is ready.
func (p *process) start(t testing.TB, bin string, env ...string) {
	t.Helper()
	p.launch(t, bin, env...)
	p.untilReady(t)
}

func (p *process) launch(t testing.TB, bin string, env ...string) {
	t.Helper()
	proc, err := p.home.Start(testproc.Spec{Path: bin, Args: p.args, Env: env, Log: "roost.log"})
	if err != nil {
		t.Fatal(err)
	}
	p.proc = proc
}

func (p *process) untilReady(t testing.TB) {
	t.Helper()
	err := p.proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
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

// end sends a signal and waits for the process to be gone.
func (p *process) end(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.proc.End(sig, apitest.Patience); err != nil {
		t.Fatal(err)
	}
}

// look opens the node's database while the test asks, and closes it again.
func (p *process) look(t testing.TB, fn func(db *sqldb.DB)) {
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

// inBothModes runs a test of processes on both kinds of stores, in parallel.
func inBothModes(t *testing.T, fn func(t *testing.T, p *process)) {
	t.Helper()
	t.Parallel()
	for _, m := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			fn(t, newProcess(t, m))
		})
	}
}

// SIGTERM drains: sockets are told to come back, and the process ends well.
func TestTermDrainsTheProcess(t *testing.T) {
	inBothModes(t, func(t *testing.T, p *process) {
		p.start(t, plain.build(t))
		u := p.SignUp(t, "ada")
		tweet := u.Tweet(t, "hello")
		sockets := make([]*apitest.Socket, 30)
		for i := range sockets {
			sockets[i] = u.Dial(t)
			watchCounts(t, sockets[i], tweet)
		}
		p.end(t, syscall.SIGTERM)
		for _, s := range sockets {
			if code := s.Closed(t); code != 1012 {
				t.Errorf("a socket was closed with %d", code)
			}
		}
		if err := p.proc.Err(); err != nil {
			t.Errorf("the process ended with %v:\n%s", err, p.proc.LogTail())
		}
		p.start(t, plain.build(t))
		if got := u.Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": tweet}).String("tweet.text"); got != "hello" {
			t.Errorf("after a restart the tweet is %q", got)
		}
	})
}
