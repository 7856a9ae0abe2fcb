package testproc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/testkit/testproc"
	"roost/testkit/testtime"
)

// childEnv makes this binary the test process that TestKilledOwner kills.
const childEnv = "ROOST_TESTPROC_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
	}
	os.Exit(m.Run())
}

// child starts a program, says where, and waits to be killed.
func child() {
	h, err := testproc.NewHome("orphan", "QUIT")
	if err == nil {
		var p *testproc.Proc
		if p, err = h.Start(testproc.Spec{Path: "/bin/sleep", Args: []string{"600"}, Log: "log"}); err == nil {
			fmt.Println(p.Pid(), h.Path)
			if os.Getenv(childEnv) == "exit" {
				os.Exit(0)
			}
			<-p.Exited()
		}
	}
	fmt.Println("0", err)
	os.Exit(1)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, what, ok)
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// running reports whether the process runs; one that nobody has waited for does
// not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !gone("/proc") && !errors.Is(err, os.ErrNotExist) || gone("/proc") && syscall.Kill(pid, 0) == nil
	}
	return !strings.Contains(string(stat), ") Z ")
}

func TestNothingOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"exit", "killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+end)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			var pid int
			var dir string
			if n, err := fmt.Sscan(line, &pid, &dir); n != 2 || pid == 0 {
				t.Fatalf("the child says %q: %v", line, err)
			}
			if end == "killed" {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait() // killed is an error
			eventually(t, "the program ends", func() bool { return !running(pid) })
			eventually(t, "the directory goes", func() bool { return gone(dir) })
		})
	}
}

func TestAbandonedHomesAreRemoved(t *testing.T) {
	base := t.TempDir()
	if err := os.Chmod(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", base)
	held, err := testproc.NewHome("held", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	base = filepath.Dir(held.Path) // elsewhere when base is closed to others
	abandoned := filepath.Join(base, "roost-testproc-x-1")
	young := filepath.Join(base, "roost-testproc-x-2")
	other := filepath.Join(base, "roost-test-cache")
	for _, dir := range []string{abandoned, young, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	if err := os.WriteFile(filepath.Join(abandoned, "owner.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := testproc.NewHome("next", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	if !gone(abandoned) {
		t.Error("an abandoned home stays")
	}
	for _, dir := range []string{held.Path, young, other} {
		if gone(dir) {
			t.Errorf("%s was removed", dir)
		}
	}
	for _, h := range []*testproc.Home{held, next, held} {
		if err := h.Remove(); err != nil {
			t.Error(err)
		}
		if !gone(h.Path) {
			t.Errorf("%s is still there after Remove", h.Path)
		}
	}
}

func TestEndKillsWhatIgnoresSignals(t *testing.T) {
	t.Parallel()
	h, err := testproc.NewHome("stubborn", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Start(testproc.Spec{
		Path: "/bin/sh", Log: "log",
		Args: []string{"-c", `trap "" TERM; echo ready; while :; do read -r _ < /dev/zero; done`},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = p.WaitReady(testtime.Patience, func(context.Context) error {
		if p.LogTail() != "ready" {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.End(syscall.SIGTERM, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("End says %v", err)
	}
	if err := p.End(syscall.SIGTERM, time.Second); err != nil {
		t.Errorf("ending an ended process: %v", err)
	}
	if err := h.Remove(); err != nil {
		t.Error(err)
	}
}

func TestAStartThatFailsTellsTheLog(t *testing.T) {
	t.Parallel()
	h, err := testproc.NewHome("failing", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Remove() })
	p, err := h.Start(testproc.Spec{Path: "/bin/sh", Args: []string{"-c", "echo no room; exit 3"}, Log: "log"})
	if err != nil {
		t.Fatal(err)
	}
	never := errors.New("not yet")
	err = p.WaitReady(testtime.Patience, func(context.Context) error { return never })
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
	if _, err := h.Start(testproc.Spec{Path: h.Join("nothing"), Log: "log"}); err == nil {
		t.Error("a missing program starts")
	}
}

func TestFreePortsCanBeTaken(t *testing.T) {
	t.Parallel()
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
