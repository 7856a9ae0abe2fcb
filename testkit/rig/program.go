package rig

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"roost/testkit/testproc"
)

// Program is the roost binary. Test processes share the binaries that they build, in bin/test of the repository. The go command
// does not build a binary again that is up to date.
type Program struct {
	tags string
	// Files are added to the sources, by their path in the repository. Such a program is not shared.
	Files map[string]string
	once  sync.Once
	home  *testproc.Home // kept: one that nobody refers to is removed
	path  string
	err   error
}

var (
	// Plain is the binary that operators run.
	Plain = &Program{}
	// Faulty is the binary with fault points.
	Faulty = &Program{tags: "faults"}
)

// Build returns the path of the program, which it builds at the first call.
func (p *Program) Build(t testing.TB) string {
	t.Helper()
	p.once.Do(func() {
		// The home goes with the test process.
		if p.home, p.err = testproc.NewHome("binary", "KILL"); p.err != nil {
			return
		}
		p.path = p.home.Join("roost")
		if len(p.Files) > 0 {
			var overlay string
			if overlay, p.err = p.overlay(t); p.err == nil {
				p.err = p.compile(p.path, overlay)
			}
			return
		}
		p.err = p.shared(filepath.Join(Repository(t), "bin", "test"))
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

// compile builds without -race: it is the program that operators run.
func (p *Program) compile(path, overlay string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-overlay", overlay, "-tags", p.tags, "-o", path, "roost/cmd/roost")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w: %s", err, out)
	}
	return nil
}

// shared brings the program in a directory up to date, one process at a time. It returns a copy, because another process may
// build the program again while the tests run.
func (p *Program) shared(dir string) error {
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

// Repository returns the directory of the repository.
func Repository(t testing.TB) string {
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
func (p *Program) overlay(t testing.TB) (list string, err error) {
	t.Helper()
	root := Repository(t)
	replace := map[string]string{}
	for name, content := range p.Files {
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
