package redistest

import (
	"strings"
	"testing"

	"roost/testkit/testtime"
)

// Fast returns arguments for servers of which one follows the other. With them, a replica gets its data without delay.
func Fast() []string {
	return []string{"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--hz", "100"}
}

// Follow makes the server a replica of another, and waits until it has its data.
func (r *Redis) Follow(primary *Redis) {
	r.t.Helper()
	r.Promote() // else one that followed before connects at its leisure
	r.must("REPLICAOF 127.0.0.1 " + strings.TrimPrefix(primary.Addr(), "127.0.0.1:"))
	until(r.t, "the replica to have its data", func() bool {
		info, err := r.Do("INFO replication")
		return err == nil && strings.Contains(info, "master_link_status:up") && !strings.Contains(info, "master_sync_in_progress:1")
	})
}

// Promote makes the server a primary, with the data that it has. It no longer follows the old primary.
func (r *Redis) Promote() {
	r.t.Helper()
	r.must("REPLICAOF NO ONE")
}

// Disconnect closes the connections of clients, as Sentinel does when it changes a server's role.
func (r *Redis) Disconnect() {
	r.t.Helper()
	r.must("CLIENT KILL TYPE normal")
}

func (r *Redis) must(command string) {
	r.t.Helper()
	if reply, err := r.Do(command); err != nil {
		r.t.Fatalf("redistest: %s: %q, %v", command, reply, err)
	}
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testtime.Until(t, "redistest: "+what, ok)
}
