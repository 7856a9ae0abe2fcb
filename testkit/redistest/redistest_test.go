package redistest_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"roost/testkit/redistest"
)

func do(t *testing.T, r *redistest.Redis, command string) string {
	t.Helper()
	reply, err := r.Do(command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return reply
}

func TestServersAreApart(t *testing.T) {
	t.Parallel()
	a, b := redistest.Start(t), redistest.Start(t, "--maxmemory", "8mb")
	do(t, a, "SET k 1")
	if _, err := b.Do("GET k"); err == nil {
		t.Error("a key of one server is on the other")
	}
	if got := do(t, b, "INFO memory"); !strings.Contains(got, "maxmemory:8388608\r\n") {
		t.Errorf("maxmemory is not set:\n%s", got)
	}
	a.FlushAll()
	if _, err := a.Do("GET k"); err == nil {
		t.Error("a key outlives FlushAll")
	}
}

func TestStopAndRestart(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	addr := r.Addr()
	do(t, r, "SET k 1")
	r.Stop()
	r.Stop()
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("a stopped server takes connections")
	}
	r.Restart()
	if r.Addr() != addr {
		t.Errorf("address changed from %s to %s", addr, r.Addr())
	}
	if _, err := r.Do("GET k"); err == nil {
		t.Error("the server is not empty after a restart")
	}
	if do(t, r, "PING") != "PONG" {
		t.Error("no PONG")
	}
}

func TestPausedServerHangs(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	r.Pause()
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal("a paused server refuses:", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := conn.Read(buf); err == nil {
		t.Fatalf("a paused server says %q", buf[:n])
	}
	r.Resume()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "+PONG\r\n" {
		t.Fatalf("after Resume: %q, %v", buf[:n], err)
	}
	r.Pause()
	r.Stop() // ends a frozen one too
}
