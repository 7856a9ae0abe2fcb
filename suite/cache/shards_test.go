package cache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"roost/cache"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// One of three servers of a Redis Cluster is killed, or one of three of a ring is stopped, while profiles are read and
// written on two nodes: only the keys of that server go to SQL, no command is refused for its keys, nothing old is
// shown; and when it is back, empty, its keys are warm again.
func TestCacheOneServerOfThreeDies(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]func(t *testing.T) (all []*redistest.Redis, url string){
		"cluster": func(t *testing.T) ([]*redistest.Redis, string) {
			c := redistest.StartCluster(t, 3)
			return c.Nodes, c.URL()
		},
		"ring": func(t *testing.T) ([]*redistest.Redis, string) {
			all := []*redistest.Redis{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
			return all, redistest.RingURL(all...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, url := servers(t)
			s := &shards{Cluster: rig.NewCluster(t, rig.Options{RedisURL: url}), servers: all}
			keepHistory(t, s.Database)
			s.Start(t, s.Nodes)
			s.users = s.Nodes[0].SignUps(t, "spread", 24)
			for _, u := range s.users {
				rig.SetBio(t, u, "hello "+u.Name)
			}
			s.warm(t)
			s.place(t)
			s.dies(t)
		})
	}
}

// shards are users whose entries are on several servers.
type shards struct {
	*rig.Cluster
	servers []*redistest.Redis
	users   []*apitest.User
	at      []int // by user, the server of the entry
}

// statements reads a profile on a node and returns what that cost in SQL.
func (s *shards) statements(t *testing.T, node int, u *apitest.User) int {
	t.Helper()
	res := rig.AnonymousAt(s.Nodes[node], http.DefaultClient).Must(t, rig.ProfileByID, apitest.Vars{"id": u.ID})
	if want := "hello " + u.Name; res.String("node.bio") != want {
		t.Errorf("a profile is %s, want %q", res.Body, want)
	}
	sql, _ := res.Cost()
	return sql
}

// warm waits until no profile costs a statement on any node.
func (s *shards) warm(t *testing.T) {
	t.Helper()
	apitest.Until(t, "all profiles to be warm", func() bool {
		cost := 0
		for node := range s.Nodes {
			for _, u := range s.users {
				cost += s.statements(t, node, u)
			}
		}
		return cost == 0
	})
}

// place finds out where the entries are.
func (s *shards) place(t *testing.T) {
	t.Helper()
	count := make([]int, len(s.servers))
	for _, u := range s.users {
		id := apitest.Int(t, s.Database, "SELECT id FROM users WHERE username = $1", u.Name)
		at := -1
		for i, r := range s.servers {
			if holds(r, fmt.Sprint(cache.EntryPrefix, "u:", id)) {
				if at >= 0 {
					t.Fatalf("the entry of %s is on two servers", u.Name)
				}
				at = i
			}
		}
		if at < 0 {
			t.Fatalf("the entry of %s is nowhere", u.Name)
		}
		s.at = append(s.at, at)
		count[at]++
	}
	for i, n := range count {
		if n == 0 {
			t.Fatalf("no entry is on server %d: %v", i, count)
		}
	}
	t.Logf("%v entries on the servers", count)
}

func (s *shards) dies(t *testing.T) {
	const victim = 1
	// A profile of each server is read and written all the while.
	var busy []*chronicle
	var ends []func()
	for i := range s.servers {
		h := &chronicle{}
		for n, u := range s.users {
			if s.at[n] == i {
				h.user = u
			}
		}
		busy = append(busy, h)
		ends = append(ends, profileTraffic(t, s.Cluster, h, audience{
			readers: 3, writers: 1, readEvery: testtime.Soak(20*time.Millisecond, 5*time.Millisecond), writeEvery: 30 * time.Millisecond}, nil))
	}
	quiet := func(server int) (users []*apitest.User) {
		for n, u := range s.users {
			if s.at[n] == server && u != busy[server].user {
				users = append(users, u)
			}
		}
		return users
	}
	pass(500 * time.Millisecond)
	s.servers[victim].Stop()
	pass(testtime.Soak(time.Second, 5*time.Second)) // until the nodes have noticed
	for round := range testtime.Soak(3, 30) {
		for node := range s.Nodes {
			for server := range s.servers {
				for _, u := range quiet(server) {
					got := s.statements(t, node, u)
					if want := map[bool]int{true: 1}[server == victim]; got != want {
						t.Errorf("round %d: a profile on server %d costs node %d %d statements, want %d", round, server, node, got, want)
					}
				}
			}
		}
	}
	back := time.Now()
	s.servers[victim].Restart()
	pass(grace())
	busy[victim].excused = []span{{back, time.Now()}}
	pass(500 * time.Millisecond)
	for _, end := range ends {
		end()
	}
	for i, h := range busy {
		h.rests(t, s.Cluster, grace())
		h.check(t, s.Database)
		t.Logf("server %d: %d reads, %d writes", i, len(h.reads), len(h.acked))
		rig.SetBio(t, h.user, "hello "+h.user.Name)
	}
	s.warm(t)
	for i, r := range s.servers {
		if stats, err := r.Do("INFO errorstats"); err != nil || strings.Contains(stats, "CROSSSLOT") {
			t.Errorf("server %d has refused commands: %v, %s", i, err, stats)
		}
	}
}
