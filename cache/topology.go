package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The forms of a Redis URL that name several servers.
const (
	schemeCluster  = "+cluster"
	schemeRing     = "+ring"
	schemeSentinel = "+sentinel"
)

// urlForms lists the accepted URLs, for error messages.
const urlForms = "redis://host:6379/0, redis+cluster://host1:6379,host2:6379, " +
	"redis+ring://host1:6379,host2:6379/0 or redis+sentinel://host1:26379,host2:26379/name"

// address is a parsed Redis URL.
type address struct {
	form     string // "" for one server, or one of the schemes above
	hosts    []string
	options  *redis.Options // credentials, database, TLS; Addr is the first host
	sentinel string         // the name of the primary
}

func parseURL(text string) (*address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, fmt.Errorf("the Redis URL must look like %s", urlForms)
	}
	base, form, _ := strings.Cut(scheme, "+")
	a := &address{}
	if form != "" {
		a.form = "+" + form
	}
	if a.form != "" && a.form != schemeCluster && a.form != schemeRing && a.form != schemeSentinel {
		return nil, fmt.Errorf("the Redis URL must look like %s", urlForms)
	}
	user, hosts := "", rest
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, hosts = rest[:at+1], rest[at+1:]
	}
	list, path, _ := strings.Cut(hosts, "/")
	a.hosts = strings.Split(list, ",")
	if a.form == "" && len(a.hosts) > 1 {
		a.form = schemeCluster // several addresses and no form: a cluster
	}
	if a.form == schemeSentinel {
		a.sentinel, path = path, ""
		if a.sentinel == "" {
			return nil, errors.New("the Redis URL of a Sentinel ends with the name of the primary")
		}
	}
	if a.form == schemeCluster && path != "" && path != "0" {
		return nil, errors.New("a Redis Cluster has only database 0")
	}
	if path != "" {
		path = "/" + path
	}
	var err error
	if a.options, err = redis.ParseURL(base + "://" + user + a.hosts[0] + path); err != nil {
		// The cause is left out: it would name parts of the URL, such as the password.
		return nil, fmt.Errorf("the Redis URL must look like %s", urlForms)
	}
	return a, a.checkHosts()
}

// checkHosts completes the addresses, checks them and sorts them. A shard that is named twice, or differently on two nodes, would count
// as two.
func (a *address) checkHosts() error {
	if a.form == "" {
		return nil
	}
	if a.options.TLSConfig != nil {
		a.options.TLSConfig.ServerName = "" // it names the first host only; go-redis checks each host's own name
	}
	for i, h := range a.hosts {
		u, err := url.Parse("redis://" + h)
		if err != nil || u.Hostname() == "" {
			return fmt.Errorf("host %d of the Redis URL is not host:port", i+1)
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		a.hosts[i] = net.JoinHostPort(u.Hostname(), port)
	}
	slices.Sort(a.hosts)
	if len(slices.Compact(slices.Clone(a.hosts))) != len(a.hosts) {
		return errors.New("the Redis URL names an address twice")
	}
	return nil
}

// noHeartbeat keeps every shard in the hash. Keys of a shard that is unreachable are read from SQL, never from another shard, which might
// hold older entries that have missed invalidations.
func noHeartbeat(context.Context, *redis.Client) bool { return true }

// client returns the connection pool or pools of an address.
func (a *address) client(timeout time.Duration) redis.UniversalClient {
	o := a.options
	bound(o, timeout)
	longest := timeout + maxExtra
	switch a.form {
	case schemeCluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: a.hosts, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
			DialTimeout: longest, ReadTimeout: longest, WriteTimeout: longest, PoolTimeout: timeout,
			ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, PoolSize: o.PoolSize, DisableIdentity: true,
			MaintNotificationsConfig: o.MaintNotificationsConfig,
		})
	case schemeRing:
		shards := make(map[string]string, len(a.hosts))
		for _, h := range a.hosts {
			shards[h] = h
		}
		return redis.NewRing(&redis.RingOptions{
			Addrs: shards, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLSConfig,
			DialTimeout: longest, ReadTimeout: longest, WriteTimeout: longest, PoolTimeout: timeout,
			ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, PoolSize: o.PoolSize, DisableIdentity: true,
			HeartbeatFn: noHeartbeat, HeartbeatFrequency: time.Hour,
			NewConsistentHash: func(names []string) redis.ConsistentHash { return newHashRing(names) },
			NewClient: func(c *redis.Options) *redis.Client {
				c.MaintNotificationsConfig = o.MaintNotificationsConfig
				return redis.NewClient(c)
			},
		})
	case schemeSentinel:
		return a.failover(timeout, o.PoolSize, o.OnConnect)
	default:
		return redis.NewClient(o)
	}
}

// failover returns a client whose connections lead to the primary that the Sentinels name. When they name another one, it closes them.
func (a *address) failover(timeout time.Duration, conns int, connect func(context.Context, *redis.Conn) error) *redis.Client {
	o, longest := a.options, timeout+maxExtra
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: a.sentinel, SentinelAddrs: a.hosts, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		DialTimeout: longest, ReadTimeout: longest, WriteTimeout: longest, PoolTimeout: timeout,
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, PoolSize: conns, DisableIdentity: true,
		OnConnect: connect,
	})
}

// bound sets the timeouts and retries that a cache needs: calls fail soon, and the client does not retry by itself.
func bound(o *redis.Options, timeout time.Duration) {
	longest := timeout + maxExtra // the context of a call has the actual deadline
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = longest, longest, longest, timeout
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1
	if o.PoolSize == 0 {
		o.PoolSize = max(minConns, connsPerProcessor*runtime.GOMAXPROCS(0))
	}
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	// Saves a round trip a connection, and a command that Redis 7.0 does not have.
	o.DisableIdentity = true
}

// shard is one server that accepts writes, with a breaker of its own, so that one unreachable server does not affect the others.
type shard struct {
	client  *redis.Client
	breaker breaker
	// refusedSince is when the server began to refuse every invalidation although it answers, in Unix nanoseconds. It is 0 while
	// the server takes them.
	refusedSince atomic.Int64
	// replid is the replication id that the newest connection found; nil if it found none.
	replid atomic.Pointer[string]
}

// wrote notes whether the server took an invalidation that it answered.
func (s *shard) wrote(taken bool, now time.Time) {
	if taken {
		s.refusedSince.Store(0)
	} else {
		s.refusedSince.CompareAndSwap(0, now.UnixNano())
	}
}

// refuses reports whether the server has answered, and refused, every invalidation for at least d: it cannot save
// its data (MISCONF), lacks replicas (NOREPLICAS), or is a replica (READONLY).
func (s *shard) refuses(d time.Duration, now time.Time) bool {
	since := s.refusedSince.Load()
	return since != 0 && now.UnixNano()-since >= int64(d)
}

// refusing reports whether some server refuses invalidations.
func (r *Redis) refusing() (some bool) {
	r.shards.Range(func(_, s any) bool {
		some = s.(*shard).refuses(0, time.Now())
		return !some
	})
	return some
}

// name returns host:port, for logs.
func (s *shard) name() string { return s.client.Options().Addr }

// route returns the server of a key. It returns ErrDown if the last attempts to read a cluster's layout failed.
func (r *Redis) route(ctx context.Context, key string) (s *shard, err error) {
	if r.only != nil {
		return r.only, nil
	}
	err = r.asked(ctx, &r.layout, func(ctx context.Context) error {
		s, err = r.shardOf(ctx, key)
		return err
	})
	return s, err
}

// shardOf asks the client for the server of a key. If a cluster's layout is not known yet, the client asks the cluster.
func (r *Redis) shardOf(ctx context.Context, key string) (*shard, error) {
	switch c := r.client.(type) {
	case *redis.ClusterClient:
		node, err := c.MasterForKey(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("layout of the Redis Cluster: %w", err)
		}
		return r.shard(node), nil
	case *redis.Ring:
		node, err := c.GetShardClientForKey(key)
		if err != nil {
			return nil, fmt.Errorf("layout of the Redis ring: %w", err)
		}
		return r.shard(node), nil
	default:
		return r.only, nil
	}
}

// shard returns the shard of a client, with its breaker. The map only grows when servers join, which is rare.
func (r *Redis) shard(c *redis.Client) *shard {
	if s, ok := r.shards.Load(c); ok {
		return s.(*shard)
	}
	s, _ := r.shards.LoadOrStore(c, &shard{client: c})
	return s.(*shard)
}

// servers returns every server that accepts writes. It returns ErrDown if the last attempts to read a cluster's layout failed.
func (r *Redis) servers(ctx context.Context) (all []*shard, err error) {
	err = r.asked(ctx, &r.layout, func(ctx context.Context) (err error) {
		all, err = r.all(ctx)
		return err
	})
	return all, err
}

// all asks the client for every server that accepts writes.
func (r *Redis) all(ctx context.Context) ([]*shard, error) {
	var found []*shard
	switch c := r.client.(type) {
	case *redis.ClusterClient:
		nodes := make(chan *redis.Client, maxClusterPrimaries)
		err := c.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
			select {
			case nodes <- node:
				return nil
			default:
				return errors.New("a Redis Cluster of more than " + strconv.Itoa(maxClusterPrimaries) + " primaries")
			}
		})
		close(nodes)
		for node := range nodes {
			found = append(found, r.shard(node))
		}
		if err != nil {
			return nil, fmt.Errorf("layout of the Redis Cluster: %w", err)
		}
	case *redis.Ring:
		for _, node := range c.GetShardClients() {
			found = append(found, r.shard(node))
		}
	default:
		found = append(found, r.only)
	}
	return found, nil
}

// maxClusterPrimaries is the largest number of primaries. Redis recommends no more than a thousand nodes.
const maxClusterPrimaries = 1000
