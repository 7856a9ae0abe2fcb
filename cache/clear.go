package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// errNoReign is what a server cannot be used for.
var errNoReign = errors.New("it is not a primary, or hides its replication id (INFO replication)")

// scanCount is how many keys Redis looks at for one SCAN.
const scanCount = 1000

// Clear begins a new epoch: when it returns nil, nothing that was read from SQL before it was called is
// served, or filled, any more. It is for writes that do not name their rows, such as a bulk import: call
// it after the commit, and again from the relay until it succeeds. It removes entry by entry, which is
// what eviction does, at any time. On the way it takes as long as the servers need to look at all their
// keys; ctx bounds it.
//
// It needs no epoch in the entries: whatever may have been read before the call lies in an entry, or
// will be filled under a lease in an entry, that is there when the scan begins. SCAN gives all of those
// that stay, and those that do not stay are gone.
func (t *Tier) Clear(ctx context.Context) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := t.clear(ctx, s); err != nil {
			return fmt.Errorf("clear the cache of %s: %w", s.name(), err)
		}
	}
	return nil
}

// errReign says that another process took over while a scan was under way; what it had of old entries
// counts as absent, but what it filled since does not.
var errReign = errors.New("another server took over")

func (t *Tier) clear(ctx context.Context, s *shard) error {
	before, err := t.fence(ctx, s)
	if err != nil {
		return err
	}
	if err := t.scan(ctx, s, scanCount, func(keys []string) error { return t.unlink(ctx, s, keys) }); err != nil {
		return err
	}
	after, err := t.fence(ctx, s)
	if err == nil && before != after {
		err = errReign
	}
	return err
}

// scan gives the keys of all entries of a server, about size at a time. An error of each ends it.
func (t *Tier) scan(ctx context.Context, s *shard, size int, each func(keys []string) error) error {
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var keys []string
		if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
			keys, cursor, err = s.client.Scan(ctx, cursor, EntryPrefix+"*", int64(size)).Result()
			return err
		}); err != nil {
			return err
		}
		if err := each(keys); err != nil {
			return err
		}
	}
	return nil
}

// Drop removes entries, as eviction does at any time. On an error some may have stayed, to end by themselves.
func (t *Tier) Drop(ctx context.Context, keys ...string) error {
	groups := t.redis.groups(ctx, keys)
	errs := make(chan error, len(groups))
	eachGroup(groups, func(g group) {
		mine := make([]string, len(g.at))
		for i, at := range g.at {
			mine[i] = keys[at]
		}
		if g.shard == nil {
			errs <- ErrDown
		} else {
			errs <- t.unlink(ctx, g.shard, mine)
		}
	})
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// unlink removes keys one by one, so that it runs on a cluster.
func (t *Tier) unlink(ctx context.Context, s *shard, keys []string) error {
	for len(keys) > t.redis.batch {
		if err := t.unlink(ctx, s, keys[:t.redis.batch]); err != nil {
			return err
		}
		keys = keys[t.redis.batch:]
	}
	if len(keys) == 0 {
		return nil
	}
	cmds := make([]*redis.IntCmd, len(keys))
	err := t.redis.pipeline(ctx, s, func(p redis.Pipeliner) {
		for i, key := range keys {
			cmds[i] = p.Unlink(ctx, key)
		}
	})
	for _, cmd := range cmds {
		if err == nil {
			err = cmd.Err()
		}
	}
	return err
}

// fence reads the reign of a server.
func (t *Tier) fence(ctx context.Context, s *shard) (fence string, err error) {
	if t.redis.Embedded() {
		return embeddedFence, nil
	}
	err = t.redis.asked(ctx, &s.breaker, func(ctx context.Context) error {
		info, err := s.client.Info(ctx, "replication").Result()
		fence = fenceOf(info)
		return err
	})
	if err == nil && fence == "" {
		err = errNoReign
	}
	return fence, err
}

// Probe checks what the tier needs of every server: that it is a primary, that commands and scripts see
// the same reign, and that it takes scripts, which it then knows. A server that is away is no error here.
func (t *Tier) Probe(ctx context.Context) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return nil
	}
	for _, s := range all {
		if err := t.probe(ctx, s); err != nil {
			return fmt.Errorf("redis %s cannot be used as a cache: %w", s.name(), err)
		}
	}
	return nil
}

func (t *Tier) probe(ctx context.Context, s *shard) error {
	if err := t.teach(ctx, s); err != nil {
		return ignoreAway(err)
	}
	if t.redis.Embedded() {
		return nil
	}
	fence, err := t.fence(ctx, s)
	if err != nil {
		return ignoreAway(err)
	}
	var got any
	if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
		got, err = s.client.Eval(ctx, probeText, nil).Result()
		return err
	}); err != nil {
		return ignoreAway(err)
	}
	if got != fence {
		return fmt.Errorf("scripts see the reign %v, commands %s", got, fence)
	}
	return nil
}

// teach loads the scripts, so that their first uses take one trip.
func (t *Tier) teach(ctx context.Context, s *shard) error {
	return t.redis.pipeline(ctx, s, func(p redis.Pipeliner) {
		for _, script := range []script{t.scripts.lease, t.scripts.fill, t.scripts.invalidate, t.scripts.intend, t.scripts.release} {
			p.ScriptLoad(ctx, script.text)
		}
	})
}

func ignoreAway(err error) error {
	if err != errNoReign && unusable(err) {
		return nil
	}
	return err
}

const probeText = `return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')`
