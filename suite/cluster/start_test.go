package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"roost/app"
	"roost/ent/migrations"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testproc"
)

// migratedCluster starts a PostgreSQL that the test may stop, at the current schema.
func migratedCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	cluster := pgtest.StartCluster(t, pgtest.Options{})
	if _, err := migrations.Up(t.Context(), rig.OpenURL(t, cluster.URL()).Writer()); err != nil {
		t.Fatal(err)
	}
	return cluster
}

// waits launches a node whose database is not there and wants it to live, and to say that it starts.
func waits(t *testing.T, p *rig.Process, why string) {
	t.Helper()
	p.Launch(t, rig.Plain.Build(t))
	apitest.Until(t, "the node to say that it starts", func() bool {
		select {
		case <-p.Proc.Exited():
			t.Fatalf("the node ended: %v\n%s", p.Proc.Err(), p.Proc.LogTail())
		default:
		}
		status, body := askAnybody(p.URL + "/readyz")
		return status == http.StatusServiceUnavailable && has(body, `"status":"starting"`, why)
	})
	if status, body := askAnybody(p.URL + "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d %s", status, body)
	}
	res := p.Anonymous().Run(t, `{ limits { pageSize } }`, nil)
	rig.ExpectUnavailable(t, "while it starts", "limits", res)
	if res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" {
		t.Errorf("a query while it starts: %d, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
}

// askAnybody is a GET that may find nobody: status 0.
func askAnybody(url string) (status int, body string) {
	res, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

// A node that finds no database waits for it, says so, and goes on by itself.
func TestNodeWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	cluster := migratedCluster(t)
	c := app.Config{DatabaseURL: withPassword(t, cluster.URL()), RedisURL: redistest.Start(t).URL()}
	cluster.Stop()
	p := rig.ProcessOn(t, c)
	waits(t, p, `"database":"degraded"`)
	if log := p.Proc.LogTail(); !strings.Contains(log, "waiting for the database") || strings.Contains(log, "hunter2") {
		t.Errorf("it says %s", log)
	}
	cluster.Start()
	p.UntilReady(t)
	u := p.SignUp(t, "ada")
	u.Tweet(t, "hello")
	p.End(t, syscall.SIGTERM)

	// One that gets a SIGTERM while it waits ends well, and at once.
	cluster.Stop()
	waits(t, p, "")
	p.End(t, syscall.SIGTERM)
	if err := p.Proc.Err(); err != nil {
		t.Errorf("it ended with %v:\n%s", err, p.Proc.LogTail())
	}
}

// A node that need not wait listens when it serves, not before: a balancer that does not ask /readyz would send it
// requests.
func TestNodeListensWhenItServes(t *testing.T) {
	t.Parallel()
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	var started atomic.Int64
	r := apitest.New(t, apitest.Server, func(c *app.Config) {
		c.Addr = addr
		c.Watch = func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
			if !strings.Contains(query, "INSERT INTO group_partitions") { // one of the last steps of the start
				return
			}
			started.Add(1)
			if conn, err := net.Dial("tcp", addr); err == nil {
				_ = conn.Close()
				t.Error("it listens before it serves")
			}
		}
	})
	r.Anonymous().Must(t, `{ limits { pageSize } }`, nil)
	if started.Load() == 0 {
		t.Error("the start was not seen")
	}
}

// withPassword puts a password into a URL, which the servers of tests do not ask for.
func withPassword(t *testing.T, of string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "hunter2")
	return u.String()
}

// What waiting would not mend ends the start with one line.
func TestNodeDoesNotWaitForTheImpossible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ url, want string }{
		"no such database": {strings.Replace(apitest.Migrated(t), "/roost_test_", "/nobodys_", 1), "does not exist"},
		"no schema":        {pgtest.URL(t), "run `roost migrate up`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rig.ProcessOn(t, app.Config{DatabaseURL: c.url, RedisURL: "redis://127.0.0.1:1"})
			p.Launch(t, rig.Plain.Build(t))
			<-p.Proc.Exited()
			log, err := os.ReadFile(p.Home.Join("roost.log"))
			if err != nil {
				t.Fatal(err)
			}
			if p.Proc.Err() == nil || !strings.Contains(string(log), c.want) || !strings.HasPrefix(string(log), "roost: ") ||
				strings.Count(string(log), "\n") != 1 {
				t.Errorf("it ended with %v: %s", p.Proc.Err(), log)
			}
		})
	}
}
