package cache

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Confirm ensures that reads of this process that begin after it returns see the versions or newer ones, even if the writers never
// invalidated anything. It first looks at the entries without scripts, in one pipelined round trip a server. Usually that is
// all, because the writer's own invalidation has arrived. It then invalidates the entries that are still older, once. If a server
// does not take an invalidation, this process reads the key from SQL until the server has taken it. So Confirm takes about two
// calls to a server for each 1,000 keys.
func (t *Tier) Confirm(ctx context.Context, all ...Invalidation) {
	if len(all) == 0 {
		return
	}
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	defer t.redis.coherence.changing(keys)() // an entry that was flushed confirms nothing about its copy
	verdicts := make([]verdict, len(all))
	eachGroup(t.redis.groups(ctx, keys), func(g group) { t.confirmGroup(ctx, g, all, verdicts) })
	var send, left []Invalidation
	for i, v := range verdicts {
		switch v {
		case isOld:
			send = append(send, all[i])
		case isUnknown:
			left = append(left, all[i])
		}
	}
	if len(send) > 0 {
		refused, _ := t.invalidateOnce(ctx, Announcement{}, send)
		left = append(left, refused...)
	}
	t.addPending(ctx, left)
}

// verdict is the result of comparing an entry with an invalidation.
type verdict int8

const (
	isUnknown verdict = iota // the server is unreachable, or is not a primary
	isOld
	isDone
)

// confirmGroup compares the entries of one server.
func (t *Tier) confirmGroup(ctx context.Context, g group, all []Invalidation, out []verdict) {
	var info *redis.StringCmd
	cmds := make([]*redis.SliceCmd, len(g.at))
	err := t.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		if !t.redis.Embedded() {
			info = p.Info(ctx, "replication")
		}
		for i, at := range g.at {
			cmds[i] = p.HMGet(ctx, all[at].Key, "v", "m", "l")
		}
	})
	if err != nil || info != nil && fenceOf(info.Val()) == "" {
		return
	}
	for i, at := range g.at {
		out[at] = isOld
		if fields, err := cmds[i].Result(); err == nil && isConfirmed(fields, all[at].Version) {
			out[at] = isDone
		}
	}
}

// isConfirmed reports whether nothing below the version can be served from an entry or filled into it. fields are the entry's v, m and
// l. That is so if the entry has neither data nor a lease, because a reader that takes a lease later reads SQL later. The fence does
// not matter: under another fence the entry counts as absent.
func isConfirmed(fields []any, version int64) bool {
	data, hasData := fields[0].(string)
	minVersion, _ := fields[1].(string)
	_, leased := fields[2].(string)
	if !hasData && !leased {
		return true
	}
	v, _ := valueOf(data, "")
	m, _ := valueOf(minVersion, "")
	return max(v.Version, m.Version) >= version
}
