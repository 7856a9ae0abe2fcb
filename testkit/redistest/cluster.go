package redistest

import (
	"fmt"
	"strings"
	"testing"
)

// Cluster is a Redis Cluster of primaries without replicas.
type Cluster struct {
	Nodes []*Redis
}

// slots is how many hash slots a cluster has.
const slots = 16384

// StartCluster runs a cluster of n primaries that share the slots evenly, until the end of the test. When a node is
// unreachable, only its own keys are.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range n {
		r := Start(t, "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--cluster-node-timeout", "2000",
			"--cluster-allow-pubsubshard-when-down", "yes")
		c.Nodes = append(c.Nodes, r)
		r.must(fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", i*slots/n, (i+1)*slots/n-1))
		r.must(fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1))
	}
	for _, r := range c.Nodes[1:] {
		r.must("CLUSTER MEET 127.0.0.1 " + strings.TrimPrefix(c.Nodes[0].Addr(), "127.0.0.1:"))
	}
	for _, r := range c.Nodes {
		until(t, "the cluster to form", func() bool {
			info, err := r.Do("CLUSTER INFO")
			return err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", n)) &&
				strings.Contains(info, fmt.Sprintf("cluster_size:%d\r\n", n)) &&
				strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d\r\n", slots))
		})
	}
	return c
}

// URL is redis+cluster://host:port,…
func (c *Cluster) URL() string { return "redis+cluster://" + addrs(c.Nodes) }

// RingURL names independent servers as shards of a ring: redis+ring://host:port,…
func RingURL(servers ...*Redis) string { return "redis+ring://" + addrs(servers) }

func addrs(servers []*Redis) string {
	var all []string
	for _, r := range servers {
		all = append(all, r.Addr())
	}
	return strings.Join(all, ",")
}
