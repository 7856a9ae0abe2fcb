package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"roost/testkit/testproc"
)

// Private reports whether databases are made on a server of this process's own. If not, ROOST_TEST_DATABASE_URL names the
// server.
func Private() bool { return os.Getenv(envURL) == "" }

// Version returns the major version of the binaries of private servers.
func Version() (int, error) {
	dir, err := binDir()
	if err != nil {
		return 0, err
	}
	return version(dir)
}

// Save builds a template as [FromTemplate] does, on a server of its own, stops the server, and copies its data directory to
// the directory to, which must not exist.
func Save(name, to string, build func(url string) error) (err error) {
	c, err := newCluster(Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.home.Remove()) }()
	s, err := c.server()
	if err != nil {
		return err
	}
	if _, err := s.template(context.Background(), name, build); err != nil {
		return errors.Join(err, s.admin.Close())
	}
	if err := s.admin.Close(); err != nil {
		return err
	}
	if err := c.proc.End(syscall.SIGINT, stopTime); err != nil {
		return err
	}
	// After an orderly stop the log of the build is of no use, and it may be larger than the data.
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	err = c.home.Run(ctx, testproc.Spec{Path: filepath.Join(c.bin, "pg_resetwal"), User: c.user, Args: []string{"-D", c.data()}})
	if err != nil {
		return err
	}
	return CopyDir(c.data(), to)
}

// CopyDir copies a directory and all below it to a new directory, with owners and permissions.
func CopyDir(from, to string) error {
	if out, err := exec.Command("cp", "-R", "-p", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

// saved holds the servers of FromSaved by the names of their templates.
var saved struct {
	sync.Mutex
	servers map[string]*server
}

// FromSaved returns the URL of a copy, made for the test, of a template that [Save] has built. The first call for a name starts
// one more server for this process. Its data directory is made by place, as a copy of what Save has stored.
func FromSaved(t testing.TB, name string, place func(dir string) error) string {
	t.Helper()
	saved.Lock()
	s := saved.servers[name]
	if s == nil {
		var err error
		if s, err = startCopy(place); err != nil {
			saved.Unlock()
			t.Fatal(err)
		}
		if saved.servers == nil {
			saved.servers = map[string]*server{}
		}
		saved.servers[name] = s
	}
	saved.Unlock()
	// Such a template is large: its files are copied at once, not page by page through the log.
	return s.database(t, tmplPrefix+name, "STRATEGY FILE_COPY")
}

func startCopy(place func(dir string) error) (*server, error) {
	c, err := prepareCluster(Options{})
	if err != nil {
		return nil, err
	}
	if err := place(c.data()); err != nil {
		return nil, errors.Join(err, c.home.Remove())
	}
	if err := c.startAnywhere(); err != nil {
		return nil, errors.Join(err, c.home.Remove())
	}
	return c.server()
}
