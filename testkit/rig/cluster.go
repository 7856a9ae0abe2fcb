package rig

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
)

// Cluster is several nodes on the same stores, each in a process that tests may kill.
type Cluster struct {
	bin      string
	Config   app.Config
	Redis    *redistest.Redis // nil if the test brings its own
	Nodes    []*Process
	Database *sqldb.DB
}

// Options says how to build a cluster. Without a URL it has stores of its own.
type Options struct {
	DatabaseURL, RedisURL string
	nodes                 int // 2 unless set
	Args                  []string
}

// NewCluster prepares nodes on empty stores; Start starts them.
func NewCluster(t *testing.T, r Options) *Cluster {
	t.Helper()
	c := &Cluster{bin: Faulty.Build(t)}
	c.Config.DatabaseURL, c.Config.RedisURL = r.DatabaseURL, r.RedisURL
	if r.DatabaseURL == "" {
		c.Config.DatabaseURL = apitest.Migrated(t)
	}
	if r.RedisURL == "" {
		c.Redis = redistest.Start(t)
		c.Config.RedisURL = c.Redis.URL()
	}
	for range max(r.nodes, 2) {
		c.Nodes = append(c.Nodes, c.Prepare(t, r.Args...))
	}
	if r.nodes == 1 {
		c.Nodes = c.Nodes[:1]
	}
	c.Database = c.Nodes[0].DB(t)
	return c
}

// Prepare makes one more node, with the current configuration of the cluster.
func (c *Cluster) Prepare(t *testing.T, args ...string) *Process {
	t.Helper()
	return ProcessOn(t, c.Config, append([]string{"--database-conns", "12", "--server-timing"}, args...)...)
}

// Start runs nodes in parallel, with the environment, and waits until they are ready.
func (c *Cluster) Start(t *testing.T, nodes []*Process, env ...string) {
	t.Helper()
	for _, p := range nodes {
		p.Launch(t, c.bin, env...)
	}
	for _, p := range nodes {
		p.UntilReady(t)
	}
}

// AwaitLogLine waits until the log of a node has a text.
func AwaitLogLine(t *testing.T, p *Process, text string) {
	t.Helper()
	apitest.Until(t, fmt.Sprintf("%q in the log", text), func() bool {
		all, err := os.ReadFile(p.Home.Join("roost.log"))
		return err == nil && strings.Contains(string(all), text)
	})
}
