package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"
)

// errCannotTrack is returned for a server that cannot report changes, or does not report all of them.
var errCannotTrack = errors.New("the server cannot track keys")

// canTrack returns an error if a server that answers HELLO in this way does not report all changes. A node of a cluster reports the
// keys of a slot that it has lost from Redis 7.2 on.
func (r *Redis) canTrack(hello any) error {
	about, _ := hello.(map[any]any)
	if proto, _ := about["proto"].(int64); proto < 3 {
		return fmt.Errorf("%w: it does not speak RESP3", errCannotTrack)
	}
	if about["mode"] != "cluster" || r.anyCluster {
		return nil
	}
	version, _ := about["version"].(string)
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major < 7 || major == 7 && minor < 2 {
		return fmt.Errorf("%w: a cluster needs Redis 7.2, and it is %s", errCannotTrack, version)
	}
	return nil
}

// dedicated returns a client with one connection to a server. connect prepares each connection before it is used.
func (r *Redis) dedicated(s *shard, connect func(ctx context.Context, conn *redis.Conn) error) *redis.Client {
	if r.address.form == schemeSentinel {
		return r.address.failover(r.timeout, 1, connect) // follows the Sentinels, as the other connections do
	}
	o := *s.client.Options()
	o.PoolSize, o.MinIdleConns, o.MaxIdleConns, o.MaxActiveConns = 1, 0, 0, 0
	o.Protocol = 3
	o.OnConnect = connect
	o.PushNotificationProcessor = nil // its own
	return redis.NewClient(&o)
}

// handler adapts a function to the interface of go-redis.
type handler func(keys []any)

// HandlePushNotification is part of push.NotificationHandler.
func (h handler) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, n []any) error {
	if len(n) != 2 {
		h(nil)
		return nil
	}
	keys, _ := n[1].([]any)
	h(keys)
	return nil
}
