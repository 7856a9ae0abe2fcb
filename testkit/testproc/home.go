package testproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	homePrefix = "roost-testproc-"
	lockName   = "owner.lock"
	runName    = "run"
	// staleAfter is how long a directory without a lock file may stay: its owner
	// may be between making the directory and locking it.
	staleAfter = time.Hour
)

// janitorScript blocks until its input ends, then ends what is listed in run/
// with the signal $2 (SIGKILL after 5 s) and removes the directory $1.
// A zombie counts as ended: init may be slow to collect it.
const janitorScript = `
alive() { kill -0 "$1" 2>/dev/null && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null; }
read -r _
for f in "$1"/run/*; do
	[ -e "$f" ] || continue
	pid=${f##*/}
	kill -CONT "$pid" 2>/dev/null
	kill -"$2" "$pid" 2>/dev/null
	n=0
	while alive "$pid" && [ "$n" -lt 100 ]; do
		n=$((n + 1))
		sleep 0.05
	done
	if alive "$pid"; then kill -KILL "$pid"; fi
done
rm -rf "$1" || { sleep 0.2; rm -rf "$1"; }
`

// Home is a temporary directory of this process with the children that run in
// it. It is removed at the latest when the process ends.
type Home struct {
	// Path is absolute; other users may enter it but not list or write it.
	Path string

	lock    *os.File
	janitor *exec.Cmd
	hold    io.Closer
	once    sync.Once
	err     error
}

// NewHome makes a home. Kind is part of the directory's name; signal is how the
// janitor ends children that still run, as kill(1) spells it ("QUIT", "KILL").
// It first removes homes whose owners are gone.
func NewHome(kind, signal string) (*Home, error) {
	base, err := baseDir()
	if err != nil {
		return nil, err
	}
	sweep(base)
	for range 5 {
		h, err := tryHome(base, kind)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, os.ErrNotExist) {
			continue // another process took it for an abandoned one
		}
		if err != nil {
			return nil, err
		}
		if err := h.startJanitor(signal); err != nil {
			_ = h.lock.Close()
			_ = os.RemoveAll(h.Path)
			return nil, err
		}
		return h, nil
	}
	return nil, fmt.Errorf("make a test directory in %s: other processes keep removing it", base)
}

func tryHome(base, kind string) (*Home, error) {
	dir, err := os.MkdirTemp(base, homePrefix+kind+"-")
	if err != nil {
		return nil, fmt.Errorf("make a test directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock a test directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock a test directory: %w", err)
	}
	// The server may run as another user, who has to pass through.
	if err := os.Chmod(dir, 0o711); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open a test directory to its server: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, runName), 0o700); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("make a test directory: %w", err)
	}
	return &Home{Path: dir, lock: lock}, nil
}

func (h *Home) startJanitor(signal string) error {
	cmd := exec.Command("/bin/sh", "-c", janitorScript, "roost-test-janitor", h.Path, signal)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Dir = "/"
	hold, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the janitor: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the janitor: %w", err)
	}
	h.janitor, h.hold = cmd, hold
	return nil
}

// Remove stops children that still run (at most 5 s each) and deletes the
// directory. It may be called more than once.
func (h *Home) Remove() error {
	h.once.Do(func() {
		_ = h.hold.Close()
		if err := h.janitor.Wait(); err != nil {
			h.err = fmt.Errorf("clean up %s: %w", h.Path, err)
		}
		_ = h.lock.Close()
	})
	return h.err
}

// Join returns a path below the home.
func (h *Home) Join(elem ...string) string {
	return filepath.Join(append([]string{h.Path}, elem...)...)
}

// baseDir is the system's temporary directory, or /tmp when this process is
// root and the former is closed to the unprivileged user that servers run as.
func baseDir() (string, error) {
	dir, err := filepath.Abs(os.TempDir())
	if err != nil {
		return "", fmt.Errorf("find the temporary directory: %w", err)
	}
	if os.Geteuid() != 0 || openToAll(dir) {
		return dir, nil
	}
	if openToAll("/tmp") {
		return "/tmp", nil
	}
	return "", fmt.Errorf("neither %s nor /tmp can be entered by an unprivileged user: set TMPDIR to a directory that can", dir)
}

func openToAll(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// sweep removes homes whose owner no longer holds the lock. Trouble is ignored:
// a directory of another user is not ours to remove.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), homePrefix) {
			continue
		}
		dir := filepath.Join(base, e.Name())
		if abandoned(dir, e) {
			_ = os.RemoveAll(dir)
		}
	}
}

func abandoned(dir string, e os.DirEntry) bool {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		info, err := e.Info()
		return err == nil && time.Since(info.ModTime()) > staleAfter
	}
	if err != nil {
		return false
	}
	defer func() { _ = lock.Close() }()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
