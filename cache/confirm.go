package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Confirm ensures that reads of this process that begin after it returns see the versions or newer ones, even if the writers never
// invalidated anything. It first looks at the entries without scripts, in one pipelined round trip a server. Usually that is
// all, because the writer's own invalidation has arrived. It then invalidates the entries that are still older, once. If a server
// does not take an invalidation, this process reads the key from SQL until the server has taken it, and Confirm returns an error: other
// processes may serve old entries. So Confirm takes about two calls to a server for each 1,000 keys.
func (t *Tier) Confirm(ctx context.Context, all ...Invalidation) error {
	if len(all) == 0 {
		return nil
	}
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	return t.invalidateOlder(ctx, all, t.entryLooks(ctx, keys))
}

// invalidateOlder invalidates, once, the entries that do not confirm the versions of all according to looks. The invalidations of servers
// that are unreachable or refuse them become pending, and are an error.
func (t *Tier) invalidateOlder(ctx context.Context, all []Invalidation, looks []entryLook) error {
	var send, left []Invalidation
	for i, e := range looks {
		switch {
		case !e.answered:
			left = append(left, all[i])
		case !e.confirms(all[i].Version):
			send = append(send, all[i])
		}
	}
	if len(send) > 0 {
		refused, _ := t.invalidateOnce(ctx, Announcement{}, send)
		left = append(left, refused...)
	}
	t.addPending(ctx, left)
	if len(left) > 0 {
		return fmt.Errorf("%d of %d %w", len(left), len(all), errNotTaken)
	}
	return nil
}

var errNotTaken = errors.New("invalidations not taken by Redis")

// entryLook is what Confirm and Refresh see of an entry.
type entryLook struct {
	answered bool  // false if the server is unreachable, or is not a primary
	fields   []any // v, m and l; nil if the server returned an error for this key
}

// entryLooks looks at entries without scripts, in one pipelined round trip a server for each 1,000 keys.
func (t *Tier) entryLooks(ctx context.Context, keys []string) []entryLook {
	defer t.redis.coherence.changing(keys)() // an entry that was flushed confirms nothing about its copy
	out := make([]entryLook, len(keys))
	eachGroup(t.redis.groups(ctx, keys), func(g group) { t.entryLooksOf(ctx, g, keys, out) })
	return out
}

// entryLooksOf looks at the entries of one server.
func (t *Tier) entryLooksOf(ctx context.Context, g group, keys []string, out []entryLook) {
	var info *redis.StringCmd
	cmds := make([]*redis.SliceCmd, len(g.at))
	err := t.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		if !t.redis.Embedded() {
			info = p.Info(ctx, "replication")
		}
		for i, at := range g.at {
			cmds[i] = p.HMGet(ctx, keys[at], "v", "m", "l")
		}
	})
	if err != nil || info != nil && fenceOf(info.Val()) == "" {
		return
	}
	for i, at := range g.at {
		out[at] = entryLook{answered: true, fields: cmds[i].Val()}
	}
}

// isEmpty reports whether an entry has neither data nor a lease. Then nothing that was read from SQL before the look can be served from it
// or filled into it, because a reader that takes a lease later reads SQL later. The fence does not matter: under another fence the entry
// counts as absent.
func (e entryLook) isEmpty() bool {
	return len(e.fields) == 3 && e.fields[0] == nil && e.fields[2] == nil
}

// confirms reports whether nothing below the version can be served from an entry or filled into it, provided that the version was committed
// before the look.
func (e entryLook) confirms(version int64) bool {
	if e.isEmpty() {
		return true
	}
	if len(e.fields) != 3 {
		return false
	}
	data, _ := e.fields[0].(string)
	minVersion, _ := e.fields[1].(string)
	v, _ := valueOf(data, "")
	m, _ := valueOf(minVersion, "")
	return max(v.Version, m.Version) >= version
}
