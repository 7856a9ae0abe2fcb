package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The functions here look at entries without changing them: nothing is filled, refreshed or removed. To Redis a look is an access all
// the same, so LRU and LFU evict an inspected entry later.

// State classifies what Redis holds under a key.
type State int

// The states of a key.
const (
	// Gone is a key that does not exist, or not any more.
	Gone State = iota
	// Held is an entry with data that reads return.
	Held
	// Empty is an entry without data: it has a minimum version, a lease or an announcement.
	Empty
	// PreviousEpoch is an entry with another fence, of a previous epoch of the server or of the log. To reads it is absent.
	PreviousEpoch
	// Broken is a value that is not an entry.
	Broken
	// Away is a key whose server did not answer.
	Away
)

// Inspected is the state of a key. Value is set only if the state is Held.
type Inspected struct {
	State State
	Value Value
}

// Inspect returns the states of keys, in their order. It takes one pipelined round trip a server.
func (t *Tier) Inspect(ctx context.Context, keys []string) []Inspected {
	out := make([]Inspected, len(keys))
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		cmds, fence, err := t.look(ctx, g, keys, nil)
		for i, at := range g.at {
			if err != nil || fence == "" {
				out[at].State = Away
				continue
			}
			t.redis.noteMoved(ctx, cmds[i].Err())
			out[at] = inspected(cmds[i], fence)
		}
	})
	return out
}

func inspected(cmd *redis.SliceCmd, fence string) Inspected {
	if redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") {
		return Inspected{State: Broken}
	}
	fields := cmd.Val()
	if cmd.Err() != nil || len(fields) != 3 {
		return Inspected{State: Away}
	}
	e, written := fields[0].(string)
	_, has := fields[1].(string)
	switch {
	case !written && !has && fields[2] == nil:
		return Inspected{} // also a hash without any field of an entry, which nothing makes
	case !written:
		return Inspected{State: Broken}
	case e != fence:
		return Inspected{State: PreviousEpoch}
	case !has:
		return Inspected{State: Empty}
	}
	if v, ok := entryOf(fields, fence); ok {
		return Inspected{State: Held, Value: v}
	}
	return Inspected{State: Broken}
}

// KeyBatch is some of the keys of a server, as Scan returns them.
type KeyBatch struct {
	Server string // host:port
	Keys   []string
	// Total is how many keys, entries and others, the server had when its scan began.
	Total int64
}

// Scan calls each with the keys of all entries, server by server. A batch has about size keys; it has none where Redis holds other keys.
// Keys that exist during the whole scan are returned at least once. A key may be returned twice while Redis resizes its table, and
// may be missed while its slot of a cluster moves. Scan asks for more keys only after each has returned. Servers that cannot be
// reached are left out and named in the error.
func (t *Tier) Scan(ctx context.Context, size int, each func(KeyBatch) error) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return err
	}
	if t.redis.Embedded() {
		size = max(size, minEmbeddedBatch) // each SCAN there sorts all keys
	}
	var failed error
	for _, s := range all {
		err, own := t.scanServer(ctx, s, size, each)
		if own || ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = fmt.Errorf("scan the keys of %s: %w", s.name(), err)
		}
	}
	return failed
}

// scanServer scans one server. own reports whether the error was returned by each.
func (t *Tier) scanServer(ctx context.Context, s *shard, size int, each func(KeyBatch) error) (err error, own bool) {
	var total int64
	if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
		total, err = s.client.DBSize(ctx).Result()
		return err
	}); err != nil {
		return err, false
	}
	err = t.scanKeys(ctx, s, size, func(keys []string) error {
		err := each(KeyBatch{Server: s.name(), Keys: keys, Total: total})
		own = err != nil
		return err
	})
	return err, own
}

// Sample returns up to n keys of entries, drawn at random from one server that is drawn at random. It takes one round trip. It returns
// fewer keys if the server holds other keys, too.
func (t *Tier) Sample(ctx context.Context, n int) ([]string, error) {
	if t.redis.Embedded() {
		return t.sampleEmbedded(n), nil
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

// sampleEmbedded draws from a list of all keys, because each RANDOMKEY of the in-process Redis visits half of them.
func (t *Tier) sampleEmbedded(n int) []string {
	all := slices.DeleteFunc(t.redis.embedded.DB(0).Keys(), func(key string) bool { return !strings.HasPrefix(key, EntryPrefix) })
	n = min(n, len(all))
	for i := range n {
		j := i + rand.IntN(len(all)-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:n:n]
}

// minEmbeddedBatch is the smallest batch of a scan of the in-process Redis.
const minEmbeddedBatch = 5000
