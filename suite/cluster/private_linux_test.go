package cluster

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// An embedded node listens on the API's port only: other processes of the machine cannot reach its Redis.
func TestEmbeddedNodeListensOnOnePort(t *testing.T) {
	t.Parallel()
	p := rig.NewProcess(t, apitest.Embedded)
	p.Start(t, rig.Plain.Build(t))
	u := p.SignUp(t, "ada")
	rig.WatchHome(t, u, u.Dial(t)) // with pub/sub
	api := p.URL[strings.LastIndexByte(p.URL, ':')+1:]
	if got := listening(t, p.Proc.Pid()); len(got) != 1 || !strings.HasSuffix(got[0], ":"+api) {
		t.Errorf("it listens on %q, want port %s alone", got, api)
	}
}

// listening returns the TCP ports and the Unix sockets on which a process accepts connections.
func listening(t *testing.T, pid int) (all []string) {
	t.Helper()
	mine := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil { // else it was closed
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				mine[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, family := range []string{"tcp", "tcp6", "unix"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, family))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			switch {
			case family == "unix" && len(f) >= 7 && f[3] == "00010000" && mine[f[6]]: // __SO_ACCEPTCON
				all = append(all, "unix "+f[6])
			case family != "unix" && len(f) >= 10 && f[3] == "0A" && mine[f[9]]: // TCP_LISTEN
				var port int
				if _, err := fmt.Sscanf(f[1][strings.LastIndexByte(f[1], ':')+1:], "%X", &port); err != nil {
					t.Fatal(err)
				}
				all = append(all, fmt.Sprintf("%s:%d", family, port))
			}
		}
	}
	return all
}

// Only the owner may read the files of the embedded database, whatever the mode of the directory, the umask, and the modes
// that the files had.
func TestFilesOfTheDatabaseArePrivate(t *testing.T) {
	t.Parallel()
	p := rig.NewProcess(t, apitest.Embedded)
	dir := p.Config.DataDir
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.Start(t, umasked(t, p, rig.Plain.Build(t)))
	p.SignUp(t, "ada")
	expectPrivate(t, dir, "of a new database")
	p.End(t, syscall.SIGKILL) // so that SQLite's write-ahead log stays
	for _, name := range []string{"roost.db", "roost.db-wal", "roost.db-shm", "lock"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o664); err != nil {
			t.Fatal(err)
		}
	}
	p.Start(t, umasked(t, p, rig.Plain.Build(t)))
	p.SignUp(t, "bob")
	expectPrivate(t, dir, "of a database that others could read")
}

// umasked returns a program that runs bin with umask 0.
func umasked(t *testing.T, p *rig.Process, bin string) string {
	t.Helper()
	path := p.Home.Join("umasked")
	if err := os.WriteFile(path, []byte("#!/bin/sh\numask 0\nexec "+bin+` "$@"`+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func expectPrivate(t *testing.T, dir, what string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		seen++
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s %s has mode %o, want 600", filepath.Base(path), what, got)
		}
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("%d files in %s, %v; want the database, its two companions and the lock", seen, dir, err)
	}
}
