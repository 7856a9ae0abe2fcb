package cache

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Confirm makes every read of this process that begins after it returns show the versions, even if their writer never
// invalidated anything. It looks first, without scripts: as a rule the writer's own invalidation has arrived, and one
// pipelined round trip to each server is all. Entries that are still older are invalidated. It tries that once; keys
// whose invalidation a server has not taken are read from SQL by this process until it has. So it takes about two calls
// of a server for each 1,000 keys.
func (t *Tier) Confirm(ctx context.Context, all ...Invalidation) {
	if len(all) == 0 {
		return
	}
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
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
		refused, _ := t.invalidateOnce(ctx, Intent{}, send)
		left = append(left, refused...)
	}
	t.owe(ctx, left)
}

// verdict is what a look at an entry says about an invalidation.
type verdict int8

const (
	isUnknown verdict = iota // the server is away, or is not a primary
	isOld
	isDone
)

// confirmGroup looks at the entries of one server.
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

// isConfirmed reports, by the fields v, m and l of an entry, whether nothing below the version can be read from it or
// filled into it. Without data and without a lease nothing can: who takes a lease later reads SQL later. The fence does
// not matter: under another one the entry counts as absent.
func isConfirmed(fields []any, version int64) bool {
	data, hasData := fields[0].(string)
	floor, _ := fields[1].(string)
	_, leased := fields[2].(string)
	if !hasData && !leased {
		return true
	}
	v, _ := valueOf(data, "")
	m, _ := valueOf(floor, "")
	return max(v.Version, m.Version) >= version
}
