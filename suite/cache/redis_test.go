package cache

import (
	"strings"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// grace is how long after Redis is back a node may show what another wrote meanwhile: until the log has repeated
// the invalidation. The bound is two seconds; a machine that is busy with other work gets more.
func grace() time.Duration { return testtime.Soak(10*time.Second, 2*time.Second) }

// trouble is something that happens to Redis: begin, and the end of it. Without an end it lasts.
type trouble struct {
	args       []string // of the server
	before     func(t *testing.T, s *stage)
	begin, end func(t *testing.T, s *stage)
	// lasts is how long, in both forms of the test.
	lasts, soaks time.Duration
	// exact says that nothing may be old at any time.
	exact bool
}

// stage is what trouble happens on.
type stage struct {
	*rig.Cluster
	link    *rig.Proxy
	replica *redistest.Redis
}

// says writes a profile and has every node keep it in the cache.
func (s *stage) says(t *testing.T, u *apitest.User, text string) {
	t.Helper()
	rig.SetBio(t, u, text)
	s.shows(t, u, text)
	s.shows(t, u, text)
}

// shows wants the text of a profile on every node.
func (s *stage) shows(t *testing.T, u *apitest.User, text string) {
	t.Helper()
	for _, p := range s.Nodes {
		wantBio(t, p, u, text, false)
	}
}

func do(t *testing.T, r *redistest.Redis, command string) {
	t.Helper()
	if reply, err := r.Do(command); err != nil {
		t.Fatalf("%s: %q, %v", command, reply, err)
	}
}

var troubles = map[string]trouble{
	"hangs": {
		begin: func(_ *testing.T, s *stage) { s.Redis.Pause() }, end: func(_ *testing.T, s *stage) { s.Redis.Resume() },
		lasts: 3 * time.Second, soaks: 30 * time.Second,
	},
	"refuses": {
		begin: func(_ *testing.T, s *stage) { s.Redis.Stop() }, end: func(_ *testing.T, s *stage) { s.Redis.Restart() },
		lasts: 2 * time.Second, soaks: 30 * time.Second,
	},
	"restarts from an old snapshot": {
		before: func(t *testing.T, s *stage) { do(t, s.Redis, "SAVE") },
		begin:  func(_ *testing.T, s *stage) { s.Redis.Stop() }, end: func(_ *testing.T, s *stage) { s.Redis.Restart() },
		lasts: 100 * time.Millisecond, soaks: 5 * time.Second,
	},
	"full": {
		begin: func(t *testing.T, s *stage) { do(t, s.Redis, "CONFIG SET maxmemory 100kb") },
		end:   func(t *testing.T, s *stage) { do(t, s.Redis, "CONFIG SET maxmemory 0") },
		lasts: 2 * time.Second, soaks: 30 * time.Second, exact: true,
	},
	"evicts": {
		args:  []string{"--maxmemory-policy", "allkeys-lfu"},
		begin: func(t *testing.T, s *stage) { do(t, s.Redis, "CONFIG SET maxmemory 100kb") },
		end:   func(t *testing.T, s *stage) { do(t, s.Redis, "CONFIG SET maxmemory 0") },
		lasts: 2 * time.Second, soaks: 30 * time.Second, exact: true,
	},
	"fails over to a replica that is behind": {
		args: redistest.Fast(),
		// It misses what is written from here on, and is the one that the nodes get to see.
		before: func(t *testing.T, s *stage) {
			s.replica = redistest.Start(t, redistest.Fast()...)
			s.replica.Follow(s.Redis)
			s.replica.Promote()
		},
		end:   func(_ *testing.T, s *stage) { s.link.Redirect(s.replica.Addr()) },
		lasts: time.Second, soaks: 10 * time.Second,
	},
}

// Whatever happens to Redis, reads and writes through two nodes go on without an error, and nobody sees what is older
// than an acknowledged write, or goes back; where Redis was away from the nodes, after the log has reported the write.
func TestCacheRedisInTrouble(t *testing.T) {
	t.Parallel()
	for name, x := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t, x.args...)
			s := &stage{link: rig.NewProxy(t, redis.Addr())}
			s.Cluster = rig.NewCluster(t, rig.Options{RedisURL: s.link.URL()})
			s.Redis = redis
			keepHistory(t, s.Database)
			s.Start(t, s.Nodes)
			h := &chronicle{user: s.Nodes[0].SignUp(t, "ada")}
			quiet := s.Nodes[0].SignUp(t, "quiet")
			s.says(t, quiet, "old")
			ended := profileTraffic(t, s.Cluster, h, audience{
				readers: 8, writers: 2, readEvery: testtime.Soak(20*time.Millisecond, 2*time.Millisecond), writeEvery: 30 * time.Millisecond}, nil)
			pass(500 * time.Millisecond)
			if x.before != nil {
				x.before(t, s)
			}
			rig.SetBio(t, quiet, "new") // and every node that could reach Redis has it from here on
			pass(300 * time.Millisecond)
			began := time.Now()
			if x.begin != nil {
				x.begin(t, s)
			}
			pass(testtime.Soak(x.lasts, x.soaks))
			back := time.Now()
			x.end(t, s)
			settled := time.Now().Add(100 * time.Millisecond)
			if !x.exact {
				settled = time.Now().Add(grace())
				h.excused = append(h.excused, span{back, settled})
			}
			for time.Now().Before(settled) && !t.Failed() {
				s.shows(t, quiet, "new")
				pass(20 * time.Millisecond)
			}
			pass(500 * time.Millisecond)
			const writes, reads = 20, 100 // fewer would show nothing
			for latest := time.Now().Add(testtime.Patience); !h.holds(writes, reads) && time.Now().Before(latest); {
				pass(20 * time.Millisecond)
			}
			over := time.Now()
			ended()
			h.rests(t, s.Cluster, grace())
			h.check(t, s.Database)
			t.Logf("before: %s; in the first second: %s; then: %s; after: %s; %d writes", h.percentiles(time.Time{}, began),
				h.percentiles(began, began.Add(time.Second)), h.percentiles(began.Add(time.Second), back), h.percentiles(back, over), len(h.acked))
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, later := range [][]time.Duration{h.took(began.Add(time.Second), back), h.took(back, over)} {
				if p99 := 500 * time.Millisecond; len(later) > 0 && testtime.Soak(false, true) && later[len(later)*99/100] > p99 {
					t.Errorf("after the first second of trouble p99 is %s", later[len(later)*99/100])
				}
			}
			if len(h.acked) < writes || len(h.reads) < reads {
				t.Errorf("%d writes and %d reads are too few to show anything", len(h.acked), len(h.reads))
			}
		})
	}
}

// pass lets the clients run for a while.
func pass(d time.Duration) { <-time.After(d) }

// holds reports whether a Redis has a key.
func holds(r *redistest.Redis, key string) bool {
	reply, err := r.Do("EXISTS " + key)
	return err == nil && strings.TrimSpace(reply) == "1"
}
