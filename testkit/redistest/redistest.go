// Package redistest starts private redis-servers for tests: one per test, on its
// own port and in its own directory, gone when the test ends.
//
// The binary is ROOST_TEST_REDIS_SERVER (a path) or redis-server on PATH, version
// 7 or newer. Without one a test fails and says what to do; it never skips.
package redistest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"roost/testkit/testproc"
	"roost/testkit/testtime"
)

const (
	envServer  = "ROOST_TEST_REDIS_SERVER"
	minVersion = 7
	startTime  = testtime.Patience
)

// Redis is one server. Its methods fail the test on trouble; they belong to the
// test's goroutine. It keeps nothing on disk: after Restart it is empty.
type Redis struct {
	t    testing.TB
	home *testproc.Home
	bin  string
	port int
	args []string
	proc *testproc.Proc // nil while stopped
}

// Start runs a redis-server until the end of the test. Args are added to its
// command line, such as "--maxmemory", "8mb".
func Start(t testing.TB, args ...string) *Redis {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home, err := testproc.NewHome("redis", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{t: t, home: home, bin: bin, args: args}
	t.Cleanup(func() {
		if err := home.Remove(); err != nil {
			t.Error(err)
		}
	})
	for try := range 5 {
		if r.port, err = testproc.FreePort(); err != nil {
			t.Fatal(err)
		}
		if err = r.start(); err == nil {
			return r
		}
		t.Logf("redistest: try %d: %v", try+1, err)
	}
	t.Fatal(err)
	return nil
}

// Addr is host:port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL is redis://host:port/0.
func (r *Redis) URL() string { return "redis://" + r.Addr() + "/0" }

// Stop ends the server at once; connections are refused from then on. Stopping
// a stopped server does nothing.
func (r *Redis) Stop() {
	r.t.Helper()
	if r.proc == nil {
		return
	}
	// SIGKILL also ends a paused server.
	if err := r.proc.End(syscall.SIGKILL, startTime); err != nil {
		r.t.Fatal(err)
	}
	r.proc = nil
}

// Restart starts the server on the same address, empty, stopping it before when
// it runs.
func (r *Redis) Restart() {
	r.t.Helper()
	r.Stop()
	if err := r.start(); err != nil {
		r.t.Fatal(err)
	}
}

// Pause freezes the server: connections are accepted by the kernel and never
// answered, as with a hung machine. Resume thaws it.
func (r *Redis) Pause() {
	r.t.Helper()
	r.signal(syscall.SIGSTOP)
}

// Resume thaws a paused server.
func (r *Redis) Resume() {
	r.t.Helper()
	r.signal(syscall.SIGCONT)
}

func (r *Redis) signal(sig syscall.Signal) {
	r.t.Helper()
	if r.proc == nil {
		r.t.Fatalf("redistest: signal %v to a stopped server", sig)
	}
	if err := r.proc.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// FlushAll empties the server.
func (r *Redis) FlushAll() {
	r.t.Helper()
	if reply, err := r.Do("FLUSHALL"); err != nil || reply != "OK" {
		r.t.Fatalf("redistest: FLUSHALL: %q, %v", reply, err)
	}
}

// Do sends one inline command on a connection of its own and returns
// the reply as text: a status, an integer or a bulk string. It is for looking
// into the server, not for load.
func (r *Redis) Do(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return r.do(ctx, command)
}

func (r *Redis) do(ctx context.Context, command string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return "", fmt.Errorf("redis: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", fmt.Errorf("redis: %w", err)
		}
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", fmt.Errorf("redis: %w", err)
	}
	return readReply(bufio.NewReader(conn))
}

func (r *Redis) start() error {
	proc, err := r.home.Start(testproc.Spec{
		Path: r.bin,
		Log:  "redis.log",
		Args: append([]string{
			"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.home.Path,
			"--save", "", "--appendonly", "no", "--daemonize", "no",
		}, r.args...),
	})
	if err != nil {
		return err
	}
	// The server that answers must be ours: another process may own the port.
	own := fmt.Sprintf("process_id:%d\r\n", proc.Pid())
	err = proc.WaitReady(startTime, func(ctx context.Context) error {
		info, err := r.do(ctx, "INFO server")
		if err == nil && !strings.Contains(info, own) {
			err = fmt.Errorf("redis: %s is not ours", r.Addr())
		}
		return err
	})
	if err != nil {
		_ = proc.End(syscall.SIGKILL, time.Second)
		return err
	}
	r.proc = proc
	return nil
}

var versionText = regexp.MustCompile(`v=(\d+)\.([0-9.]+)`)

// binary finds the server and checks its version, once per process.
var binary = sync.OnceValues(func() (string, error) {
	bin := os.Getenv(envServer)
	if bin == "" {
		found, err := exec.LookPath("redis-server")
		if err != nil {
			return "", fmt.Errorf("no redis-server found: install Redis %d or newer (Debian: apt-get install redis-server), "+
				"or set %s to its path; `make test` does it where it can", minVersion, envServer)
		}
		bin = found
	}
	out, err := exec.Command(bin, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", bin, err)
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s --version: not understood: %q", bin, out)
	}
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < minVersion {
		return "", fmt.Errorf("%s is Redis %s.%s, tests need %d or newer: set %s to a newer one", bin, m[1], m[2], minVersion, envServer)
	}
	return bin, nil
})
