package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// What is here looks at entries without changing them: nothing is filled, refreshed or removed. To Redis a
// look is an access all the same, so an entry that is looked at is evicted later by LRU and LFU.

// State is what lies under a key.
type State int

// The states of a key.
const (
	// Gone says that nothing does, or that it ended since.
	Gone State = iota
	// Held is an entry that reads are answered from.
	Held
	// Empty is an entry without data: a floor, a lease, an intent.
	Empty
	// Former is an entry of a former reign; reads take it for absent.
	Former
	// Broken is what is no entry.
	Broken
	// Away says that the key's server did not answer.
	Away
)

// Peeked is what lies under a key. Value is set if it is Held.
type Peeked struct {
	State State
	Value Value
}

// Peek looks at keys, in their order, in one pipelined round trip a server.
func (t *Tier) Peek(ctx context.Context, keys []string) []Peeked {
	out := make([]Peeked, len(keys))
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		cmds, fence, err := t.look(ctx, g, keys, nil)
		for i, at := range g.at {
			if err != nil || fence == "" {
				out[at].State = Away
				continue
			}
			t.redis.noteMoved(ctx, cmds[i].Err())
			out[at] = peeked(cmds[i], fence)
		}
	})
	return out
}

func peeked(cmd *redis.SliceCmd, fence string) Peeked {
	if redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") {
		return Peeked{State: Broken}
	}
	fields := cmd.Val()
	if cmd.Err() != nil || len(fields) != 3 {
		return Peeked{State: Away}
	}
	e, written := fields[0].(string)
	_, has := fields[1].(string)
	switch {
	case !written && !has && fields[2] == nil:
		return Peeked{} // also a hash without any of an entry's fields, which nobody makes
	case !written:
		return Peeked{State: Broken}
	case e != fence:
		return Peeked{State: Former}
	case !has:
		return Peeked{State: Empty}
	}
	if v, ok := entryOf(fields, fence); ok {
		return Peeked{State: Held, Value: v}
	}
	return Peeked{State: Broken}
}

// Stretch is some of the keys of a server.
type Stretch struct {
	Server string // host:port
	Keys   []string
	// Total is how many keys, entries and others, the server had when the walk of it began.
	Total int64
}

// Walk gives the keys of all entries, server by server; a stretch has about size keys, or none where Redis
// has others. Keys that are there all the time are given at least once; while a table of Redis changes its size
// one may be given twice, and while a slot of a cluster moves not at all. It waits for each before it asks for
// more keys. Servers that cannot be asked are left out and named in the error.
func (t *Tier) Walk(ctx context.Context, size int, each func(Stretch) error) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return err
	}
	if t.redis.Embedded() {
		size = max(size, embeddedStretch) // there each look sorts all keys
	}
	var failed error
	for _, s := range all {
		err, own := t.walk(ctx, s, size, each)
		if own || ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = fmt.Errorf("look at all keys of %s: %w", s.name(), err)
		}
	}
	return failed
}

// walk tells whether the error is that of each.
func (t *Tier) walk(ctx context.Context, s *shard, size int, each func(Stretch) error) (err error, own bool) {
	var total int64
	if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
		total, err = s.client.DBSize(ctx).Result()
		return err
	}); err != nil {
		return err, false
	}
	err = t.scan(ctx, s, size, func(keys []string) error {
		err := each(Stretch{Server: s.name(), Keys: keys, Total: total})
		own = err != nil
		return err
	})
	return err, own
}

// Some gives up to n keys of entries, drawn at random from one server that is drawn at random, in one round
// trip: fewer where Redis keeps other keys, too.
func (t *Tier) Some(ctx context.Context, n int) ([]string, error) {
	if t.redis.Embedded() {
		return t.someEmbedded(n), nil
	}
	all, err := t.redis.servers(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	s := all[rand.IntN(len(all))]
	cmds := make([]*redis.StringCmd, n)
	if err := t.redis.pipeline(ctx, s, func(p redis.Pipeliner) {
		for i := range cmds {
			cmds[i] = p.RandomKey(ctx)
		}
	}); err != nil {
		return nil, err
	}
	var keys []string
	for _, cmd := range cmds {
		if strings.HasPrefix(cmd.Val(), EntryPrefix) {
			keys = append(keys, cmd.Val())
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// someEmbedded draws from a list of all keys, because each RANDOMKEY there walks through half of them.
func (t *Tier) someEmbedded(n int) []string {
	all := slices.DeleteFunc(t.redis.embedded.DB(0).Keys(), func(key string) bool { return !strings.HasPrefix(key, EntryPrefix) })
	n = min(n, len(all))
	for i := range n {
		j := i + rand.IntN(len(all)-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:n:n]
}

// embeddedStretch is the least that a stretch has in the process.
const embeddedStretch = 5000
