package cache

import (
	"fmt"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// A session is revoked by a node that dies right after the commit, while a node is cut off from Redis: the one that
// writes, so that no node was informed, or one that reads. Every node refuses the key within a second (a busy machine
// gets more), and goes on to
// when Redis is back for all.
func TestCacheSessionRevokedByAWriterThatDies(t *testing.T) {
	t.Parallel()
	const who = `{ viewer { user { id } } }`
	for _, cut := range []string{"the writer", "a reader", "nobody"} {
		t.Run(cut+" is cut off", func(t *testing.T) {
			t.Parallel()
			c := rig.NewCluster(t, rig.Options{})
			readers := c.Nodes
			toWriter, toReader := rig.NewProxy(t, c.Redis.Addr()), rig.NewProxy(t, c.Redis.Addr())
			behind := func(k *rig.Proxy, args ...string) *rig.Process {
				own := *c
				own.Config.RedisURL = k.URL()
				return own.Prepare(t, args...)
			}
			writer := behind(toWriter, "--roles", "api")
			readers = append(readers, behind(toReader))
			c.Start(t, readers)
			ada := readers[0].SignUp(t, "ada")
			rounds := testtime.Soak(2, 20)
			for round := range rounds {
				c.Start(t, []*rig.Process{writer}, rig.KillAfterCommit)
				// It has signed nobody up: its first commit will be the revocation.
				old := readers[round%len(readers)].LogIn(t, ada)
				for range 2 {
					for i, p := range append(readers, writer) {
						res := p.As(old.Key).Must(t, who, nil)
						if res.String("viewer.user.id") != ada.ID {
							t.Fatalf("node %d does not know the key: %s", i, res.Body)
						}
					}
				}
				rig.UserOn(writer.Roost, ada).Must(t, who, nil)
				switch cut {
				case "the writer":
					toWriter.Cut()
				case "a reader":
					toReader.Cut()
				}
				res, err := rig.UserOn(writer.Roost, ada).Do(t.Context(),
					`mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { session { id } userErrors { code } } }`,
					apitest.Vars{"id": old.SessionID})
				if err == nil {
					t.Fatalf("the writer was to die, and answers %s", res.Body)
				}
				<-writer.Proc.Exited()
				died := time.Now()
				slowest := time.Duration(0)
				for i, p := range readers {
					apitest.Until(t, fmt.Sprintf("node %d to refuse the key", i), func() bool { return p.As(old.Key).Run(t, who, nil).Status == 401 })
					slowest = max(slowest, time.Since(died))
				}
				if slowest > testtime.Soak(20*time.Second, time.Second) {
					t.Errorf("the key of the revoked session works for %s", slowest)
				}
				toWriter.Restore()
				toReader.Restore()
				// Those who come back to Redis must not find the session alive there.
				for end := time.Now().Add(testtime.Soak(time.Second, 3*time.Second)); time.Now().Before(end); {
					for i, p := range readers {
						if res := p.As(old.Key).Run(t, who, nil); res.Status != 401 {
							t.Fatalf("node %d has refused the key and takes it again: %s", i, res.Body)
						}
					}
				}
				t.Logf("all nodes refuse the key %s after the death of the writer", slowest.Round(time.Millisecond))
			}
		})
	}
}
