package cache

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"roost/testkit/redistest"
)

// A planned failover by a Sentinel: the old primary goes on as a primary for some seconds, with its connections. Clients use the new
// one from the moment of the switch, and so must copies.
func TestCopiesFollowASentinel(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t, redistest.Fast()...), redistest.Start(t, redistest.Fast()...)
	second.Follow(first)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	host, firstPort, _ := net.SplitHostPort(first.Addr())
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor primary %s %s 1\nsentinel down-after-milliseconds primary 60000\n",
		port, host, firstPort)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port)})
	defer func() { _ = sentinel.Close() }()
	wait(t, "the Sentinel to see the replica", func() bool {
		all, err := sentinel.Replicas(t.Context(), "primary").Result()
		return err == nil && len(all) == 1 && all[0]["master-link-status"] == "ok" && strings.Contains(all[0]["flags"], "slave")
	})
	url := fmt.Sprintf("redis+sentinel://127.0.0.1:%d/primary", port)
	x, y, b := tierAt(t, url), tierAt(t, url), newTable() // y writes, x only reads, from copies
	a := key("a")
	b.write(a)
	for range 5 {
		get(t, x, b, a)
	}
	if counterValue(rowsOf(x).count.copied) == 0 {
		t.Fatal("there are no copies")
	}
	wait(t, "a failover", func() bool { return sentinel.Failover(t.Context(), "primary").Err() == nil })
	wait(t, "the writer to use the new primary", func() bool {
		_, _ = second.Do("CONFIG RESETSTAT") // it may be in the middle of the switch
		_ = y.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(y), Key: key("probe"), Version: b.write(key("probe")).Version})
		info, _ := second.Do("INFO commandstats")
		return strings.Contains(info, "cmdstat_eval")
	})
	v := b.write(a)
	invalidate(t, y, Announcement{}, a, v.Version) // taken by the new primary
	wait(t, "the reader to follow the Sentinel", func() bool { return get(t, x, b, a)[0] == v })
	if info, err := first.Do("INFO replication"); err != nil || !strings.Contains(info, "role:master") {
		t.Errorf("the reader followed only when the old primary had become a replica, %v", err)
	}
}
